import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { type Namespace, Server, type Socket } from 'socket.io'
import { AppError } from '../errors.ts'
import { isOwnOrigin } from '../http/origin.ts'
import type { Principal, Role } from '../http/principal.ts'
import { toAppError } from '../http/problem.ts'
import type { Log } from '../log.ts'
import { type Backlog, CUT_BYTES, SLOW_BYTES, SLOW_MS, trackBacklog } from './backpressure.ts'
import type { Realtime } from './realtime.ts'
import { createRooms } from './rooms.ts'

export interface RealtimeServerOptions {
  readonly log: Log
  readonly publicUrl: string | undefined
  /** Whether X-Forwarded-Host and -Proto are believed. */
  readonly behindProxy: boolean
  /** Who connects; rejects with 401 for a credential that is there but wrong. */
  identify(request: IncomingMessage, token: string | undefined): Promise<Principal>
  authorizeRoom(room: { access: Role; preview: boolean }, principal: Principal): Promise<void>
  /** Whether the principal is still what it was when it connected. */
  stillValid(principal: Principal, token: string | undefined): Promise<boolean>
  /** Every live connection is checked again this often; revocations in this process act at once. */
  readonly recheckMs?: number
  /** How long a connection may stay slow before it is cut. */
  readonly slowMs?: number
}

export interface RealtimeServer extends Realtime {
  attach(server: HttpServer): void
  /** Cuts the sockets of these sessions at once. */
  endSessions(sessionIds: readonly string[]): void
  connections(): number
  /** Connections with more waiting than they take; they get no samples. */
  slowConnections(): number
  close(): Promise<void>
}

interface Client {
  readonly socket: Socket
  readonly principal: Principal
  readonly token: string | undefined
  readonly backlog: Backlog
  readonly rooms: Set<string>
  slowSinceMs: number | undefined
}

const MAX_ROOMS = 200
const MAX_ROOM_NAME = 400
/** Members get no volatile events until their backlog is gone. */
const SLOW_ROOM = '#slow'

type Ack = (result: { ok: true } | { ok: false; code: string; message: string }) => void

/** Sockets on the namespace `/live`: who connects is known, what is watched is allowed, slow clients lose samples. */
export function createRealtimeServer(options: RealtimeServerOptions): RealtimeServer {
  const { log } = options
  const rooms = createRooms({ log })
  const clients = new Map<string, Client>()
  const timers: NodeJS.Timeout[] = []
  let io: Server | undefined
  let live: Namespace | undefined

  async function admit(socket: Socket): Promise<void> {
    const given: unknown = socket.handshake.auth.token
    const token = typeof given === 'string' && given.length <= 500 ? given : undefined
    const principal = await options.identify(socket.request, token)
    if (principal.kind === 'anonymous') throw new AppError(401, 'unauthorized', 'Sign in first')
    clients.set(socket.id, {
      socket,
      principal,
      token,
      backlog: trackBacklog(socket),
      rooms: new Set(),
      slowSinceMs: undefined,
    })
  }

  function welcome(socket: Socket): void {
    const client = clients.get(socket.id)
    if (!client) {
      socket.disconnect(true)
      return
    }
    socket.on('watch', (room: unknown, ack: unknown) => void answer(ack, () => watch(client, room)))
    socket.on('unwatch', (room: unknown, ack: unknown) => void answer(ack, async () => unwatch(client, room)))
    socket.on('disconnect', () => {
      clients.delete(socket.id)
      for (const room of client.rooms) rooms.leave(room, socket.id)
    })
  }

  async function watch(client: Client, room: unknown): Promise<void> {
    if (typeof room !== 'string' || room.length > MAX_ROOM_NAME)
      throw new AppError(400, 'no_room', 'There is no such room')
    if (client.rooms.has(room)) return
    if (client.rooms.size >= MAX_ROOMS)
      throw new AppError(429, 'too_many_rooms', `At most ${MAX_ROOMS} rooms at once`)
    const { access = 'viewer', preview = false } = rooms.optionsOf(room)
    // Counted before anything is awaited, so that requests at once cannot pass the limit together.
    client.rooms.add(room)
    try {
      await options.authorizeRoom({ access, preview }, client.principal)
      // Joined before the room starts, so that nothing it sends first is missed.
      await client.socket.join(room)
      await rooms.join(room, client.socket.id)
    } catch (error) {
      client.rooms.delete(room)
      await client.socket.leave(room)
      throw error
    }
    // Gone while the room was starting: the disconnect handler may have run before the watcher was counted.
    if (!client.socket.connected) rooms.leave(room, client.socket.id)
  }

  function unwatch(client: Client, room: unknown): void {
    if (typeof room !== 'string' || !client.rooms.delete(room)) return
    void client.socket.leave(room)
    rooms.leave(room, client.socket.id)
  }

  async function answer(ack: unknown, work: () => Promise<void>): Promise<void> {
    const reply: Ack = isAck(ack) ? ack : () => undefined
    try {
      await work()
      reply({ ok: true })
    } catch (thrown) {
      const { error, expected } = toAppError(thrown)
      if (!expected || error.status >= 500) log.error({ err: thrown }, 'socket request failed')
      reply({ ok: false, code: error.code, message: error.message })
    }
  }

  function end(client: Client, reason: string): void {
    client.socket.emit('session:ended', { reason })
    client.socket.disconnect(true)
  }

  /** One check for all sockets of a credential: a wall of open tabs costs one look-up. */
  async function recheck(): Promise<void> {
    const verdicts = new Map<string, Promise<boolean>>()
    const pending = [...clients.values()].map(async (client) => {
      const { kind, credentialId, role } = client.principal
      const key = `${kind}:${credentialId ?? ''}:${role ?? ''}`
      const verdict = verdicts.get(key) ?? options.stillValid(client.principal, client.token)
      verdicts.set(key, verdict)
      try {
        if (!(await verdict)) end(client, 'The session has ended')
      } catch (error) {
        // The store is away: who was in stays in, and is asked again next time.
        log.debug({ err: error }, 'session of a socket cannot be checked')
      }
    })
    await Promise.all(pending)
  }

  function checkBacklogs(): void {
    const now = performance.now()
    for (const client of clients.values()) {
      const bytes = client.backlog.bytes()
      if (bytes <= SLOW_BYTES) {
        if (client.slowSinceMs !== undefined) void client.socket.leave(SLOW_ROOM)
        client.slowSinceMs = undefined
        continue
      }
      client.slowSinceMs ??= now
      void client.socket.join(SLOW_ROOM)
      if (bytes > CUT_BYTES || now - client.slowSinceMs > (options.slowMs ?? SLOW_MS)) {
        log.info({ bytes }, 'slow socket cut')
        client.socket.disconnect(true)
        client.socket.request.socket.destroy()
      }
    }
  }

  function every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms)
    timer.unref()
    timers.push(timer)
  }

  return {
    room: (name) => ({
      emit(event, payload, emitOptions) {
        if (!live || rooms.watchers(name) === 0) return
        const target = emitOptions?.volatile ? live.to(name).except(SLOW_ROOM) : live.to(name)
        target.emit(event, payload)
      },
    }),
    watchers: (name) => rooms.watchers(name),
    onWatch: (prefix, handlers, watchOptions) => rooms.declare(prefix, handlers, watchOptions),

    attach(server) {
      io = new Server(server, {
        serveClient: false,
        // Long polling would need its own cross-site and backlog rules, and every proxy of today passes WebSockets.
        transports: ['websocket'],
        maxHttpBufferSize: 64 * 1024,
        connectTimeout: 10_000,
        pingInterval: 20_000,
        pingTimeout: 15_000,
        allowRequest: (request, done) => done(null, isAllowedOrigin(request, options)),
      })
      // Nothing lives on the root namespace; a socket there would be held open for nothing.
      io.use((_socket, next) => next(new Error('Connect to /live')))
      live = io.of('/live')
      live.use((socket, next) => {
        admit(socket).then(
          () => next(),
          (thrown: unknown) => {
            const { error, expected } = toAppError(thrown)
            if (!expected) log.error({ err: thrown }, 'socket refused')
            next(Object.assign(new Error(error.message), { data: { code: error.code } }))
          },
        )
      })
      live.on('connection', welcome)
      every(500, checkBacklogs)
      every(options.recheckMs ?? 4000, () => void recheck())
    },

    endSessions(sessionIds) {
      const ended = new Set(sessionIds)
      for (const client of clients.values()) {
        const { kind, credentialId } = client.principal
        if (kind === 'session' && credentialId !== null && ended.has(credentialId))
          end(client, 'The session was ended')
      }
    },

    connections: () => clients.size,
    slowConnections: () => [...clients.values()].filter((client) => client.slowSinceMs !== undefined).length,

    async close() {
      for (const timer of timers) clearInterval(timer)
      for (const client of clients.values()) client.socket.disconnect(true)
      io?.engine.close()
      await Promise.resolve()
    },
  }
}

function isAck(value: unknown): value is Ack {
  return typeof value === 'function'
}

/** The whole origin must be ours, not a part of it. Programs send none; they have no cookie that a page could use. */
function isAllowedOrigin(
  request: IncomingMessage,
  options: { publicUrl: string | undefined; behindProxy: boolean },
): boolean {
  const { origin } = request.headers
  if (origin === undefined) return true
  const forwarded = (name: string) => {
    const value = options.behindProxy ? request.headers[name] : undefined
    return typeof value === 'string' ? value.split(',')[0]?.trim() : undefined
  }
  const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true
  const protocol = forwarded('x-forwarded-proto') ?? (encrypted ? 'https' : 'http')
  const host = forwarded('x-forwarded-host') ?? request.headers.host
  return isOwnOrigin(origin, { protocol, host }, options.publicUrl)
}
