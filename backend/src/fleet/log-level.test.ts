import { describe, expect, it } from 'vitest'
import { guessLevel } from './log-level.ts'

describe('guessLevel', () => {
  it.each([
    ['{"level":"error","msg":"x"}', 'error'],
    ['{"time":1,"level":30,"msg":"error in text"}', 'info'],
    ['{"severity":"WARNING"}', 'warn'],
    ['{"level":60}', 'fatal'],
    ['time=2026 level=warn msg="x"', 'warn'],
    ['ts=1 lvl=dbug', null],
    ['[ERROR] no', 'error'],
    ['2026-11-21 03:04:05,123 INFO  main - ready', 'info'],
    ['2026-11-21T03:04:05Z WARN something', 'warn'],
    ['E1121 03:04:05.123 file.go:1] no', 'error'],
    ['I1121 03:04:05.123 file.go:1] yes', 'info'],
    ['\u001b[32minfo\u001b[0m line 5', 'info'],
    ['\u001b[31merror\u001b[0m <script>', 'error'],
    ['FATAL: cannot open /data/store', 'fatal'],
    ['2026-11-21 03:04:05.123 UTC [1] LOG:  database system is ready', 'info'],
    ['2026-11-21 03:04:05.123 UTC [9] ERROR:  relation "x"', 'error'],
    ['panic: runtime error', 'fatal'],
    ['Exception in thread main', null],
    ['GET /errors/list HTTP/1.1 200', null],
    ['there was no error here', null],
    ['12:30:01 error here', 'error'],
    ['the debugger was here', null],
    ['', null],
  ])('%s → %s', (line, level) => {
    expect(guessLevel(line)).toBe(level)
  })

  it('looks at the beginning of a line only', () => {
    expect(guessLevel(`${'a '.repeat(300)} ERROR`)).toBeNull()
  })
})
