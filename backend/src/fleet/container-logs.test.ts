import { describe, expect, it } from 'vitest'
import { engineSeconds, logMatcher } from './container-logs.ts'
import { guessLevel } from './log-level.ts'

const matches = (
  filter: Parameters<typeof logMatcher>[0],
  text: string,
  stream: 'stdout' | 'stderr' = 'stdout',
) => logMatcher(filter)({ at: null, stream, text, truncated: false }, guessLevel(text))

describe('log filter', () => {
  it('finds text whatever its case, and through colours', () => {
    expect(matches({ q: 'TIMEOUT' }, 'a timeout came')).toBe(true)
    expect(matches({ q: 'error here' }, '\u001b[31merror\u001b[0m here')).toBe(true)
    expect(matches({ q: 'a.b' }, 'axb')).toBe(false)
    expect(matches({ q: '' }, 'anything')).toBe(true)
  })

  it('finds by expression, and inverts', () => {
    expect(matches({ q: 'x\\d+', regex: true }, 'X42')).toBe(true)
    expect(matches({ q: 'x\\d+', regex: true, invert: true }, 'X42')).toBe(false)
    expect(matches({ q: 'x', invert: true }, 'y')).toBe(true)
  })

  it('is not held up by an expression that would explode', () => {
    expect(matches({ q: '(a+)+$', regex: true }, `${'a'.repeat(20_000)}!`)).toBe(false)
  })

  it('refuses what is no expression', () => {
    expect(() => logMatcher({ q: '(', regex: true })).toThrow('not a regular expression')
    expect(() => logMatcher({ q: '(?=x)', regex: true })).toThrow('not a regular expression')
  })

  it('keeps a level and what is worse', () => {
    expect(matches({ level: 'warn' }, '[ERROR] x')).toBe(true)
    expect(matches({ level: 'warn' }, '[INFO] x')).toBe(false)
    expect(matches({ level: 'trace' }, 'no level')).toBe(false)
  })

  it('keeps one stream', () => {
    expect(matches({ stream: 'stderr' }, 'x', 'stderr')).toBe(true)
    expect(matches({ stream: 'stderr' }, 'x', 'stdout')).toBe(false)
  })
})

describe('engineSeconds', () => {
  it('keeps nanoseconds and offsets', () => {
    expect(engineSeconds('2026-11-21T03:55:06.032118595Z')).toBe('1795233306.032118595')
    expect(engineSeconds('2026-11-21T04:55:06.5+01:00')).toBe('1795233306.500000000')
    expect(engineSeconds('2026-11-21T03:55:06Z')).toBe('1795233306.000000000')
  })
})
