import { expect, test } from 'vitest'
import type { LogEntry } from '../../ui/log-viewer/log-buffer.ts'
import { createSearchMerge } from './search-merge.ts'

let id = 0
const time = (second: number) => `2026-11-21T00:00:${String(second).padStart(2, '0')}.000000000Z`
const entry = (source: string, second: number, kind: LogEntry['kind'] = 'line'): LogEntry => {
  id += 1
  return { id, kind, source, at: time(second), stream: 'stdout', text: `${source}${second}`, level: null }
}
const step = (source: string, seconds: number[], at: number, skipped = false) => ({
  entries: seconds.map((second) => entry(source, second)),
  skipped,
  at: time(at),
})
const texts = (released: { entries: LogEntry[] }) => released.entries.map((each) => each.text)
const none = new Map([
  ['a', []],
  ['b', []],
])

test('one log is shown as it is searched', () => {
  const merge = createSearchMerge(new Map([['a', []]]))
  expect(texts(merge.take('a', step('a', [1, 3], 4)))).toEqual(['a1', 'a3'])
  expect(texts(merge.take('a', step('a', [6], 9)))).toEqual(['a6'])
})

test('of several logs a line waits until every search has passed its time', () => {
  const merge = createSearchMerge(none)
  expect(texts(merge.take('a', step('a', [2, 8], 9)))).toEqual([])
  expect(texts(merge.take('b', step('b', [1, 5], 6)))).toEqual(['b1', 'a2', 'b5'])
  expect(texts(merge.finish('b'))).toEqual(['a8'])
})

test('what was left out takes away what is before it, of all logs', () => {
  const merge = createSearchMerge(none)
  merge.take('a', step('a', [1, 4], 9))
  const released = merge.take('b', step('b', [3, 5], 9, true))
  expect(released.clear).toBe(true)
  expect(texts(released)).toEqual(['b3', 'a4', 'b5'])
})

test('marks stand among the lines, those before the first line stay out', () => {
  const marks = new Map([['a', [entry('a', 7, 'mark'), entry('a', 5, 'mark'), entry('a', 1, 'mark')]]])
  const merge = createSearchMerge(marks)
  expect(texts(merge.take('a', step('a', [2], 4)))).toEqual(['a2'])
  expect(texts(merge.take('a', step('a', [6], 6)))).toEqual(['a5', 'a6'])
  expect(texts(merge.finish('a'))).toEqual(['a7'])
})

test('a line without time goes with the one before it', () => {
  const merge = createSearchMerge(none)
  merge.finish('b')
  const dateless = { ...entry('a', 9), at: null, text: 'dateless' }
  const released = merge.take('a', { entries: [entry('a', 1), dateless], skipped: false, at: time(1) })
  expect(texts(released)).toEqual(['a1', 'dateless'])
})
