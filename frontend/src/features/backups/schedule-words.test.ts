import { expect, test } from 'vitest'
import { scheduleWords } from './schedule-words.ts'

test.each([
  ['15 3 * * *', 'every day at 03:15'],
  ['0  22 * * 0', 'every Sunday at 22:00'],
  ['0 22 * * 7', 'every Sunday at 22:00'],
  ['30 4 * * 3', 'every Wednesday at 04:30'],
  ['*/5 * * * *', undefined],
  ['0 0 1 * *', undefined],
  ['0 0 * * 1-5', undefined],
])('%s is %s', (pattern, words) => {
  expect(scheduleWords(pattern)).toBe(words)
})
