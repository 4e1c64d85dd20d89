import { notFound } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Realtime } from '../core/realtime/realtime.ts'
import type { DockerSource } from './docker/docker-source.ts'
import type { SampleRow } from './endpoint-session.ts'
import type { FleetChanges, FleetEvent, FleetSamples, LiveSample } from './fleet.schema.ts'
import type { FleetState } from './fleet.state.ts'
import type { HostSource } from './host/host-source.ts'
import { watchLogs, watchStats } from './live.ts'
import { pause } from './pause.ts'
import { eachHostValue, liveValues } from './samples.ts'

export interface FleetSocket {
  /** The state changed: clients are told within {@link CHANGES_MS}. */
  changed(): void
  event(event: FleetEvent): void
  cycle(rows: SampleRow[]): void
  hostSample(sample: LiveSample): void
  stop(): void
}

const CHANGES_MS = 250
const HOST_LIVE_MS = 1_000
const containerArgument = /^(\d{1,15}):([a-zA-Z0-9][a-zA-Z0-9_.-]{0,254})$/

/** Rooms of the fleet: what changes goes to `fleet`, streams run only for what somebody looks at. */
export function createFleetSocket(deps: {
  realtime: Realtime
  state: () => FleetState
  sourceOf: (endpointId: number) => DockerSource | undefined
  /** A reader of this machine for steps of a second: rates need one of their own. */
  createHostReader: () => HostSource
  log: Log
}): FleetSocket {
  const { realtime, log } = deps
  const loops = new Map<string, { stop(): void }>()
  let timer: NodeJS.Timeout | undefined
  let seq = 0

  function flush(): void {
    timer = undefined
    const changes = deps.state().takeChanges()
    if (realtime.watchers('fleet') === 0) return
    const message: FleetChanges = { seq: ++seq, ...changes, counts: deps.state().counts() }
    realtime.room('fleet').emit('fleet:changes', message)
  }

  function endpointOf(text: string): number {
    const id = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (!deps.state().endpoints.has(id)) throw notFound('No such endpoint', 'endpoint_not_found')
    return id
  }

  function containerOf(argument: string): { endpointId: number; name: string } {
    const match = containerArgument.exec(argument)
    const entry = match?.[1] === undefined ? undefined : deps.state().endpoints.get(Number(match[1]))
    if (!entry || match?.[2] === undefined) throw notFound('No such container', 'container_not_found')
    return { endpointId: entry.row.id, name: match[2] }
  }

  function watchHost(room: string, endpointId: number): { stop(): void } {
    const abort = new AbortController()
    const run = async () => {
      const host = deps.createHostReader()
      while (!abort.signal.aborted) {
        const reading = await host.read()
        const values = liveValues((emit) => eachHostValue(reading, emit))
        const sample: LiveSample = { endpointId, subject: 'host', name: '', timeMs: reading.timeMs, values }
        realtime.room(room).emit('sample', sample, { volatile: true })
        await pause(HOST_LIVE_MS, abort.signal)
      }
    }
    run().catch((error: unknown) => log.error({ err: error, room }, 'live host samples ended'))
    return { stop: () => abort.abort() }
  }

  function stopLoop(room: string): void {
    loops.get(room)?.stop()
    loops.delete(room)
  }

  realtime.onWatch('fleet', { start: () => {}, stop: () => {} }, { preview: true })
  realtime.onWatch(
    'host:',
    {
      start(room, argument) {
        const endpointId = endpointOf(argument)
        // Of other machines there is one sample a cycle; nothing finer can be read.
        if (deps.state().endpoints.get(endpointId)?.row.kind === 'local')
          loops.set(room, watchHost(room, endpointId))
      },
      stop: stopLoop,
    },
    { preview: true },
  )
  const live = { state: deps.state, sourceOf: deps.sourceOf, log }
  realtime.onWatch('container:', {
    start(room, argument) {
      const target = containerOf(argument)
      loops.set(
        room,
        watchStats({ ...live, state: deps.state() }, target, (sample) => {
          realtime.room(room).emit('sample', sample, { volatile: true })
        }),
      )
    },
    stop: stopLoop,
  })
  realtime.onWatch('logs:', {
    start(room, argument) {
      const target = containerOf(argument)
      loops.set(
        room,
        watchLogs({ ...live, state: deps.state() }, target, (lines) => {
          realtime.room(room).emit('logs:lines', lines)
        }),
      )
    },
    stop: stopLoop,
  })

  return {
    changed() {
      timer ??= setTimeout(flush, CHANGES_MS)
    },
    event(event) {
      if (realtime.watchers('fleet') > 0) realtime.room('fleet').emit('fleet:event', event)
    },
    cycle(rows) {
      if (rows.length === 0 || realtime.watchers('fleet') === 0) return
      const message: FleetSamples = { at: new Date().toISOString(), rows }
      realtime.room('fleet').emit('fleet:samples', message, { volatile: true })
    },
    hostSample(sample) {
      const room = `host:${sample.endpointId}`
      if (realtime.watchers(room) > 0) realtime.room(room).emit('sample', sample, { volatile: true })
    },
    stop() {
      clearTimeout(timer)
      for (const room of [...loops.keys()]) stopLoop(room)
    },
  }
}
