import {
  type AgentOptions,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ZodType } from 'zod'
import { answerError, connectionError, EngineError, errorCode } from './engine-error.ts'
import { type EngineTarget, guardedLookup } from './engine-target.ts'

interface EngineRequest {
  readonly method?: 'GET' | 'POST'
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** From sending the request to the last byte of the answer (of a stream: to its headers). */
  readonly timeoutMs?: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal | undefined
}

export interface EngineClient {
  readonly target: EngineTarget
  /** The answer's JSON, checked by `schema`. */
  json<T>(schema: ZodType<T>, path: string, options?: EngineRequest): Promise<T>
  /** For answers without a body. Resolves to the status: 204 done, 304 was already so. */
  send(path: string, options?: EngineRequest): Promise<number>
  /** An answer that is read as it comes. The caller destroys it; `signal` does too. */
  stream(path: string, options?: EngineRequest): Promise<IncomingMessage>
  close(): void
}

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_BODY_BYTES = 64 * 1024 * 1024
const REQUEST_SOCKETS = 72
const IDLE_SOCKETS = 8
const KEEP_ALIVE_MS = 30_000

/**
 * A client of the Docker Engine API on Node's own http.
 *
 * dockerode's transport formats every request with `util.inspect(…, { depth: null })` and follows
 * redirects: 11 ms of CPU a request, and stored credentials would go wherever a redirect points.
 */
export function createEngineClient(target: EngineTarget): EngineClient {
  const tls =
    target.transport === 'https'
      ? {
          ca: target.tls?.ca,
          cert: target.tls?.cert,
          key: target.tls?.key,
          rejectUnauthorized: target.tls?.verify ?? true,
        }
      : {}
  const createAgent = (options: AgentOptions) =>
    target.transport === 'https' ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options)
  const requests = createAgent({
    keepAlive: true,
    maxSockets: REQUEST_SOCKETS,
    maxFreeSockets: IDLE_SOCKETS,
    // As on the socket itself: otherwise each request would set it, and its end set it back.
    keepAliveMsecs: KEEP_ALIVE_MS,
  })
  // Follow-streams stay open for days; in the pool of requests they would stop everything else.
  const streams = createAgent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })
  const base: RequestOptions =
    target.transport === 'unix'
      ? { socketPath: target.socketPath, headers: { host: 'docker' } }
      : { host: target.host, port: target.port, headers: target.headers, lookup: guardedLookup }
  const send = target.transport === 'https' ? httpsRequest : httpRequest

  function open(
    path: string,
    options: EngineRequest,
    agent: HttpAgent,
    timeoutMs: number,
  ): Promise<{ response: IncomingMessage; remainingMs: number }> {
    const started = performance.now()
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted()
      const fail = (error: unknown) => {
        clearTimeout(timer)
        // The other side may close an idle connection just as it is used again: nothing was done yet.
        if (request.reusedSocket && errorCode(error) === 'ECONNRESET' && request.method === 'GET') {
          resolve(open(path, options, agent, timeoutMs))
          return
        }
        reject(options.signal?.aborted ? options.signal.reason : connectionError(error, target.url))
      }
      let request: ReturnType<typeof httpRequest>
      try {
        request = send({
          ...base,
          agent,
          method: options.method ?? 'GET',
          path: target.pathPrefix + path + queryString(options.query),
          ...(options.signal ? { signal: options.signal } : {}),
        })
      } catch (error) {
        // Bad PEM text throws here, when the TLS context is made.
        reject(connectionError(error, target.url))
        return
      }
      const timer = setTimeout(() => request.destroy(timeoutError(target.url, timeoutMs)), timeoutMs)
      request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS))
      request.on('error', fail)
      request.on('response', (response) => {
        clearTimeout(timer)
        resolve({ response, remainingMs: Math.max(1, timeoutMs - (performance.now() - started)) })
      })
      request.end()
    })
  }

  async function read(path: string, options: EngineRequest): Promise<{ status: number; body: Buffer }> {
    const { response, remainingMs } = await open(
      path,
      options,
      requests,
      options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    )
    const body = await readBody(response, options.maxBytes ?? MAX_BODY_BYTES, remainingMs, target.url)
    const status = response.statusCode ?? 0
    if ((status < 200 || status > 299) && status !== 304) {
      throw answerError(status, body.toString('utf8', 0, 4096), target.url)
    }
    return { status, body }
  }

  return {
    target,
    async json<T>(schema: ZodType<T>, path: string, options: EngineRequest = {}): Promise<T> {
      const { body } = await read(path, options)
      let value: unknown
      try {
        value = JSON.parse(body.toString('utf8'))
      } catch (error) {
        throw notDocker(target.url, error)
      }
      const parsed = schema.safeParse(value)
      if (!parsed.success) throw notDocker(target.url, parsed.error)
      return parsed.data
    },
    async send(path, options = {}) {
      return (await read(path, { method: 'POST', ...options })).status
    },
    async stream(path, options = {}) {
      const { response, remainingMs } = await open(
        path,
        options,
        streams,
        options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      )
      const status = response.statusCode ?? 0
      if (status >= 200 && status <= 299) return response
      const body = await readBody(response, 65_536, remainingMs, target.url)
      throw answerError(status, body.toString('utf8', 0, 4096), target.url)
    },
    close() {
      requests.destroy()
      streams.destroy()
    },
  }
}

function readBody(
  response: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  where: string,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => response.destroy(timeoutError(where, timeoutMs)), timeoutMs)
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) {
        response.destroy(new EngineError('too-large', `${where} sent an answer over ${maxBytes} bytes`))
        return
      }
      chunks.push(chunk)
    })
    response.on('end', () => {
      clearTimeout(timer)
      const first = chunks[0]
      resolve(chunks.length === 1 && first ? first : Buffer.concat(chunks, size))
    })
    const fail = (error?: unknown) => {
      clearTimeout(timer)
      reject(connectionError(error, where))
    }
    response.on('error', fail)
    response.on('close', () => {
      if (!response.readableEnded) fail()
    })
  })
}

function queryString(query: EngineRequest['query']): string {
  if (!query) return ''
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

function timeoutError(where: string, timeoutMs: number): EngineError {
  return new EngineError('timeout', `${where} did not answer within ${Math.round(timeoutMs / 1000)} s`, {
    hint: 'Check that the host is up and not overloaded, and that no firewall drops the connection.',
  })
}

function notDocker(where: string, cause: unknown): EngineError {
  return new EngineError('not-docker', `${where} gave an answer that is not of a Docker engine`, {
    hint: 'Check the address and port; for Portainer choose the kind "portainer".',
    cause,
  })
}
