import { expect, test } from 'vitest'
import { formatTimeTick } from './time-axis.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const at = (text: string) => new Date(text).getTime()

test('seconds show where ticks are closer than a minute', () => {
  expect(formatTimeTick(at('2026-11-21T13:05:10'), 10_000)).toBe('13:05:10')
  expect(formatTimeTick(at('2026-11-21T13:05:00'), MINUTE)).toBe('13:05')
})

test('midnight and ticks days apart show the date', () => {
  expect(formatTimeTick(at('2026-11-21T00:00:00'), 60 * MINUTE)).toBe('21 Nov')
  expect(formatTimeTick(at('2026-11-21T13:00:00'), 2 * DAY)).toBe('21 Nov')
})

test('ticks months apart show the month, and the year at its turn', () => {
  expect(formatTimeTick(at('2026-11-01T00:00:00'), 30 * DAY)).toBe('Nov')
  expect(formatTimeTick(at('2027-01-01T00:00:00'), 30 * DAY)).toBe('2027')
})
