import type { SecretBox } from '../core/crypto/secret-box.ts'
import type { Log } from '../core/log.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { connectionError, EngineError } from './docker/engine-error.ts'
import {
  type LocalEngineConfig,
  localEngineUrl,
  openEndpoint,
  openEngine,
  portainerAccess,
} from './endpoint-access.ts'
import { createEndpointMonitor, type EndpointMonitor } from './endpoint-monitor.ts'
import type { SampleRow } from './endpoint-session.ts'
import type { LiveSample } from './fleet.schema.ts'
import type { FleetState } from './fleet.state.ts'
import type { EndpointRow, FleetStore, NewFleetEvent } from './fleet.store.ts'
import type { EndpointEntry } from './fleet-entries.ts'
import type { HostSource } from './host/host-source.ts'
import { createLoadGate } from './load-gate.ts'
import { backoffMs, pause } from './pause.ts'
import { listEnvironments } from './portainer/portainer-source.ts'
import { eachHostValue, type FleetSample, liveValues } from './samples.ts'

export interface CollectorDeps {
  readonly store: Pick<FleetStore, 'replaceChildren' | 'listEndpoints' | 'lastEngineEventAt'>
  readonly state: FleetState
  readonly box: SecretBox
  readonly log: Log
  readonly intervalMs: number
  readonly localEngine: LocalEngineConfig
  readonly host: HostSource
  readonly record: (samples: readonly FleetSample[]) => void
  readonly onCycle: (rows: SampleRow[], durationMs: number) => void
  readonly onHostSample: (sample: LiveSample) => void
  readonly onEvent: (event: NewFleetEvent) => void
  readonly random?: () => number
}

export interface Collector {
  /** Starts, restarts and stops monitors so that they follow `rows`. */
  sync(rows: readonly EndpointRow[]): Promise<void>
  stop(): Promise<void>
  /** The engine of an endpoint while it is connected. */
  sourceOf(endpointId: number): DockerSource | undefined
  refresh(endpointId: number, ids: readonly string[]): Promise<void>
}

interface Running {
  /** What the monitor was started with: another text means another connection. */
  readonly signature: string
  readonly monitor: EndpointMonitor | undefined
  stop(): Promise<void>
}

const PORTAINER_SYNC_MS = 60_000
const HOST_QUICK_START_MS = 1_000

/** Runs what watches each endpoint and this machine. */
export function createCollector(deps: CollectorDeps): Collector {
  const random = deps.random ?? Math.random
  const running = new Map<number, Running>()
  const gate = createLoadGate()
  let stopped = false

  function startMonitor(row: EndpointRow, parent: EndpointRow | undefined): Running {
    const endpointId = row.id
    const monitor = createEndpointMonitor({
      endpointId,
      open: () => openRow(row, parent),
      state: deps.state,
      log: deps.log,
      intervalMs: deps.intervalMs,
      random,
      gate,
      record: deps.record,
      onCycle: (rows, durationMs) => {
        if (row.kind !== 'local') recordSums(endpointId)
        deps.onCycle(rows, durationMs)
      },
      onEvent: deps.onEvent,
      lastEventAt: () => deps.store.lastEngineEventAt(endpointId),
    })
    monitor.start()
    const hostLoop = row.kind === 'local' ? startLoop((signal) => watchHost(endpointId, signal)) : undefined
    return {
      signature: signatureOf(row, parent),
      monitor,
      async stop() {
        await Promise.all([monitor.stop(), hostLoop?.stop()])
      },
    }
  }

  function openRow(row: EndpointRow, parent: EndpointRow | undefined): DockerSource | null {
    if (row.kind !== 'local') return openEndpoint(row, { box: deps.box, parent })
    const url = localEngineUrl(deps.localEngine)
    deps.state.setUrl(row.id, url)
    return url === null ? null : openEngine(url)
  }

  async function watchHost(endpointId: number, signal: AbortSignal): Promise<void> {
    const entry = deps.state.endpoints.get(endpointId)
    if (!entry) return
    entry.host = { facts: deps.host.facts(), reading: undefined }
    for (let cycle = 0; !signal.aborted; cycle++) {
      const reading = await deps.host.read()
      entry.host.reading = reading
      const { timeMs } = reading
      const samples: FleetSample[] = []
      eachHostValue(reading, (metric, instance, value) => {
        samples.push({ endpointId, subject: 'host', name: '', metric, instance, timeMs, value })
      })
      deps.record(samples)
      const values = liveValues((emit) => eachHostValue(reading, emit))
      deps.onHostSample({ endpointId, subject: 'host', name: '', timeMs, values })
      await pause(cycle < 2 ? Math.min(HOST_QUICK_START_MS, deps.intervalMs) : deps.intervalMs, signal)
    }
  }

  /** A remote host itself cannot be read: what its containers use together stands for it. */
  function recordSums(endpointId: number): void {
    const entry = deps.state.endpoints.get(endpointId)
    const sums = entry && sumContainers(entry)
    if (!entry || !sums) return
    const timeMs = Date.now()
    const samples: FleetSample[] = []
    const add = (metric: string, value: number | null) => {
      if (value !== null) {
        samples.push({ endpointId, subject: 'host', name: '', metric, instance: '', timeMs, value })
      }
    }
    add('cpu.percent', sums.cpuPercent)
    add('memory.used.bytes', sums.memoryUsedBytes)
    add('memory.total.bytes', entry.facts && entry.facts.memoryBytes > 0 ? entry.facts.memoryBytes : null)
    deps.record(samples)
    const values: Record<string, number> = {}
    for (const sample of samples) values[sample.metric] = sample.value
    deps.onHostSample({ endpointId, subject: 'host', name: '', timeMs, values })
  }

  /** Keeps the environments of a Portainer server as endpoints of their own. */
  async function watchPortainer(row: EndpointRow, signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        const { environments } = await listEnvironments(portainerAccess(row, deps.box), signal)
        const rows = await deps.store.listEndpoints()
        const taken = new Set(rows.filter((each) => each.parentId !== row.id).map((each) => each.name))
        await deps.store.replaceChildren(
          row.id,
          environments.map((environment) => {
            const name = freeName(environment.name, row.name, taken)
            taken.add(name)
            return {
              parentId: row.id,
              kind: 'docker',
              name,
              url: null,
              externalId: environment.id,
              enabled: true,
              allowActions: row.allowActions,
              tlsCa: null,
              tlsCert: null,
              tlsKeySealed: null,
              tlsVerify: true,
              apiKeySealed: null,
            }
          }),
        )
        failures = 0
        deps.state.seen(row.id, Date.now())
        deps.state.setStatus(row.id, 'up')
        await sync(await deps.store.listEndpoints())
        await pause(PORTAINER_SYNC_MS, signal)
      } catch (error) {
        if (signal.aborted) return
        failures++
        const problem = error instanceof EngineError ? error : connectionError(error, row.url ?? row.name)
        deps.state.setStatus(row.id, 'down', { error: problem.message, hint: problem.hint })
        if (failures === 1) deps.log.warn({ endpointId: row.id, err: error }, 'portainer is down')
        await pause(backoffMs(failures, random), signal)
      }
    }
  }

  async function sync(rows: readonly EndpointRow[]): Promise<void> {
    if (stopped) return
    const byId = new Map(rows.map((row) => [row.id, row]))
    const stops: Promise<void>[] = []
    for (const [id, current] of running) {
      const row = byId.get(id)
      const parent = row?.parentId === null || row === undefined ? undefined : byId.get(row.parentId)
      if (row?.enabled && signatureOf(row, parent) === current.signature) continue
      running.delete(id)
      // A Portainer loop may be the one that calls this, so its own end is not waited for here.
      stops.push(current.stop())
    }
    for (const id of deps.state.endpoints.keys()) if (!byId.has(id)) deps.state.removeEndpoint(id)
    for (const row of rows) {
      deps.state.putEndpoint(row)
      const parent = row.parentId === null ? undefined : byId.get(row.parentId)
      if (!row.enabled || (parent && !parent.enabled)) {
        deps.state.replaceContainers(row.id, [])
        deps.state.setStatus(row.id, 'disabled')
      } else if (!running.has(row.id)) {
        deps.state.setUrl(row.id, parent?.url ?? row.url)
        deps.state.setStatus(row.id, 'connecting')
        running.set(row.id, start(row, parent))
      }
    }
    void Promise.allSettled(stops)
  }

  function start(row: EndpointRow, parent: EndpointRow | undefined): Running {
    if (row.kind !== 'portainer') return startMonitor(row, parent)
    const loop = startLoop((signal) => watchPortainer(row, signal))
    return { signature: signatureOf(row, parent), monitor: undefined, stop: loop.stop }
  }

  function startLoop(work: (signal: AbortSignal) => Promise<void>): { stop(): Promise<void> } {
    const abort = new AbortController()
    const ended = work(abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted) deps.log.error({ err: error }, 'a watching loop ended')
    })
    return {
      async stop() {
        abort.abort()
        await ended
      },
    }
  }

  return {
    sync,
    async stop() {
      stopped = true
      const all = [...running.values()]
      running.clear()
      await Promise.all(all.map((each) => each.stop()))
    },
    sourceOf: (endpointId) => running.get(endpointId)?.monitor?.source(),
    async refresh(endpointId, ids) {
      await running.get(endpointId)?.monitor?.refresh(ids)
    },
  }
}

/** CPU in percent of the whole machine and memory of the running containers; undefined before the first samples. */
export function sumContainers(
  entry: EndpointEntry,
): { cpuPercent: number | null; memoryUsedBytes: number } | undefined {
  let cpu: number | null = null
  let memory = 0
  let sampled = false
  for (const { summary } of entry.containers.values()) {
    if (summary.state !== 'running' || summary.sampledAt === null) continue
    sampled = true
    memory += summary.memoryUsedBytes ?? 0
    if (summary.cpuPercent !== null) cpu = (cpu ?? 0) + summary.cpuPercent
  }
  if (!sampled) return undefined
  const cpus = Math.max(1, entry.facts?.cpus ?? 1)
  return { cpuPercent: cpu === null ? null : Math.min(100, cpu / cpus), memoryUsedBytes: memory }
}

function signatureOf(row: EndpointRow, parent: EndpointRow | undefined): string {
  const own = [
    row.kind,
    row.url,
    row.externalId,
    row.tlsCa,
    row.tlsCert,
    row.tlsKeySealed,
    row.tlsVerify,
    row.apiKeySealed,
  ]
  return JSON.stringify(parent ? [own, parent.enabled, signatureOf(parent, undefined)] : own)
}

function freeName(name: string, parent: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  const qualified = `${parent} / ${name}`
  for (let copy = 2; ; copy++) {
    const candidate = copy === 2 ? qualified : `${qualified} ${copy - 1}`
    if (!taken.has(candidate)) return candidate
  }
}
