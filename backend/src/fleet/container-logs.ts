import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { RE2JS, RE2JSSyntaxException } from 're2js'
import { invalid } from '../core/errors.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { LogFrameParser, type RawLogLine } from './docker/log-frames.ts'
import type { LogLevel, LogLine, LogStream } from './log.schema.ts'
import { guessLevel } from './log-level.ts'

export interface LogFilter {
  /** Part of the text, whatever the case; or a regular expression (RE2) when `regex`. */
  readonly q?: string | undefined
  readonly regex?: boolean | undefined
  readonly invert?: boolean | undefined
  readonly stream?: LogStream | undefined
  /** That level and the more severe ones. */
  readonly level?: LogLevel | undefined
}

export interface LogQuery extends LogFilter {
  /** Lines to answer with, the newest ones. */
  readonly tail: number
  /** ISO 8601, fractions up to nanoseconds. */
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Without `tail`, all lines that are asked for. */
export type LogDownload = Omit<LogQuery, 'tail'> & { readonly tail?: number | undefined }

export interface LoggedContainer {
  readonly id: string
  readonly tty: boolean
}

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC starts every ANSI sequence
const ansi = /\u001b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g

type Matcher = (line: RawLogLine, level: LogLevel | null) => boolean

/** @throws AppError `invalid_regex` when the expression is not one of RE2 */
export function logMatcher(filter: LogFilter): Matcher {
  const matchesText = textMatcher(filter)
  const lowest = filter.level === undefined ? -1 : levels.indexOf(filter.level)
  return (line, level) => {
    if (filter.stream !== undefined && line.stream !== filter.stream) return false
    if (lowest >= 0 && (level === null || levels.indexOf(level) < lowest)) return false
    if (!matchesText) return true
    const text = line.text.includes('\u001b') ? line.text.replace(ansi, '') : line.text
    return matchesText(text) !== (filter.invert ?? false)
  }
}

function textMatcher(filter: LogFilter): ((text: string) => boolean) | undefined {
  const { q } = filter
  if (q === undefined || q === '') return undefined
  if (!filter.regex) {
    const wanted = q.toLowerCase()
    return (text) => text.toLowerCase().includes(wanted)
  }
  try {
    const pattern = RE2JS.compile(q, RE2JS.CASE_INSENSITIVE)
    return (text) => pattern.matcher(text).find()
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error
    throw invalid(`q is not a regular expression: ${error.message}`, undefined, 'invalid_regex')
  }
}

/** Whether lines must be looked at to be chosen; the engine itself chooses streams. */
export const isFiltered = (filter: LogFilter) => Boolean(filter.q) || filter.level !== undefined

/** The log as text, `timestamp text` a line; reads only as fast as it is taken. */
export async function downloadLogs(
  source: DockerSource,
  container: LoggedContainer,
  query: LogDownload,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; toText: Transform }> {
  const matches = logMatcher(query)
  // An engine counts from the end of the log, before it leaves out what is after `until` and whatever does not match.
  const byEngine = query.until === undefined && !isFiltered(query)
  const newest = byEngine ? undefined : query.tail
  let out: string[] = []
  const taken = () => {
    const text = out.join('')
    out = []
    return text
  }
  const parser = new LogFrameParser(container.tty, (line) => {
    if (!matches(line, query.level === undefined ? null : guessLevel(line.text))) return
    out.push(line.at === null ? `${line.text}\n` : `${line.at} ${line.text}\n`)
  })
  const toText = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        parser.push(chunk)
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)))
        return
      }
      if (newest === undefined) return done(null, taken())
      out = out.slice(-newest)
      done()
    },
    flush(done) {
      parser.end()
      if (newest !== undefined) out = out.slice(-newest)
      done(null, taken())
    },
  })
  const request = engineRequest(query, byEngine ? query.tail : undefined)
  return { response: await source.logs(container.id, request, signal), toText }
}

/** Feeds a whole log stream to a parser. */
export async function consume(response: IncomingMessage, parser: LogFrameParser): Promise<void> {
  try {
    for await (const chunk of response)
      parser.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)))
    parser.end()
  } finally {
    response.destroy()
  }
}

export function toLogLine(line: RawLogLine, level: LogLevel | null, seq: number): LogLine {
  return {
    at: line.at,
    stream: line.stream,
    text: line.text,
    level,
    seq,
    ...(line.truncated ? { truncated: true } : {}),
  }
}

export function engineRequest(query: Pick<LogQuery, 'stream' | 'since' | 'until'>, tail: number | undefined) {
  return {
    stdout: query.stream !== 'stderr',
    stderr: query.stream !== 'stdout',
    tail,
    since: query.since === undefined ? undefined : engineSeconds(query.since),
    until: query.until === undefined ? undefined : engineSeconds(query.until),
  }
}

/** ISO 8601 as Unix seconds with the fraction kept to the nanosecond. */
export function engineSeconds(iso: string): string {
  const fraction = /\.(\d{1,9})\d*(?:Z|[+-])/.exec(iso)?.[1] ?? ''
  return `${Math.floor(Date.parse(iso) / 1000)}.${fraction.padEnd(9, '0')}`
}
