import { ConfigError } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import { isDbError } from '../../db/db-errors.ts'
import { StoreInUseError } from '../../db/store-in-use.ts'
import { UnreachableError } from '../server-call.ts'
import { EXIT, UsageError } from './moves.ts'

export interface Failure {
  readonly exit: number
  /** Stable; that of the API where it comes from there. */
  readonly code: string
  readonly message: string
  readonly reasons: readonly string[]
  /** What would help. */
  readonly hint?: string
}

/** A step that is refused for what time alone settles. */
export class TooEarlyError extends Error {
  constructor(cause: unknown) {
    super('The step is refused for now', { cause })
    this.name = 'TooEarlyError'
  }
}

/** A move that does not go on by itself. */
export class StuckError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StuckError'
  }
}

/** What an error means for whoever typed the command; undefined for what nobody foresaw. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof AppError) return fromApp(error)
  if (error instanceof TooEarlyError) {
    const failure = failureOf(error.cause)
    return failure && { ...failure, hint: 'This settles by itself: with --wait the command waits for it.' }
  }
  if (error instanceof UsageError) return plain(EXIT.usage, 'usage', error)
  if (error instanceof ConfigError) return plain(EXIT.usage, 'configuration', error)
  if (error instanceof UnreachableError) return plain(EXIT.unreachable, 'unreachable', error)
  if (error instanceof StoreInUseError) return plain(EXIT.unreachable, 'store_in_use', error)
  if (error instanceof StuckError) return plain(EXIT.failed, 'stuck', error)
  if (isDbError(error, 'unavailable')) return plain(EXIT.unreachable, 'store_unavailable', error)
  if (error instanceof Error && error.name === 'AbortError')
    return { exit: EXIT.interrupted, code: 'interrupted', message: 'Interrupted', reasons: [] }
  return undefined
}

const plain = (exit: number, code: string, { message }: Error): Failure => ({
  exit,
  code,
  message,
  reasons: [],
})

function fromApp({ status, code, message, extra }: AppError): Failure {
  return { exit: exitOf(status, code), code, message, reasons: reasonsOf(extra.reasons) }
}

function exitOf(status: number, code: string): number {
  if (code === 'flip_aborted') return EXIT.failed
  if (status === 401 || status === 403 || status === 503) return EXIT.unreachable
  return status < 500 ? EXIT.refused : EXIT.failed
}

function reasonsOf(issues: unknown): string[] {
  if (!Array.isArray(issues)) return []
  return issues.flatMap((issue: unknown) => {
    if (typeof issue === 'string') return [issue]
    const said = typeof issue === 'object' && issue !== null && 'message' in issue ? issue.message : undefined
    return typeof said === 'string' ? [said] : []
  })
}
