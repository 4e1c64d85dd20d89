import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Action, type Container, type Engine, EngineError } from './engine.ts'
import { parseFilters, passes } from './filters.ts'
import type { Snapshot } from './lifecycle.ts'
import {
  diskUsage,
  infoOf,
  inspectImage,
  inspectNetwork,
  listImages,
  listNetworks,
  listVolumes,
  versionOf,
} from './resources.ts'
import { type Exchange, flag, sendEvents, sendLogs, sendStats } from './streams.ts'
import { inspectOf, labelsOf, statusText, summaryOf, topOf } from './views.ts'

const OLDEST_API = 24
const MEGABYTE = 1024 * 1024

/** How a host answers; may be changed while it runs. */
export interface Conduct {
  /** Added to every answer, ms. */
  delayMs: number
  /** `hang`: connections are taken and never answered. `refuse`: they are cut at once. */
  mode: 'answer' | 'hang' | 'refuse'
}

interface ListedContainer {
  readonly snapshot: Snapshot
  readonly json: string
}

type Handler = (exchange: Exchange, name: string) => unknown

const ACTIONS = new Set<string>(['start', 'stop', 'restart', 'kill', 'pause', 'unpause'])
const isAction = (text: string): text is Action => ACTIONS.has(text)

/** Entries of the container list, kept as text: of 5,000 containers hardly one changes between two lists. */
function createLister() {
  const kept = new Map<Container['slot'], ListedContainer>()
  return ({ engine, query }: Exchange): string => {
    const now = engine.clock()
    const filters = parseFilters(query.get('filters'))
    const everything = flag(query, 'all') || filters.has('status') || filters.has('exited')
    const withSize = flag(query, 'size')
    const limit = Number(query.get('limit') ?? 0)
    const rows: string[] = []
    const containers = engine.list(now)
    if (limit > 0) {
      containers.sort((a, b) => b.snapshot.incarnation.createdAt - a.snapshot.incarnation.createdAt)
    }
    for (const container of containers) {
      const { slot, snapshot } = container
      if (!everything && limit <= 0 && (snapshot.state === 'exited' || snapshot.state === 'created')) continue
      if (filters.size > 0 && !passes(container, labelsOf(slot, snapshot.incarnation), filters)) continue
      let entry = kept.get(slot)
      if (entry?.snapshot !== snapshot) {
        entry = { snapshot, json: JSON.stringify(summaryOf(slot, snapshot)).slice(0, -1) }
        kept.set(slot, entry)
      }
      const size = withSize
        ? `,"SizeRw":${(slot.seed % 40) * MEGABYTE},"SizeRootFs":${slot.template.imageMb * MEGABYTE}`
        : ''
      rows.push(`${entry.json},"Status":${JSON.stringify(statusText(snapshot, now))}${size}}`)
      if (limit > 0 && rows.length >= limit) break
    }
    return `[${rows.join(',')}]`
  }
}

function sendJson(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

function containerAction({ engine, query, res }: Exchange, container: Container, action: Action): void {
  const changed = engine.act(action, container, query.get('signal') ?? 'SIGKILL')
  res.writeHead(changed ? 204 : 304)
  res.end()
}

/** Handlers by method and path; `*` stands for a name, which may contain slashes in image references. */
function createRoutes(): readonly (readonly [method: string, path: RegExp, handler: Handler])[] {
  const listContainers = createLister()
  const found = (work: (exchange: Exchange, container: Container) => unknown): Handler => {
    return (exchange, name) => work(exchange, exchange.engine.find(name))
  }
  return [
    ['GET', /^\/version$/, ({ engine }) => versionOf(engine.host)],
    ['GET', /^\/info$/, ({ engine }) => infoOf(engine)],
    ['GET', /^\/containers\/json$/, (exchange) => sendJson(exchange.res, 200, listContainers(exchange))],
    [
      'GET',
      /^\/containers\/([^/]+)\/json$/,
      found(({ engine }, { slot, snapshot }) => inspectOf(slot, snapshot, engine.clock())),
    ],
    ['GET', /^\/containers\/([^/]+)\/stats$/, found(sendStats)],
    ['GET', /^\/containers\/([^/]+)\/logs$/, found(sendLogs)],
    [
      'GET',
      /^\/containers\/([^/]+)\/top$/,
      found(({ engine }, { slot, snapshot }) => {
        const { id } = snapshot.incarnation
        if (snapshot.state === 'restarting') {
          throw new EngineError(409, `Container ${id} is restarting, wait until the container is running`)
        }
        if (snapshot.state !== 'running' && snapshot.state !== 'paused') {
          throw new EngineError(409, `container ${id} is not running`)
        }
        return topOf(slot, snapshot, engine.clock())
      }),
    ],
    ['GET', /^\/events$/, (exchange) => sendEvents(exchange, parseFilters(exchange.query.get('filters')))],
    ['GET', /^\/images\/json$/, ({ engine }) => listImages(engine)],
    ['GET', /^\/images\/(.+)\/json$/, ({ engine }, name) => inspectImage(engine, name)],
    ['GET', /^\/networks$/, ({ engine }) => listNetworks(engine)],
    ['GET', /^\/networks\/([^/]+)$/, ({ engine }, name) => inspectNetwork(engine, name)],
    ['GET', /^\/volumes$/, ({ engine }) => ({ Volumes: listVolumes(engine), Warnings: null })],
    [
      'GET',
      /^\/system\/df$/,
      (exchange) =>
        diskUsage(exchange.engine, JSON.parse(listContainers({ ...exchange, query: ALL })) as unknown[]),
    ],
    ['GET', /^\/plugins$/, () => []],
    ...[...ACTIONS]
      .filter(isAction)
      .map(
        (action) =>
          [
            'POST',
            new RegExp(`^/containers/([^/]+)/${action}$`),
            found((exchange, container) => containerAction(exchange, container, action)),
          ] as const,
      ),
  ]
}

const ALL = new URLSearchParams({ all: '1', size: '1' })

/**
 * Refuses what a client too new or too old for the engine asks, as the engine does.
 *
 * @returns the path without the version.
 */
function unversioned(path: string, api: string): string {
  const [, minor, rest] = /^\/v1\.(\d+)(\/.*)$/.exec(path) ?? []
  if (minor === undefined || rest === undefined) return path
  if (Number(minor) > Number(api.slice(2))) {
    throw new EngineError(
      400,
      `client version 1.${minor} is too new. Maximum supported API version is ${api}`,
    )
  }
  if (Number(minor) < OLDEST_API) {
    throw new EngineError(
      400,
      `client version 1.${minor} is too old. Minimum supported API version is 1.${OLDEST_API}, please upgrade your client to a newer version`,
    )
  }
  return rest
}

/** An HTTP server that speaks the Docker Engine API for one simulated host. It does not listen yet. */
export function createEngineServer(engine: Engine, conduct: Conduct, logScale: number): Server {
  const routes = createRoutes()
  const { version, api } = engine.host.engine

  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    res.setHeader('Api-Version', api)
    res.setHeader('Docker-Experimental', 'false')
    res.setHeader('Ostype', 'linux')
    res.setHeader('Server', `Docker/${version} (linux)`)
    try {
      const url = new URL(req.url ?? '/', 'http://engine')
      const path = unversioned(url.pathname, api)
      if (path === '/_ping' && (req.method === 'GET' || req.method === 'HEAD')) {
        res.writeHead(200, {
          'Content-Type': 'text/plain; charset=utf-8',
          'Content-Length': 2,
          Swarm: 'inactive',
          'Builder-Version': '2',
        })
        res.end(req.method === 'HEAD' ? undefined : 'OK')
        return
      }
      for (const [method, pattern, handler] of routes) {
        const match = method === req.method ? pattern.exec(path) : null
        if (match === null) continue
        const exchange = { req, res, query: url.searchParams, engine, logScale }
        const body = handler(exchange, decodeURIComponent(match[1] ?? ''))
        if (body !== undefined) sendJson(res, 200, JSON.stringify(body))
        return
      }
      throw new EngineError(404, 'page not found')
    } catch (err) {
      const known = err instanceof EngineError || err instanceof URIError
      // A fault of the simulator itself shows as the engine's own 500, with what it was.
      const message = err instanceof Error ? err.message : String(err)
      if (res.headersSent) res.destroy()
      else
        sendJson(
          res,
          err instanceof EngineError ? err.status : known ? 400 : 500,
          JSON.stringify({ message }),
        )
    }
  }

  const server = createServer((req, res) => {
    req.resume()
    if (conduct.mode === 'hang') return
    if (conduct.mode === 'refuse') req.socket.destroy()
    else if (conduct.delayMs > 0) setTimeout(answer, conduct.delayMs, req, res)
    else answer(req, res)
  })
  server.on('connection', (socket) => {
    if (conduct.mode === 'refuse') socket.destroy()
  })
  server.keepAliveTimeout = 65_000
  return server
}
