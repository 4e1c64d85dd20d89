import type { LogLevel } from './log.schema.ts'

const names: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  trc: 'trace',
  verbose: 'trace',
  finest: 'trace',
  finer: 'trace',
  debug: 'debug',
  dbg: 'debug',
  fine: 'debug',
  info: 'info',
  inf: 'info',
  information: 'info',
  notice: 'info',
  log: 'info',
  warn: 'warn',
  wrn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  eror: 'error',
  severe: 'error',
  fatal: 'fatal',
  ftl: 'fatal',
  critical: 'fatal',
  crit: 'fatal',
  panic: 'fatal',
  emerg: 'fatal',
  emergency: 'fatal',
  alert: 'fatal',
}
const klogLevels: Readonly<Record<string, LogLevel>> = {
  I: 'info',
  W: 'warn',
  E: 'error',
  F: 'fatal',
  D: 'debug',
}
const LOOKED_AT = 400

// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC starts every ANSI sequence
const ansi = /\u001b\[[0-9;:]*[A-Za-z]/g
const word = Object.keys(names).join('|')
const jsonLevel =
  /"(?:level|severity|lvl|loglevel|log\.level|levelname)"\s*:\s*(?:"([A-Za-z]{3,11})"|(\d{1,3})\b)/i
const logfmtLevel = new RegExp(`(?:^|[\\s,;])(?:level|lvl|severity)=["']?(${word})\\b`, 'i')
const bracketed = new RegExp(`[[(<|]\\s*(${word})\\s*[\\])>|]`, 'i')
const klog = /^([IWEFD])\d{4} \d\d:\d\d:\d\d/
// INFO as a word of its own early in the line; lower case only at the start, after a time, or before a colon.
const upperWord = new RegExp(`(?:^|[\\s:|\\]-])(${word.toUpperCase()})(?=$|[\\s:|[\\]-])`)
const leadingWord = new RegExp(`^(?:\\S*\\d\\S*\\s+){0,2}(${word}):?(?:\\s|$)`, 'i')
const wordColon = new RegExp(`(?:^|\\s)(${word}):`, 'i')

/**
 * The level that a log line names, or null. Looks at the first 400 characters: JSON, logfmt, brackets, klog, pino's
 * numbers, and words such as ERROR.
 */
export function guessLevel(line: string): LogLevel | null {
  const head = line.slice(0, LOOKED_AT)
  const text = head.includes('\u001b') ? head.replace(ansi, '') : head
  if (text.includes('"')) {
    const match = jsonLevel.exec(text)
    if (match?.[2] !== undefined) return numericLevel(Number(match[2]))
    if (match?.[1] !== undefined) return names[match[1].toLowerCase()] ?? null
  }
  const letter = klog.exec(text)?.[1]
  if (letter !== undefined) return klogLevels[letter] ?? null
  const found =
    logfmtLevel.exec(text) ??
    bracketed.exec(text) ??
    upperWord.exec(text.slice(0, 120)) ??
    leadingWord.exec(text.slice(0, 80)) ??
    wordColon.exec(text.slice(0, 80))
  return found?.[1] === undefined ? null : (names[found[1].toLowerCase()] ?? null)
}

/** pino and bunyan: 10 to 60; syslog severities: 0 to 7. */
function numericLevel(value: number): LogLevel | null {
  if (value >= 60) return 'fatal'
  if (value >= 50) return 'error'
  if (value >= 40) return 'warn'
  if (value >= 30) return 'info'
  if (value >= 20) return 'debug'
  if (value >= 10) return 'trace'
  if (value <= 2) return 'fatal'
  return value === 3 ? 'error' : value === 4 ? 'warn' : value === 7 ? 'debug' : 'info'
}
