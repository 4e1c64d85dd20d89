import { randomUUID } from 'node:crypto'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import type { z } from 'zod'
import { AppError, notFound } from '../errors.ts'
import type { Log } from '../log.ts'
import { compress, compression } from './compress.ts'
import { refuseCrossOrigin } from './origin.ts'
import { ANONYMOUS, type Principal } from './principal.ts'
import { toAppError, toProblem } from './problem.ts'
import { type AuditNote, isStreamResponse, type Route } from './route.ts'
import { sendJson, sendText } from './send-json.ts'

/** What a call of an audited route leaves behind. */
export interface AuditEvent extends AuditNote {
  readonly action: string
  readonly principal: Principal
  readonly requestId: string
  readonly ip: string
  readonly outcome: 'done' | 'failed'
  /** Code of the error, when it failed. */
  readonly code?: string
}

export interface HttpAppOptions {
  readonly log: Log
  readonly routes: readonly Route[]
  readonly publicUrl: string | undefined
  readonly trustProxy: false | number | readonly string[]
  /** Who is calling; rejects with 401 for a credential that is there but wrong. */
  authenticate(req: Request): Promise<Principal>
  /** Resolves when the call may go on; rejects with 401 or 403. */
  authorize(route: Route, principal: Principal, req: Request): Promise<void>
  /** Must not resolve before the record is durable. */
  audit(event: AuditEvent): Promise<void>
  /** Latency by route, for /metrics. */
  observe?(route: Route, status: number, seconds: number): void
  /** Checks answers against their schemas; for tests, since it costs time. */
  readonly checkResponses?: boolean
  /** Added behind the routes: static files and pages. */
  readonly fallback?: express.RequestHandler
}

const DEFAULT_BODY_LIMIT = 256 * 1024
const REQUEST_ID = /^[A-Za-z0-9._-]{8,128}$/

const requestIds = new WeakMap<Request, string>()

/** Id of the request, also in the X-Request-Id header of its answer. */
export function requestIdOf(req: Request): string {
  return requestIds.get(req) ?? 'unknown'
}

/** The Express app: security headers, request ids, the routes, and problem documents for whatever is thrown. */
export function createHttpApp(options: HttpAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.enable('case sensitive routing')
  app.enable('strict routing')
  app.set('query parser', 'simple')
  app.set('trust proxy', Array.isArray(options.trustProxy) ? [...options.trustProxy] : options.trustProxy)
  app.use(assignRequestId(options))
  app.use(securityHeaders(options.publicUrl))
  for (const route of options.routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1')
    app[route.method](path, (req, res) => serve(route, req, res, options))
  }
  if (options.fallback) app.use(compression, options.fallback)
  app.use((req: Request) => {
    throw notFound(`There is nothing at ${req.method} ${req.path.slice(0, 200)}`, 'no_route')
  })
  app.use(problemMiddleware(options.log))
  return app
}

function assignRequestId(options: HttpAppOptions) {
  return (req: Request, res: Response, next: NextFunction) => {
    const given = options.trustProxy === false ? undefined : req.get('x-request-id')
    const id = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()
    requestIds.set(req, id)
    res.setHeader('X-Request-Id', id)
    next()
  }
}

function securityHeaders(publicUrl: string | undefined) {
  const https = publicUrl?.startsWith('https:') ?? false
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Positions that components compute are style attributes; style elements stay forbidden.
        styleSrcAttr: ["'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        workerSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    // On plain http the header means nothing, and a proxy that ends TLS may set its own.
    strictTransportSecurity: https ? { maxAge: 15_552_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'same-origin' },
  })
}

async function serve(route: Route, req: Request, res: Response, options: HttpAppOptions): Promise<void> {
  const started = process.hrtime.bigint()
  res.once('close', () => {
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    options.observe?.(route, res.statusCode, seconds)
    options.log.debug(
      {
        requestId: requestIdOf(req),
        method: req.method,
        route: route.path,
        status: res.statusCode,
        ms: seconds * 1000,
      },
      'request',
    )
  })
  const principal = await identify(route, req, options)
  refuseCrossOrigin(req, options.publicUrl)
  await options.authorize(route, principal, req)
  // Also where none is expected: whoever sends something is told that it was not understood.
  if (route.body || req.is('application/json'))
    await readBody(req, res, route.bodyLimit ?? DEFAULT_BODY_LIMIT)
  if (Object.values(route.responses).some(isStreamResponse)) compress(res)
  const result = await runAudited(route, principal, req, res, options)
  await answer(route, result, res, options)
}

/** Health, and whatever else is for everybody, must answer while the store of the sessions is away. */
async function identify(route: Route, req: Request, options: HttpAppOptions): Promise<Principal> {
  try {
    return await options.authenticate(req)
  } catch (error) {
    if (route.access === 'public' && toAppError(error).error.code === 'store_unavailable') return ANONYMOUS
    throw error
  }
}

const parsers = new Map<number, express.RequestHandler>()

/** Bodies are read after authorisation, so that strangers cannot make the server parse. */
function readBody(req: Request, res: Response, limit: number): Promise<void> {
  if (!req.is('application/json')) {
    throw new AppError(415, 'unsupported_media_type', 'Send the body as application/json')
  }
  const parser = parsers.get(limit) ?? express.json({ limit, strict: false })
  parsers.set(limit, parser)
  return new Promise((resolve, reject) => {
    parser(req, res, (error: unknown) => (error ? reject(error) : resolve()))
  })
}

async function runAudited(
  route: Route,
  principal: Principal,
  req: Request,
  res: Response,
  options: HttpAppOptions,
) {
  const requestId = requestIdOf(req)
  const ip = req.ip ?? 'unknown'
  let note: AuditNote = {}
  const record = async (outcome: { outcome: 'done' } | { outcome: 'failed'; code: string }) => {
    if (route.audit === undefined) return
    const target = note.targetId === undefined ? Object.values(req.params).flat().join('/') : note.targetId
    await options.audit({
      ...note,
      targetId: target,
      action: route.audit,
      principal,
      requestId,
      ip,
      ...outcome,
    })
  }
  let result: unknown
  try {
    result = await route.handle({
      params: req.params,
      query: req.query,
      body: req.body,
      principal,
      req,
      res,
      requestId,
      ip,
      audit: (given) => {
        note = { ...note, ...given }
      },
    })
  } catch (error) {
    const failure = toAppError(error).error
    // Input that was refused changed nothing; what failed on the way may have.
    if (failure.status >= 409) await record({ outcome: 'failed', code: failure.code })
    throw error
  }
  await record({ outcome: 'done' })
  return result
}

async function answer(route: Route, result: unknown, res: Response, options: HttpAppOptions): Promise<void> {
  if (res.headersSent || res.writableEnded) return
  const status = successStatus(route, res)
  const spec = route.responses[status]
  if (spec === undefined) throw new Error(`${route.path} answers ${status}, which it does not declare`)
  res.status(status)
  if (spec === null) {
    res.end()
    return
  }
  if (isStreamResponse(spec)) throw new Error(`${route.path} has a stream response and wrote nothing`)
  if (options.checkResponses) assertMatches(route, spec, result)
  if (!res.hasHeader('Cache-Control'))
    res.setHeader('Cache-Control', route.method === 'get' ? 'private, no-cache' : 'no-store')
  await sendJson(res, result)
}

function successStatus(route: Route, res: Response): number {
  if (res.statusCode !== 200) return res.statusCode
  return [200, 201, 202, 204].find((status) => status in route.responses) ?? 200
}

/** Also fails for members that the schema does not name: they would leak unseen. */
function assertMatches(route: Route, schema: z.ZodType, result: unknown): void {
  const parsed = schema.safeParse(result)
  if (!parsed.success)
    throw new Error(`${route.method} ${route.path} breaks its schema: ${parsed.error.message}`)
}

function problemMiddleware(log: Log) {
  return (thrown: unknown, req: Request, res: Response, _next: NextFunction) => {
    const requestId = requestIdOf(req)
    const { error, expected } = toAppError(thrown)
    if (!expected) log.error({ err: thrown, requestId, method: req.method, path: req.path }, 'request failed')
    if (res.headersSent) {
      res.destroy()
      return
    }
    const retryAfter = error.extra.retryAfterSeconds
    if (typeof retryAfter === 'number') res.setHeader('Retry-After', String(Math.ceil(retryAfter)))
    if (error.status === 401) res.setHeader('WWW-Authenticate', 'Bearer realm="holdfast"')
    res.setHeader('Cache-Control', 'no-store')
    res.status(error.status).type('application/problem+json')
    sendText(res, JSON.stringify(toProblem(error, requestId)))
  }
}
