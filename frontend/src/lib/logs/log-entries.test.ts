import { expect, test } from 'vitest'
import type { FleetEvent, LogLine } from '../api/types.ts'
import { eventEntry, lineEntry, newestAt, withMarks } from './log-entries.ts'

const line = (at: string | null, text = 'x'): LogLine => ({ at, stream: 'stdout', text, level: null, seq: 0 })
const event = (action: string, at: string, attributes: Record<string, string> = {}): FleetEvent => ({
  id: 1,
  at,
  endpointId: 1,
  kind: 'container',
  action,
  subjectId: 'a',
  subjectName: 'web',
  stack: null,
  attributes,
})

test('every entry has an id of its own', () => {
  expect(lineEntry(line(null), 'a').id).not.toBe(lineEntry(line(null), 'a').id)
})

test('a death says its exit code, an exec is no mark', () => {
  expect(eventEntry(event('die', '2026-11-21T00:00:00Z', { exitCode: '137' }), 'a')?.text).toBe(
    'web: die (137)',
  )
  expect(eventEntry(event('exec_start', '2026-11-21T00:00:00Z'), 'a')).toBeNull()
})

test('marks stand where their time is, those before the first line stay out', () => {
  const lines = ['2026-11-21T00:00:02Z', '2026-11-21T00:00:04Z'].map((at) => lineEntry(line(at, at), 'a'))
  const marks = ['01', '03', '05'].flatMap(
    (second) => eventEntry(event('start', `2026-11-21T00:00:${second}Z`), 'a') ?? [],
  )
  expect(withMarks(lines, marks).map((entry) => entry.at?.slice(17, 19))).toEqual(['02', '03', '04', '05'])
  expect(withMarks([], marks)).toEqual([])
})

test('the newest time ignores lines without one', () => {
  const entries = [lineEntry(line('2026-11-21T00:00:02Z'), 'a'), lineEntry(line(null), 'a')]
  expect(newestAt(entries)).toBe('2026-11-21T00:00:02Z')
  expect(newestAt([])).toBe('')
})
