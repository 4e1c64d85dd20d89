import { expect, test } from 'vitest'
import type { LogEntry } from './log-buffer.ts'
import { createLogFeed } from './log-feed.ts'

const line = (id: number): LogEntry => ({
  id,
  kind: 'line',
  source: 'a',
  at: null,
  stream: 'stdout',
  text: '',
  level: null,
})

function setUp() {
  const frames: (() => void)[] = []
  const feed = createLogFeed((work) => frames.push(work))
  let repaints = 0
  feed.subscribe(() => {
    repaints += 1
  })
  const frame = () => {
    for (const work of frames.splice(0)) work()
  }
  return { feed, frame, frames, repaints: () => repaints }
}

test('lines of many messages reach the buffer in one repaint', () => {
  const { feed, frame, frames, repaints } = setUp()
  for (let id = 0; id < 500; id += 1) feed.push([line(id)])
  expect(frames).toHaveLength(1)
  expect(feed.buffer.length).toBe(0)
  frame()
  expect([feed.buffer.length, repaints()]).toEqual([500, 1])
})

test('a change takes in waiting lines first and repaints at once', () => {
  const { feed, frame, repaints } = setUp()
  feed.push([line(2)])
  feed.change((buffer) => buffer.prepend([line(1)]))
  expect(feed.buffer.toArray().map((entry) => entry.id)).toEqual([1, 2])
  frame()
  expect(repaints()).toBe(1)
})

test('without frames the queue stays bounded and keeps the newest', () => {
  const { feed, frame } = setUp()
  feed.push(Array.from({ length: 60_000 }, (_, id) => line(id)))
  frame()
  expect(feed.buffer.length).toBe(10_000)
  expect(feed.buffer.get(9_999)?.id).toBe(59_999)
})
