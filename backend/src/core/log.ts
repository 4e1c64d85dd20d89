import { writeSync } from 'node:fs'
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'

export type Log = Logger

/** Levels that LOG_LEVEL takes. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const SECRET_FIELDS = [
  'password',
  'currentPassword',
  'newPassword',
  'passwordHash',
  'token',
  'secret',
  'apiKey',
  'secretKey',
  'authorization',
  'cookie',
  'tlsKey',
]

/** Credentials inside URLs, bearer tokens and password pairs of connection strings, wherever they stand in a text. */
export function redactText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1***@')
    .replace(/\b(bearer|basic)\s+[a-z0-9._~+/=-]+/gi, '$1 ***')
    .replace(/\b(password|passwd|token|secret|api[_-]?key)=[^\s&;]+/gi, '$1=***')
}

function redactTexts(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (depth > 4 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => redactTexts(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactTexts(item, depth + 1)]))
}

const STANDARD_OUTPUT = 1
const RETRY_MS = 10
const MOST_RETRIES = 100

/**
 * Standard output, whose failure is never the product's: on a full disk or a closed terminal lines are lost, and
 * counted as soon as one can be written again. pino's own stream throws into the caller then, or waits for ever.
 */
function standardOutput(): DestinationStream {
  let lost = 0
  return {
    write(line) {
      try {
        if (lost > 0)
          writeAll(
            `{"level":"warn","time":"${new Date().toISOString()}","lost":${lost},"msg":"log lines were lost"}\n`,
          )
        lost = 0
        writeAll(line)
      } catch {
        // There is no other place to say it.
        lost++
      }
    },
  }
}

function writeAll(line: string): void {
  let bytes = Buffer.from(line)
  let retries = 0
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(STANDARD_OUTPUT, bytes))
    } catch (error) {
      // A pipe whose reader is slow.
      const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
      if (!isFull || ++retries > MOST_RETRIES) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    }
  }
}

/**
 * The process's logger: JSON lines on stdout, errors under `err`.
 * Fields that name a secret are censored at the first two levels, and credentials in error texts and URLs as well.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '***' },
    serializers: {
      err: (error: Error) => redactTexts(stdSerializers.err(error)),
      url: (url: unknown) => redactTexts(url),
      reason: (reason: unknown) => redactTexts(reason),
    },
  }
  return pino(options, destination ?? standardOutput())
}
