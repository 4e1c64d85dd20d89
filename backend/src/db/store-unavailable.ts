import { DbError } from './db-errors.ts'

/** A domain cannot be used now. The message is the reason, and says what to do where somebody must act. */
export class StoreUnavailableError extends DbError {
  readonly domain: string
  readonly reason: string

  constructor(domain: string, reason: string, cause?: unknown) {
    super('unavailable', reason, { cause })
    this.name = 'StoreUnavailableError'
    this.domain = domain
    this.reason = reason
  }
}
