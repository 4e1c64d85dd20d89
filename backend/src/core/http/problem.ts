import { z } from 'zod'
import { DbError } from '../../db/db-errors.ts'
import { AppError } from '../errors.ts'

/** RFC 9457. `code` is what clients switch on; `detail` is for people. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    requestId: z.string(),
    issues: z
      .array(z.object({ in: z.string(), path: z.string(), code: z.string(), message: z.string() }))
      .optional(),
    domain: z.string().optional(),
    reason: z.string().optional(),
    retryAfterSeconds: z.number().optional(),
  })
  .meta({ id: 'Problem' })

const TITLES: Readonly<Record<number, string>> = {
  400: 'Not valid',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Media type not supported',
  422: 'Cannot be done',
  429: 'Too many requests',
  500: 'Internal error',
  502: 'Upstream failed',
  503: 'Unavailable',
  504: 'Upstream timed out',
}

export const STORE_RETRY_SECONDS = 5

/** What the error middleware answers. */
export function toProblem(error: AppError, requestId: string) {
  return {
    type: `urn:holdfast:problem:${error.code}`,
    title: TITLES[error.status] ?? 'Failed',
    status: error.status,
    code: error.code,
    detail: error.message,
    requestId,
    ...error.extra,
  }
}

/**
 * Turns anything thrown into an error for the caller. What is not known is hidden behind `internal_error`;
 * then `expected` is false and somebody must look at the log.
 */
export function toAppError(error: unknown): { error: AppError; expected: boolean } {
  if (error instanceof AppError) return { error, expected: true }
  if (error instanceof DbError) {
    const mapped = fromDbError(error)
    // A store that is away says so itself; a damaged file is only noticed here.
    if (mapped) return { error: mapped, expected: error.kind !== 'corrupt' }
  }
  const parserError = fromBodyParser(error)
  if (parserError) return { error: parserError, expected: true }
  const hidden = new AppError(
    500,
    'internal_error',
    'Something failed on the server. The log has the details under the request id.',
    {
      cause: error,
    },
  )
  return { error: hidden, expected: false }
}

function storeUnavailable(error: DbError, reason: string): AppError {
  const domain = 'domain' in error && typeof error.domain === 'string' ? { domain: error.domain } : {}
  return new AppError(503, 'store_unavailable', `The store behind this is unavailable: ${reason}`, {
    cause: error,
    extra: { ...domain, reason, retryAfterSeconds: STORE_RETRY_SECONDS },
  })
}

function fromDbError(error: DbError): AppError | undefined {
  switch (error.kind) {
    case 'unavailable':
      return storeUnavailable(error, error.message)
    case 'busy':
    case 'deadlock':
    case 'serialization':
      return storeUnavailable(error, 'it is busy')
    case 'timeout':
      return storeUnavailable(error, 'a statement took too long')
    case 'disk-full':
      return storeUnavailable(error, 'the disk is full')
    case 'read-only':
      return storeUnavailable(error, 'it is read-only')
    case 'corrupt':
      return storeUnavailable(error, 'its file is damaged')
    case 'unique':
      return new AppError(409, 'already_exists', 'Something with the same name or key is there already', {
        cause: error,
      })
    case 'foreign-key':
      return new AppError(
        409,
        'reference_missing',
        'It refers to something that is gone, or is still referred to',
        { cause: error },
      )
    case 'check':
    case 'not-null':
    case 'invalid-value':
    case 'cancelled':
    case 'other':
      return undefined
  }
}

/** body-parser and express raise http-errors: `status`, `type`, and a message that may repeat the input. */
function fromBodyParser(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  const type = 'type' in error && typeof error.type === 'string' ? error.type : ''
  if (type === 'entity.too.large')
    return new AppError(413, 'body_too_large', 'The body is larger than this route takes', { cause: error })
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return new AppError(415, 'unsupported_encoding', 'The body must be JSON in UTF-8', { cause: error })
  }
  if (type === 'entity.parse.failed')
    return new AppError(400, 'invalid_json', 'The body is not valid JSON', { cause: error })
  if (error.status >= 400 && error.status < 500) {
    return new AppError(error.status === 404 ? 404 : 400, 'bad_request', 'The request cannot be read', {
      cause: error,
    })
  }
  return undefined
}
