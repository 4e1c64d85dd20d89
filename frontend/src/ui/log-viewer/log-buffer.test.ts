import { describe, expect, test } from 'vitest'
import { createLogBuffer, type LogEntry, mergeByTime } from './log-buffer.ts'

let nextId = 0
function aLine(over: Partial<LogEntry> = {}): LogEntry {
  nextId += 1
  return {
    id: nextId,
    kind: 'line',
    source: 'a',
    at: null,
    stream: 'stdout',
    text: String(nextId),
    level: null,
    ...over,
  }
}
const lines = (count: number) => Array.from({ length: count }, () => aLine())
const at = (second: number) => `2026-11-21T03:00:${String(second).padStart(2, '0')}.000000000Z`

describe('createLogBuffer', () => {
  test('keeps the newest lines up to its capacity', () => {
    const buffer = createLogBuffer(3)
    const all = lines(10)
    for (const line of all) buffer.append([line])
    expect(buffer.toArray()).toEqual(all.slice(-3))
    expect(buffer.length).toBe(3)
    expect(buffer.get(0)).toBe(all[7])
    expect(buffer.get(3)).toBeUndefined()
    expect(buffer.get(-1)).toBeUndefined()
  })

  test('takes a batch larger than itself', () => {
    const buffer = createLogBuffer(3)
    const all = lines(100)
    buffer.append(all)
    expect(buffer.toArray()).toEqual(all.slice(-3))
  })

  test('stands still while held and shows what came on release', () => {
    const buffer = createLogBuffer(5)
    const shown = lines(2)
    buffer.append(shown)
    buffer.hold()
    const late = lines(2)
    buffer.append(late)
    expect(buffer.toArray()).toEqual(shown)
    expect(buffer.pending).toBe(2)
    buffer.release()
    expect(buffer.toArray()).toEqual([...shown, ...late])
    expect(buffer.pending).toBe(0)
  })

  test('counts what did not fit while held', () => {
    const buffer = createLogBuffer(2)
    buffer.hold()
    buffer.append(lines(5))
    expect([buffer.pending, buffer.missed]).toEqual([2, 3])
  })

  test('puts older lines in front', () => {
    const buffer = createLogBuffer(10)
    const newer = lines(2)
    const older = lines(2)
    buffer.append(newer)
    buffer.prepend(older)
    expect(buffer.toArray()).toEqual([...older, ...newer])
    expect(buffer.indexOf(newer[1]!.id)).toBe(3)
    expect(buffer.indexOf(-1)).toBe(-1)
  })

  test('puts a late line of another container where its time says', () => {
    const buffer = createLogBuffer(10)
    buffer.append([aLine({ source: 'a', at: at(1) }), aLine({ source: 'a', at: at(5) })])
    buffer.append([aLine({ source: 'b', at: at(3) })])
    expect(buffer.toArray().map((entry) => entry.at)).toEqual([at(1), at(3), at(5)])
  })

  test('never reorders the lines of one container', () => {
    const buffer = createLogBuffer(10)
    buffer.append([aLine({ at: at(5) }), aLine({ at: at(3) })])
    expect(buffer.toArray().map((entry) => entry.at)).toEqual([at(5), at(3)])
  })
})

test('mergeByTime orders several containers and keeps each one’s own order', () => {
  const a = [aLine({ at: at(1) }), aLine({ at: null }), aLine({ at: at(4) })]
  const b = [aLine({ source: 'b', at: at(2) }), aLine({ source: 'b', at: at(4) })]
  expect(mergeByTime([a, b])).toEqual([a[0], a[1], b[0], a[2], b[1]])
})
