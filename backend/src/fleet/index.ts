import type { SecretBox } from '../core/crypto/secret-box.ts'
import type { Route } from '../core/http/route.ts'
import type { Job } from '../core/jobs/jobs.ts'
import type { Log } from '../core/log.ts'
import type { Realtime } from '../core/realtime/realtime.ts'
import type { AppDb } from '../db/app-db.ts'
import { isDbError } from '../db/db-errors.ts'
import { createCollector } from './collector.ts'
import { createEndpointAdmin } from './endpoint-admin.ts'
import { createEventSink } from './event-sink.ts'
import { fleetRoutes } from './fleet.routes.ts'
import type { FleetCounts } from './fleet.schema.ts'
import { createFleetService, type FleetService } from './fleet.service.ts'
import { createFleetSocket } from './fleet.socket.ts'
import { createFleetState } from './fleet.state.ts'
import { createFleetStore } from './fleet.store.ts'
import { createProcessSource } from './host/host-processes.ts'
import { createHostSource, type HostPaths, readOwnContainerFiles } from './host/host-source.ts'
import { ownContainerId } from './host/proc-parsers.ts'
import { LOCAL_ENDPOINT } from './local-endpoint.ts'
import { backoffMs, pause } from './pause.ts'
import type { FleetSample } from './samples.ts'

export { type EndpointProbe, probeEndpoints } from './endpoint-probe.ts'
export {
  createFleetStore,
  type NewFleetEvent,
} from './fleet.store.ts'
export { LOCAL_ENDPOINT } from './local-endpoint.ts'

export interface FleetConfig {
  readonly sampleIntervalSeconds: number
  readonly dockerHost: string | undefined
  readonly dockerSocket: string | undefined
  readonly hostProc: string
  readonly hostSys: string
  readonly hostRoot: string
}

interface FleetStatus {
  readonly endpoints: number
  readonly containers: number
  /** Of the running container, or host, that was sampled longest ago; null before the first sample. */
  readonly lastSampleAgeMs: number | null
}

export interface Fleet {
  readonly service: FleetService
  readonly routes: Route[]
  readonly jobs: Job[]
  status(): FleetStatus
  /** For readiness: degraded while an endpoint is down; null while no engine is watched. */
  check(): { status: 'healthy' } | { status: 'degraded'; error: string; reason: string } | null
  /** Begins to watch this machine and the stored endpoints; does not wait for any of them. */
  start(): void
  stop(): Promise<void>
}

const LIVE_GAP_MS = 3_500
const SNAPSHOT_SECONDS = 60
const RETENTION_SECONDS = 6 * 3600
const DELETE_BATCH = 5_000

/** The fleet domain: sources, collector, API and live rooms. */
export function createFleet(deps: {
  db: AppDb
  box: SecretBox
  log: Log
  realtime: Realtime
  config: FleetConfig
  record: (samples: readonly FleetSample[]) => void
  eventRetentionDays: () => Promise<number>
  /** Once a minute: counts of the fleet, and the longest sampling cycle since the last time (null: there was none). */
  onSnapshot: (counts: FleetCounts, longestCycleMs: number | null) => Promise<void>
}): Fleet {
  const { config, log } = deps
  const intervalMs = config.sampleIntervalSeconds * 1000
  const paths: HostPaths = { proc: config.hostProc, sys: config.hostSys, root: config.hostRoot }
  const maxGapMs = intervalMs * 3
  const store = createFleetStore(deps.db)
  let longestCycleMs: number | null = null
  const state = createFleetState({ maxGapMs, onDirty: () => socket.changed() })
  const events = createEventSink({ store, log, onEvent: (event) => socket.event(event) })
  const host = createHostSource({ paths, maxGapMs })
  const collector = createCollector({
    store,
    state,
    box: deps.box,
    log,
    intervalMs,
    localEngine: { dockerHost: config.dockerHost, dockerSocket: config.dockerSocket },
    host,
    record: deps.record,
    onCycle: (rows, durationMs) => {
      longestCycleMs = Math.max(longestCycleMs ?? 0, durationMs)
      socket.cycle(rows)
    },
    onHostSample: (sample) => socket.hostSample(sample),
    onEvent: (event) => events.add(event),
  })
  const socket = createFleetSocket({
    realtime: deps.realtime,
    state: () => state,
    sourceOf: collector.sourceOf,
    createHostReader: () => createHostSource({ paths, maxGapMs: LIVE_GAP_MS }),
    log,
  })
  const service = createFleetService({
    state,
    store,
    collector,
    events,
    processes: createProcessSource({ proc: paths.proc, root: paths.root }),
    ownContainerId: ownContainerId(readOwnContainerFiles()),
  })
  const stopping = new AbortController()
  let starting: Promise<void> = Promise.resolve()

  // One after the other: of two at once the one that read earlier could be applied later, and end the watch
  // of an endpoint that was added in between. Whoever comes before a run has begun to read shares it.
  let synchronised: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined
  function synchronise(): Promise<void> {
    if (waiting) return waiting
    const next = synchronised.then(async () => {
      waiting = undefined
      await collector.sync(await store.listEndpoints())
    })
    waiting = next
    // Who asked is told of a failure; it is no reason for the next one not to run.
    synchronised = next.catch(() => undefined)
    return next
  }

  /** This machine is an endpoint from the first start on. */
  async function ensureLocalEndpoint(): Promise<void> {
    const rows = await store.listEndpoints()
    if (rows.some((row) => row.kind === 'local')) return
    const taken = new Set(rows.map((row) => row.name))
    const { hostname } = host.facts()
    const name = [hostname || 'this machine', 'this machine'].find((each) => !taken.has(each))
    try {
      await store.insertEndpoint({
        ...LOCAL_ENDPOINT,
        name: name ?? `this machine (${hostname})`,
      })
    } catch (error) {
      // Another process on the same store was first.
      if (!isDbError(error, 'unique')) throw error
    }
  }

  async function begin(): Promise<void> {
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      try {
        await ensureLocalEndpoint()
        await events.start()
        await synchronise()
        return
      } catch (error) {
        log.warn({ err: error }, 'endpoints cannot be read now')
        await pause(backoffMs(failures, Math.random, 10_000), stopping.signal)
      }
    }
  }

  return {
    service,
    routes: fleetRoutes({ service, admin: createEndpointAdmin({ store, box: deps.box }), synchronise }),
    jobs: [
      {
        name: 'fleet-retention',
        every: RETENTION_SECONDS,
        atStart: true,
        async run(signal) {
          const days = await deps.eventRetentionDays()
          const before = new Date(Date.now() - days * 86_400_000).toISOString()
          while (!signal.aborted && (await store.deleteEventsBefore(before, DELETE_BATCH)) === DELETE_BATCH);
        },
      },
      {
        name: 'fleet-snapshot',
        every: SNAPSHOT_SECONDS,
        async run() {
          const longest = longestCycleMs
          longestCycleMs = null
          await deps.onSnapshot(state.counts(), longest)
        },
      },
    ],
    status() {
      const now = Date.now()
      let oldest: number | null = null
      for (const entry of state.endpoints.values()) {
        const hostMs = entry.host?.reading?.timeMs
        if (hostMs !== undefined) oldest = Math.max(oldest ?? 0, now - hostMs)
        if (entry.status !== 'up') continue
        for (const { summary } of entry.containers.values()) {
          if (summary.state !== 'running' || summary.sampledAt === null) continue
          // A container that was down has no sample of that time: it is late from its new start on.
          const sampledMs = Math.max(
            Date.parse(summary.sampledAt),
            Date.parse(summary.startedAt ?? summary.sampledAt),
          )
          oldest = Math.max(oldest ?? 0, now - sampledMs)
        }
      }
      const { endpoints, containers } = state.counts()
      return { endpoints, containers, lastSampleAgeMs: oldest }
    },
    check() {
      // This machine has an address while it has an engine; one that is gone leaves none.
      const watched = state
        .listEndpoints()
        .filter((each) => each.enabled && (each.url !== null || each.status === 'down'))
      const down = watched.filter((each) => each.status === 'down')
      if (watched.length === 0) return null
      if (down.length === 0) return { status: 'healthy' }
      return {
        status: 'degraded',
        error: `${down.length} of ${watched.length} endpoints are down`,
        reason: down.map((each) => `${each.name}: ${each.error ?? 'down'}`).join('; '),
      }
    },
    start() {
      starting = begin()
    },
    async stop() {
      stopping.abort()
      await starting
      socket.stop()
      await collector.stop()
      await events.stop()
    },
  }
}
