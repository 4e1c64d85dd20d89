/** One rejected field of a request. */
export interface Issue {
  path: string
  message: string
}

/** What the API answered instead of a result. `status` 0 means that the server was not reached. */
export class ApiError extends Error {
  readonly status: number
  /** Stable; switch on this, not on the message. */
  readonly code: string
  readonly requestId: string | null
  readonly issues: readonly Issue[]

  constructor(init: {
    status: number
    code: string
    message: string
    requestId?: string | null
    issues?: readonly Issue[]
    cause?: unknown
  }) {
    super(init.message, { cause: init.cause })
    this.name = 'ApiError'
    this.status = init.status
    this.code = init.code
    this.requestId = init.requestId ?? null
    this.issues = init.issues ?? []
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Accepts issues as the API writes them: `path` may be a list of keys or dotted text. */
function issuesOf(value: unknown): Issue[] {
  if (!Array.isArray(value)) return []
  return value.filter(isRecord).map((issue) => ({
    path: Array.isArray(issue.path) ? issue.path.join('.') : (textOf(issue.path) ?? ''),
    message: textOf(issue.message) ?? 'is not valid',
  }))
}

/** Makes an ApiError of an RFC 9457 problem document; anything else (a proxy's page) keeps at least its status. */
export function problemToError(status: number, body: unknown, requestId: string | null): ApiError {
  const problem = isRecord(body) ? body : {}
  return new ApiError({
    status,
    code: textOf(problem.code) ?? `http_${status}`,
    message: textOf(problem.detail) ?? textOf(problem.title) ?? `The server answered ${status}`,
    requestId: textOf(problem.requestId) ?? requestId,
    issues: issuesOf(problem.issues),
  })
}
