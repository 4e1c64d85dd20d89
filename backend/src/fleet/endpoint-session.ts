import type { Log } from '../core/log.ts'
import {
  containerFromList,
  imageSummary,
  networkSummary,
  withInspection,
} from './docker/container-mapping.ts'
import { readContainerStats } from './docker/container-stats.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { EngineError, errorCode } from './docker/engine-error.ts'
import { effectOfEvent, engineTime, sinceAfter } from './docker/engine-events.ts'
import type { EngineContainer } from './docker/engine-types.ts'
import type { FleetState } from './fleet.state.ts'
import type { NewFleetEvent } from './fleet.store.ts'
import type { ContainerEntry } from './fleet-entries.ts'
import type { LoadGate } from './load-gate.ts'
import { backoffMs, createBell, createQueue, forEachLimited, pause } from './pause.ts'
import { createSampleLanes } from './sample-lanes.ts'
import { eachContainerValue, type FleetSample } from './samples.ts'

/** [endpointId, name, cpuPercent, memoryUsedBytes] */
export type SampleRow = [number, string, number | null, number | null]

export interface MonitorDeps {
  readonly endpointId: number
  /** Opens the engine, or says that this machine has none. @throws EngineError when it cannot even be tried */
  readonly open: () => DockerSource | null
  readonly state: FleetState
  readonly log: Log
  readonly intervalMs: number
  readonly random: () => number
  /** What is asked without anybody waiting for it goes through here, with that of all other endpoints. */
  readonly gate: LoadGate
  readonly record: (samples: FleetSample[]) => void
  /** Once per sampling cycle, with the time it took. */
  readonly onCycle: (rows: SampleRow[], durationMs: number) => void
  readonly onEvent: (event: NewFleetEvent) => void
  /** When the engine last told something that is stored. */
  readonly lastEventAt: () => Promise<string | undefined>
}

const INSPECT_CONCURRENCY = 4
const COLLECT_MS = 150
const RECONCILE_MS = 60_000
const SLOW_LISTS_MS = 300_000
const MAX_SINGLE_REFRESH = 30
const MAX_EVENT_REPLAY_MS = 3_600_000
const QUICK_START_MS = 2_000
/** A stream of events that lasted this long begins the count of cuts, and their pauses, anew. */
const LASTING_MS = 30_000
/** What a stream ends with when the connection does. */
const cutCodes = new Set(['ECONNRESET', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])
const fatalKinds = new Set([
  'connection-refused',
  'no-socket',
  'permission',
  'unreachable',
  'timeout',
  'tls',
  'closed',
  'unauthorized',
  'unknown-host',
])

export type EndpointSession = ReturnType<typeof createEndpointSession>

/**
 * What goes on while one connection to an engine lasts: every part runs until `signal`, or throws what ended it.
 *
 * @param replay where following the events left off, over connections
 */
export function createEndpointSession(
  deps: MonitorDeps,
  {
    source,
    signal,
    replay,
  }: { source: DockerSource; signal: AbortSignal; replay: { since: string | undefined } },
) {
  const { endpointId, state } = deps
  const entries = () => state.endpoints.get(endpointId)?.containers
  const endpoint = () => ({ id: endpointId, name: state.endpoints.get(endpointId)?.row.name ?? '' })
  const dirty = new Set<string>()
  const toInspect = new Set<string>()
  let dirtyImages = true
  let dirtyNetworks = true
  let rotation = 0
  const lanes = createSampleLanes(deps.intervalMs)
  const changesBell = createBell(signal)
  const inspectBell = createBell(signal)
  const inOrder = createQueue()

  function listed(container: EngineContainer) {
    const addresses = new Map<string, string>()
    for (const [name, network] of Object.entries(container.NetworkSettings?.Networks ?? {})) {
      if (network) addresses.set(name, network.IPAddress)
    }
    return { summary: containerFromList(container, endpoint()), addresses }
  }

  /**
   * Reads the list, or the part of it that `ids` names, and queues inspections of what is new there. One at a time:
   * a whole list that was asked for before an event must not be applied after the part that shows its effect.
   */
  function refresh(ids?: readonly string[]): Promise<void> {
    return inOrder(async () => {
      const known = new Map([...(entries() ?? [])].map(([id, entry]) => [id, entry.summary.state]))
      const ask = () => source.containers(ids, signal)
      const list = (await (ids ? ask() : deps.gate(ask))).map(listed)
      if (ids) state.updateContainers(endpointId, ids, list)
      else state.replaceContainers(endpointId, list)
      for (const { summary } of list) {
        const entry = entries()?.get(summary.id)
        if (ids || !entry?.inspected || known.get(summary.id) !== summary.state) toInspect.add(summary.id)
      }
      inspectBell.ring()
    })
  }

  async function refreshSlowLists(): Promise<void> {
    if (dirtyImages) {
      dirtyImages = false
      state.setImages(
        endpointId,
        (await source.images(signal)).map((each) => imageSummary(each, endpoint())),
      )
    }
    if (dirtyNetworks) {
      dirtyNetworks = false
      const networks = await source.networks(signal)
      state.setNetworks(
        endpointId,
        networks.map((each) => networkSummary(each, endpoint())),
      )
    }
  }

  async function inspectOne(id: string): Promise<void> {
    try {
      const detail = await source.inspect(id, signal)
      const entry = entries()?.get(id)
      if (!entry) return
      const summary = withInspection(entry.summary, detail)
      const { startedAt, restartCount, exitCode } = summary
      state.setInspected(
        endpointId,
        id,
        { startedAt, restartCount, exitCode, tty: detail.Config.Tty },
        summary,
      )
    } catch (error) {
      // Gone meanwhile; its event is on the way.
      if (!(error instanceof EngineError) || fatalKinds.has(error.kind)) throw error
    }
  }

  function inspectAll(ids: readonly string[]): Promise<void> {
    return forEachLimited(ids, INSPECT_CONCURRENCY, inspectOne)
  }

  async function sampleCycle(): Promise<void> {
    const all = [...(entries()?.values() ?? [])].filter(({ summary }) => summary.state === 'running')
    if (all.length === 0) return
    // When a slow engine does not get through in one cycle, the next one begins where this one ended.
    const start = rotation % all.length
    const order = [...all.slice(start), ...all.slice(0, start)]
    const started = performance.now()
    const loopBefore = performance.eventLoopUtilization()
    const deadline = started + deps.intervalMs
    const samples: FleetSample[] = []
    const rows: SampleRow[] = []
    let done = 0
    let waitedMs = 0
    let lastFailure: EngineError | undefined
    const ask = async (entry: ContainerEntry) => {
      if (signal.aborted || performance.now() > deadline) return
      rotation++
      const askedAt = performance.now()
      try {
        if (await sampleOne(entry, samples)) {
          const { name, cpuPercent, memoryUsedBytes } = entry.summary
          rows.push([endpointId, name, rounded(cpuPercent), memoryUsedBytes])
        }
        done++
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        if (fatalKinds.has(error.kind)) lastFailure = error
      }
      waitedMs += performance.now() - askedAt
    }
    await forEachLimited(order, lanes.now(), (entry) => deps.gate(() => ask(entry)))
    if (signal.aborted) return
    lanes.adapt(waitedMs, performance.eventLoopUtilization(loopBefore).utilization)
    if (samples.length > 0) deps.record(samples)
    if (done > 0) state.seen(endpointId, Date.now())
    else if (lastFailure) throw lastFailure
    deps.onCycle(rows, performance.now() - started)
  }

  async function sampleOne(entry: ContainerEntry, samples: FleetSample[]): Promise<boolean> {
    const stats = await source.stats(entry.summary.id, signal)
    const timeMs = Date.now()
    const reading = readContainerStats(stats, entry.tracker, {
      timeMs,
      monotonicMs: performance.now(),
      epoch: entry.inspected?.startedAt ?? '',
    })
    if (!reading || entry.summary.state !== 'running') return false
    state.applyReading(entry, reading)
    const { name } = entry.summary
    eachContainerValue(reading, (metric, instance, value) => {
      samples.push({ endpointId, subject: 'container', name, metric, instance, timeMs, value })
    })
    return true
  }

  /** Until the stream ends or is cut. @throws EngineError when the engine refuses it */
  async function readEvents(): Promise<void> {
    try {
      for await (const event of source.events(replay.since, signal)) {
        replay.since = sinceAfter(event)
        const effect = effectOfEvent(event, endpointId)
        if (effect.event) deps.onEvent(effect.event)
        if (effect.containerId !== undefined) dirty.add(effect.containerId)
        dirtyImages ||= effect.images
        dirtyNetworks ||= effect.networks
        if (effect.containerId !== undefined || effect.images || effect.networks) changesBell.ring()
      }
    } catch (error) {
      // Cut is as good as ended: what comes next tells whether the engine is still there.
      const isCut =
        error instanceof EngineError ? error.kind === 'closed' : cutCodes.has(errorCode(error) ?? '')
      if (!isCut) throw error
    }
  }

  return {
    async refreshAll() {
      await refresh()
      await refreshSlowLists()
    },

    async followEvents() {
      if (replay.since === undefined) {
        const last = await deps.lastEventAt()
        if (last !== undefined && Date.now() - Date.parse(last) < MAX_EVENT_REPLAY_MS)
          replay.since = engineTime(last, 1)
      }
      for (let cuts = 0; ; ) {
        const openedAt = performance.now()
        await readEvents()
        if (signal.aborted) return
        // Proxies cut a stream on which nothing happens. The engine is away when its list cannot be read either.
        await refresh()
        cuts = performance.now() - openedAt > LASTING_MS ? 1 : cuts + 1
        await pause(backoffMs(cuts, deps.random), signal)
        if (signal.aborted) return
      }
    },

    /** Turns what events marked into a fresh list; waits a moment first, because events come in bursts. */
    async refreshDirty() {
      for (;;) {
        await changesBell.wait()
        await pause(COLLECT_MS, signal)
        if (signal.aborted) return
        const ids = [...dirty]
        dirty.clear()
        if (ids.length > 0) await refresh(ids.length > MAX_SINGLE_REFRESH ? undefined : ids)
        await refreshSlowLists()
      }
    },

    /** The safety net below the events: what they missed is right after a minute. */
    async reconcile() {
      let slowListsAt = performance.now()
      while (!signal.aborted) {
        await pause(RECONCILE_MS * (0.9 + deps.random() * 0.2), signal)
        if (signal.aborted) return
        await refresh()
        if (performance.now() - slowListsAt > SLOW_LISTS_MS) {
          slowListsAt = performance.now()
          dirtyImages = true
          dirtyNetworks = true
          changesBell.ring()
        }
      }
    },

    async inspect() {
      for (;;) {
        await inspectBell.wait()
        if (signal.aborted) return
        const ids = [...toInspect]
        toInspect.clear()
        await forEachLimited(ids, INSPECT_CONCURRENCY, (id) => deps.gate(() => inspectOne(id)))
      }
    },

    async sample() {
      const phase = deps.random() * deps.intervalMs
      for (let cycle = 0; !signal.aborted; cycle++) {
        await sampleCycle()
        // The first chart needs two points soon; then each endpoint keeps a phase of its own.
        const wait = cycle < 2 ? Math.min(QUICK_START_MS, deps.intervalMs) : untilSlot(phase, deps.intervalMs)
        await pause(wait, signal)
      }
    },
    refresh,
    inspectAll,
  }
}

/** Time until the next multiple of the interval (shifted by `phase`) that is not just about to come. */
function untilSlot(phase: number, intervalMs: number): number {
  const wait = intervalMs - ((((performance.now() - phase) % intervalMs) + intervalMs) % intervalMs)
  return wait < intervalMs / 4 ? wait + intervalMs : wait
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100
}
