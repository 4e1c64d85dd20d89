import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import {
  moveLogPageSchema,
  planSchema,
  quarantinePageSchema,
  rehearsalSchema,
  replaySchema,
  storageUnitSchema,
  storageUnitsSchema,
} from '../../moves/moves.schema.ts'
import type { Moves } from './moves.ts'

interface Server {
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

const STEPS_WITH_BODY: readonly string[] = ['cutover', 'rollback', 'finish']

/** The moves of a server, over its API. Errors are those of the service there, or {@link UnreachableError}. */
export function remoteMoves(server: Server): Moves {
  const get = <T>(path: string, schema: z.ZodType<T>, query: Record<string, unknown> = {}) =>
    call(server, 'GET', path + queryOf(query), schema)
  const post = <T>(path: string, schema: z.ZodType<T>, body?: unknown, signal?: AbortSignal) =>
    call(server, 'POST', path, schema, body, signal)
  const unitPath = (unit: string) => `/api/storage/units/${encodeURIComponent(unit)}`
  return {
    units: async () => (await get('/api/storage', storageUnitsSchema)).items,
    unit: (name) => get(unitPath(name), storageUnitSchema),
    plan: (units, signal) => post('/api/storage/plan', planSchema, { units }, signal),
    rehearse: (unit, _actor, signal) =>
      post(`${unitPath(unit)}/rehearse`, rehearsalSchema, undefined, signal),
    act: (unit, action, _actor, options = {}) =>
      post(
        `${unitPath(unit)}/${action}`,
        storageUnitSchema,
        STEPS_WITH_BODY.includes(action) ? options : undefined,
      ),
    log: async (query) => (await get('/api/storage/log', moveLogPageSchema, query)).items,
    quarantine: async (query) => (await get('/api/storage/quarantine', quarantinePageSchema, query)).items,
    acknowledge: (unit, rows) =>
      post(`${unitPath(unit)}/quarantine/acknowledge`, storageUnitSchema, { rows }),
    replay: (unit) => post(`${unitPath(unit)}/quarantine/replay`, replaySchema),
  }
}

function queryOf(query: Record<string, unknown>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value))
  }
  return params.size === 0 ? '' : `?${params.toString()}`
}

async function call<T>(
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
