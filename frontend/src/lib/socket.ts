import type { Socket } from 'socket.io-client'
import type {
  FleetChanges,
  FleetEvent,
  FleetSamples,
  LiveSample,
  LogLines,
  StorageUnits,
} from './api/types.ts'

export interface LiveEvents {
  'fleet:changes': FleetChanges
  'fleet:event': FleetEvent
  'fleet:samples': FleetSamples
  sample: LiveSample
  'logs:lines': LogLines
  'storage:units': StorageUnits
  'session:ended': undefined
}

export type LiveName = keyof LiveEvents
type Handler<N extends LiveName> = (payload: LiveEvents[N]) => void

export interface LiveStatus {
  state: 'idle' | 'connecting' | 'live' | 'lost'
  /** When the connection was lost; null while it is there. */
  lostAt: number | null
}

interface ServerEvents {
  'fleet:changes': (payload: FleetChanges) => void
  'fleet:event': (payload: FleetEvent) => void
  'fleet:samples': (payload: FleetSamples) => void
  sample: (payload: LiveSample) => void
  'logs:lines': (payload: LogLines) => void
  'storage:units': (payload: StorageUnits) => void
  'session:ended': () => void
}
interface ClientEvents {
  watch: (room: string, ack: (answer: { ok: boolean; code?: string }) => void) => void
  unwatch: (room: string) => void
}

const RETRY_MS = 2000

const rooms = new Map<string, number>()
const handlers = new Map<LiveName, Set<(payload: never) => void>>()
const statusListeners = new Set<() => void>()
const resyncListeners = new Set<() => void>()
const refusedListeners = new Set<(room: string, code: string) => void>()

let socket: Socket<ServerEvents, ClientEvents> | null = null
let status: LiveStatus = { state: 'idle', lostAt: null }
let wasLive = false

function setStatus(next: LiveStatus) {
  status = next
  for (const listener of statusListeners) listener()
}

function dispatch<N extends LiveName>(name: N, payload: LiveEvents[N]) {
  const listening = handlers.get(name)
  if (!listening) return
  for (const handler of listening) (handler as Handler<N>)(payload)
}

function join(room: string) {
  socket?.emit('watch', room, (answer) => {
    if (answer.ok) return
    for (const listener of refusedListeners) listener(room, answer.code ?? 'refused')
  })
}

function start() {
  setStatus({ state: 'connecting', lostAt: null })
  open().catch(() => {
    // The client's code could not be loaded: the server is away or was upgraded. The banner offers to try again.
    setStatus({ state: 'lost', lostAt: Date.now() })
  })
}

/**
 * The client reconnects by itself when the line breaks, but not when the server ended the connection in good order, as it
 * does when it is restarted, or refused it.
 */
function retry(lost: Socket<ServerEvents, ClientEvents>) {
  setTimeout(() => {
    if (socket === lost && !lost.active) lost.connect()
  }, RETRY_MS)
}

async function open(): Promise<void> {
  const { io } = await import('socket.io-client')
  // Closed while the code was on its way.
  if (status.state !== 'connecting' || socket) return
  const opened: Socket<ServerEvents, ClientEvents> = io('/live', {
    transports: ['websocket'],
    reconnectionDelay: 500,
    reconnectionDelayMax: 10_000,
  })
  socket = opened
  opened.on('connect', () => {
    setStatus({ state: 'live', lostAt: null })
    for (const room of rooms.keys()) join(room)
    // What happened while the line was down was sent to nobody: everything on screen is asked for again.
    if (wasLive) for (const listener of resyncListeners) listener()
    wasLive = true
  })
  opened.on('disconnect', () => {
    setStatus({ state: 'lost', lostAt: Date.now() })
    retry(opened)
  })
  opened.on('connect_error', (error: Error & { data?: { code?: string } }) => {
    if (error.data?.code === 'unauthorized') {
      dispatch('session:ended', undefined)
      return
    }
    if (status.state !== 'lost') setStatus({ state: 'lost', lostAt: Date.now() })
    retry(opened)
  })
  opened.on('fleet:changes', (payload) => dispatch('fleet:changes', payload))
  opened.on('fleet:event', (payload) => dispatch('fleet:event', payload))
  opened.on('fleet:samples', (payload) => dispatch('fleet:samples', payload))
  opened.on('sample', (payload) => dispatch('sample', payload))
  opened.on('logs:lines', (payload) => dispatch('logs:lines', payload))
  opened.on('storage:units', (payload) => dispatch('storage:units', payload))
  opened.on('session:ended', () => dispatch('session:ended', undefined))
}

/** The one connection to `/live`, opened when the first room is watched. */
export const live = {
  /**
   * Joins a room (`fleet`, `host:3`, `container:3:web`, `logs:3:web`) until the returned function is called.
   * Rooms are counted: the server hears `unwatch` when the last watcher is gone.
   */
  watch(room: string): () => void {
    const watchers = rooms.get(room) ?? 0
    rooms.set(room, watchers + 1)
    if (status.state === 'idle') start()
    else if (watchers === 0 && socket?.connected) join(room)
    let released = false
    return () => {
      if (released) return
      released = true
      const left = (rooms.get(room) ?? 1) - 1
      if (left > 0) {
        rooms.set(room, left)
        return
      }
      rooms.delete(room)
      if (socket?.connected) socket.emit('unwatch', room)
    }
  },
  on<N extends LiveName>(name: N, handler: Handler<N>): () => void {
    const listening = handlers.get(name) ?? new Set()
    handlers.set(name, listening)
    listening.add(handler)
    return () => listening.delete(handler)
  },
  /** Called after a reconnect: state kept from events is old and must be fetched again. */
  onResync(listener: () => void): () => void {
    resyncListeners.add(listener)
    return () => resyncListeners.delete(listener)
  },
  /** Called when the server does not let this client into a room. */
  onRefused(listener: (room: string, code: string) => void): () => void {
    refusedListeners.add(listener)
    return () => refusedListeners.delete(listener)
  },
  status: () => status,
  onStatus(listener: () => void): () => void {
    statusListeners.add(listener)
    return () => statusListeners.delete(listener)
  },
  /** Tries at once instead of waiting for the next step of the back-off. */
  reconnect() {
    if (socket) socket.connect()
    else start()
  },
  /** Ends the connection, for signing out; the next watch opens a new one with the new session. */
  close() {
    socket?.disconnect()
    socket = null
    wasLive = false
    setStatus({ state: 'idle', lostAt: null })
  },
}
