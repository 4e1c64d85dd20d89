import createClient from 'openapi-fetch'
import type { paths } from './generated/schema.d.ts'
import { ApiError, problemToError } from './problem.ts'

export const api = createClient<paths>({ credentials: 'same-origin' })

api.use({
  async onResponse({ response }) {
    if (response.ok) return
    const text = await response.text()
    throw problemToError(response.status, parseJson(text), response.headers.get('x-request-id'))
  },
  onError({ error }) {
    // A cancelled query must stay an AbortError: the query client tells it from a failure.
    if (error instanceof ApiError || (error instanceof DOMException && error.name === 'AbortError')) return
    return new ApiError({
      status: 0,
      code: 'unreachable',
      message: 'The server cannot be reached',
      cause: error,
    })
  },
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy in between may answer with a page; its status is all there is to say.
    return null
  }
}

/** The body of a successful answer. Failures have been thrown as ApiError before. */
export async function unwrap<T>(call: Promise<{ data?: T; response: Response }>): Promise<NonNullable<T>> {
  const { data, response } = await call
  if (data === undefined || data === null) {
    throw new ApiError({
      status: response.status,
      code: 'empty_answer',
      message: 'The server answered nothing',
    })
  }
  return data
}
