import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { UsageError } from './storage/moves.ts'

/** A server that answers commands over its API. */
export interface Server {
  readonly url: string
  /** Sent as bearer token. */
  readonly token: string
}

/** The server did not answer, or something else did. */
export class UnreachableError extends Error {
  constructor(url: string, reason: string, cause?: unknown) {
    super(`No server answers at ${url}: ${reason}`, { cause })
    this.name = 'UnreachableError'
  }
}

const problemSchema = z.looseObject({ code: z.string(), detail: z.string() })

/** The server that a command names with `--url`, or HOLDFAST_URL; undefined when it names none. @throws UsageError */
export function namedServer(
  target: { readonly url?: string; readonly token?: string },
  env: Readonly<Record<string, string | undefined>>,
): Server | undefined {
  const url = target.url ?? (env.HOLDFAST_URL || undefined)
  const token = target.token ?? (env.HOLDFAST_TOKEN || undefined)
  if (url === undefined) return undefined
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new UsageError('--url (or HOLDFAST_URL) must be an address such as https://holdfast.example.org.')
  if (token === undefined)
    throw new UsageError(`Set HOLDFAST_TOKEN to an API token of an admin of ${url} (Settings, API tokens).`)
  return { url, token }
}

/**
 * Calls a route and checks the answer.
 *
 * @throws UnreachableError when it is not a server of this version that answers; AppError as the server said.
 */
export async function callServer<T>(
  server: Server,
  method: string,
  path: string,
  schema: z.ZodType<T>,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await send(server, method, path, body, signal)
  const answer = parseJson(await text(response))
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) {
    const parsed = schema.safeParse(answer)
    if (parsed.success) return parsed.data
    throw new UnreachableError(server.url, 'what answers is not this version of Holdfast')
  }
  const problem = problemSchema.safeParse(answer)
  if (!problem.success) throw new UnreachableError(server.url, `something else answers there (${status})`)
  const { code, detail, ...extra } = problem.data
  throw new AppError(status, code, detail, { extra })
}

/** Not `fetch`: it gives up after five minutes, and a rehearsal of a large unit takes longer. */
function send(
  server: Server,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const url = new URL(path, server.url)
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    authorization: `Bearer ${server.token}`,
    accept: 'application/json',
    ...(payload === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
  }
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? requestHttps : requestHttp
    const sent = start(url, { method, headers, agent: false, ...(signal ? { signal } : {}) }, resolve)
    sent.once('error', (error) => {
      if (signal?.aborted) reject(error)
      else reject(new UnreachableError(server.url, error.message, error))
    })
    sent.end(payload)
  })
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // A proxy's page, for example; whoever asked judges by the status.
    return undefined
  }
}
