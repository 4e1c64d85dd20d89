/** An error that is meant for the caller. `code` is stable and documented; clients switch on it. */
export class AppError extends Error {
  readonly status: number
  readonly code: string
  /** More members of the problem document, e.g. `issues`, `retryAfterSeconds`. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    message: string,
    details: { cause?: unknown; extra?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'AppError'
    this.status = status
    this.code = code
    this.extra = details.extra ?? {}
  }
}

export const notFound = (message: string, code = 'not_found') => new AppError(404, code, message)
export const conflict = (message: string, code = 'conflict') => new AppError(409, code, message)
export const forbidden = (message: string, code = 'forbidden') => new AppError(403, code, message)
export const unauthorized = (message: string, code = 'unauthorized') => new AppError(401, code, message)
export const unavailable = (message: string, code = 'unavailable', extra?: Record<string, unknown>) =>
  new AppError(503, code, message, extra ? { extra } : {})
export const invalid = (message: string, issues?: unknown, code = 'invalid_input') =>
  new AppError(400, code, message, issues === undefined ? {} : { extra: { issues } })
