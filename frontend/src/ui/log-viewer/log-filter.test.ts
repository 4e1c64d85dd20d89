import { describe, expect, test } from 'vitest'
import type { LogEntry } from './log-buffer.ts'
import { createLogMatcher, searchPattern } from './log-filter.ts'

const aLine = (over: Partial<LogEntry> = {}): LogEntry => ({
  id: 1,
  kind: 'line',
  source: 'a',
  at: null,
  stream: 'stdout',
  text: 'GET /health 200',
  level: 'info',
  ...over,
})

describe('createLogMatcher', () => {
  test('finds text in any case, taken literally', () => {
    expect(createLogMatcher({ q: 'get /HEALTH' })(aLine())).toBe(true)
    expect(createLogMatcher({ q: 'GET .health' })(aLine())).toBe(false)
  })

  test('finds by regular expression and inverts', () => {
    expect(createLogMatcher({ q: '5\\d\\d$', regex: true })(aLine())).toBe(false)
    expect(createLogMatcher({ q: '5\\d\\d$', regex: true, invert: true })(aLine())).toBe(true)
  })

  test('looks through colours', () => {
    expect(createLogMatcher({ q: 'error' })(aLine({ text: '\u001b[31mer\u001b[0mror' }))).toBe(true)
  })

  test('answers the same each time it is asked', () => {
    const matches = createLogMatcher({ q: 'get' })
    expect([matches(aLine()), matches(aLine()), matches(aLine())]).toEqual([true, true, true])
  })

  test('takes a level and graver ones', () => {
    const matches = createLogMatcher({ level: 'warn' })
    expect(matches(aLine({ level: 'error' }))).toBe(true)
    expect(matches(aLine({ level: 'info' }))).toBe(false)
    expect(matches(aLine({ level: null }))).toBe(false)
  })

  test('tells the streams apart and always shows marks', () => {
    const matches = createLogMatcher({ stream: 'stderr' })
    expect(matches(aLine())).toBe(false)
    expect(matches(aLine({ kind: 'mark' }))).toBe(true)
  })
})

test('searchPattern says what is wrong with an expression', () => {
  expect(searchPattern({ q: '(', regex: true })).toMatchObject({
    pattern: null,
    error: expect.stringContaining('('),
  })
  expect(searchPattern({ q: '(' }).error).toBeNull()
  expect(searchPattern({})).toEqual({ pattern: null, error: null })
})
