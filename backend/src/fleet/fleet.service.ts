import { AppError, forbidden, invalid, notFound, unavailable } from '../core/errors.ts'
import type { Collector } from './collector.ts'
import type {
  ContainerAction,
  ContainerActionResult,
  ContainerDetail,
  ContainerProcesses,
  ContainerSummary,
} from './container.schema.ts'
import { downloadLogs, type LogDownload, type LogQuery } from './container-logs.ts'
import { containerDetail } from './docker/container-mapping.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { EngineError } from './docker/engine-error.ts'
import type { Endpoint } from './endpoint.schema.ts'
import type { EventSink } from './event-sink.ts'
import type { FleetEvent, FleetOverview, ImageSummary, NetworkSummary, StackSummary } from './fleet.schema.ts'
import type { FleetState } from './fleet.state.ts'
import type { FleetStore } from './fleet.store.ts'
import { type ContainerEntry, compareContainers, type EndpointEntry } from './fleet-entries.ts'
import { hostDetail, hostSummary, imagesOf, networksOf } from './fleet-views.ts'
import type { ProcessSource } from './host/host-processes.ts'
import type { HostDetail, HostProcesses, HostSummary } from './host.schema.ts'
import type { LogPage, LogSearchEnd } from './log.schema.ts'
import { readLogs, type ScanWatcher, searchLogs } from './log-scan.ts'
import { maskCommandLine } from './mask-secrets.ts'

export interface ContainerQuery {
  readonly endpointId?: number | undefined
  readonly state?: readonly string[] | undefined
  readonly health?: string | undefined
  readonly stack?: string | undefined
  /** Part of the name, image, stack, service, or the beginning of the id, whatever the case. */
  readonly q?: string | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

interface ContainerRef {
  readonly endpointId: number
  /** Id (at least 12 digits of it) or name. */
  readonly container: string
}

export interface FleetServiceDeps {
  readonly state: FleetState
  readonly store: FleetStore
  readonly collector: Collector
  readonly events: EventSink
  readonly processes: ProcessSource
  /** Of the container that this product runs in; null outside one. */
  readonly ownContainerId: string | null
  readonly now?: () => number
}

const TOP_ITEMS = 10
const HOST_PROCESSES = 100

export type FleetService = ReturnType<typeof createFleetService>

export function createFleetService(deps: FleetServiceDeps) {
  const { state, collector } = deps
  const now = deps.now ?? Date.now

  function endpointEntry(id: number): EndpointEntry {
    const entry = state.endpoints.get(id)
    if (!entry) throw notFound('No such endpoint', 'endpoint_not_found')
    return entry
  }

  function containerEntry(ref: ContainerRef): ContainerEntry {
    const entry = state.findContainer(endpointEntry(ref.endpointId).row.id, ref.container)
    if (!entry) throw notFound('No such container', 'container_not_found')
    return entry
  }

  function connected(endpointId: number): DockerSource {
    const source = collector.sourceOf(endpointId)
    if (source) return source
    const { error, hint, row } = endpointEntry(endpointId)
    throw unavailable(
      error ?? `${row.name} is not connected`,
      'endpoint_down',
      hint === null ? undefined : { hint },
    )
  }

  async function withEngine<T>(endpointId: number, work: (source: DockerSource) => Promise<T>): Promise<T> {
    try {
      return await work(connected(endpointId))
    } catch (error) {
      throw asAppError(error)
    }
  }

  function isOwnContainer(id: string): boolean {
    return deps.ownContainerId !== null && id.startsWith(deps.ownContainerId)
  }

  async function loggedContainer(source: DockerSource, entry: ContainerEntry) {
    const { id } = entry.summary
    return { id, tty: entry.inspected?.tty ?? (await source.inspect(id)).Config.Tty }
  }

  return {
    overview(): FleetOverview {
      return {
        generatedAt: new Date(now()).toISOString(),
        counts: state.counts(),
        hosts: this.hosts(),
        top: { cpu: state.top('cpu', TOP_ITEMS), memory: state.top('memory', TOP_ITEMS) },
        changes: deps.events.recent(),
        heat: state.heat(),
      }
    },

    endpoints(): Endpoint[] {
      return state.listEndpoints()
    },

    endpoint(id: number): Endpoint {
      const endpoint = state.endpoint(id)
      if (!endpoint) throw notFound('No such endpoint', 'endpoint_not_found')
      return endpoint
    },

    hosts(): HostSummary[] {
      return [...state.endpoints.values()].filter((each) => each.row.kind !== 'portainer').map(hostSummary)
    },

    host(endpointId: number): HostDetail {
      return hostDetail(endpointEntry(endpointId))
    },

    /** @throws AppError `processes_unknown` for another machine: only this one can be read */
    async hostProcesses(endpointId: number): Promise<HostProcesses> {
      if (!endpointEntry(endpointId).host) {
        throw new AppError(409, 'processes_unknown', "Only this machine's processes can be read")
      }
      return deps.processes.top(HOST_PROCESSES)
    },

    containers(query: ContainerQuery): {
      items: ContainerSummary[]
      nextCursor: string | null
      total: number
    } {
      const matches = containerFilter(query)
      const after = query.cursor === undefined ? undefined : readCursor(query.cursor)
      const found = state.containers().filter(({ summary }) => matches(summary))
      const rest = after ? found.filter(({ summary }) => compareContainers(summary, after) > 0) : found
      const items = rest.slice(0, query.limit).map(({ summary }) => summary)
      const last = items.at(-1)
      return {
        items,
        nextCursor:
          last && rest.length > items.length ? writeCursor([last.name, last.endpointId, last.id]) : null,
        total: found.length,
      }
    },

    container(ref: ContainerRef): Promise<ContainerDetail> {
      const entry = containerEntry(ref)
      return withEngine(ref.endpointId, async (source) => {
        const detail = await source.inspect(entry.summary.id)
        return containerDetail(entry.summary, detail, isOwnContainer(entry.summary.id))
      })
    },

    containerProcesses(ref: ContainerRef): Promise<ContainerProcesses> {
      const entry = containerEntry(ref)
      if (entry.summary.state !== 'running') return Promise.resolve({ titles: [], rows: [] })
      return withEngine(ref.endpointId, async (source) => {
        const top = await source.top(entry.summary.id)
        return { titles: top.Titles, rows: top.Processes.map((row) => row.map(maskCommandLine)) }
      })
    },

    logs(ref: ContainerRef, query: LogQuery): Promise<LogPage> {
      const entry = containerEntry(ref)
      return withEngine(ref.endpointId, async (source) =>
        readLogs(source, await loggedContainer(source, entry), query),
      )
    },

    logSearch(ref: ContainerRef, query: LogQuery, watcher: ScanWatcher): Promise<LogSearchEnd> {
      const entry = containerEntry(ref)
      return withEngine(ref.endpointId, async (source) =>
        searchLogs(source, await loggedContainer(source, entry), query, watcher),
      )
    },

    logDownload(ref: ContainerRef, query: LogDownload, signal: AbortSignal) {
      const entry = containerEntry(ref)
      return withEngine(ref.endpointId, async (source) => {
        const container = await loggedContainer(source, entry)
        return { name: entry.summary.name, ...(await downloadLogs(source, container, query, signal)) }
      })
    },

    /**
     * @throws AppError `actions_disabled` when the endpoint's policy is off, `container_protected` for the container
     *   that this product runs in
     */
    async act(ref: ContainerRef, action: ContainerAction): Promise<ContainerActionResult> {
      const entry = containerEntry(ref)
      const { id } = entry.summary
      if (!endpointEntry(ref.endpointId).row.allowActions) {
        throw forbidden(
          'Actions are turned off for this endpoint; an admin can allow them in Settings',
          'actions_disabled',
        )
      }
      if (isOwnContainer(id) && action !== 'start') {
        throw new AppError(409, 'container_protected', 'This product runs in that container')
      }
      const changed = await withEngine(ref.endpointId, async (source) => {
        const result = await source.act(id, action)
        await collector.refresh(ref.endpointId, [id])
        return result
      })
      return { changed, container: state.findContainer(ref.endpointId, id)?.summary ?? entry.summary }
    },

    stacks(): StackSummary[] {
      return state.stacks()
    },

    images(): ImageSummary[] {
      return [...state.endpoints.values()]
        .flatMap(imagesOf)
        .sort((a, b) => compareText(a.tags[0] ?? '~', b.tags[0] ?? '~') || compareText(a.id, b.id))
    },

    networks(): NetworkSummary[] {
      return [...state.endpoints.values()]
        .flatMap(networksOf)
        .sort((a, b) => compareText(a.name, b.name) || a.endpointId - b.endpointId)
    },

    /** Newest first. */
    async events(query: {
      limit: number
      cursor?: string | undefined
      endpointId?: number | undefined
      name?: string | undefined
    }): Promise<{ items: FleetEvent[]; nextCursor: string | null }> {
      const before = query.cursor === undefined ? undefined : readEventCursor(query.cursor)
      const rows = await deps.store.listEvents({
        limit: query.limit + 1,
        before,
        endpointId: query.endpointId,
        subjectName: query.name,
      })
      const items = rows.slice(0, query.limit)
      const last = items.at(-1)
      return { items, nextCursor: last && rows.length > query.limit ? writeCursor([last.at, last.id]) : null }
    },

    containerEvents(ref: ContainerRef, page: { limit: number; cursor?: string | undefined }) {
      const known = state.findContainer(endpointEntry(ref.endpointId).row.id, ref.container)
      // By name, so that the history goes on when the container is made anew, and after it is gone.
      return this.events({ ...page, endpointId: ref.endpointId, name: known?.summary.name ?? ref.container })
    },
  }
}

function containerFilter(query: ContainerQuery): (summary: ContainerSummary) => boolean {
  const wanted = query.q?.trim().toLowerCase() ?? ''
  const states = query.state && query.state.length > 0 ? new Set(query.state) : undefined
  return (summary) =>
    (query.endpointId === undefined || summary.endpointId === query.endpointId) &&
    (states === undefined || states.has(summary.state)) &&
    (query.health === undefined || summary.health === query.health) &&
    (query.stack === undefined || (summary.stack ?? '') === query.stack) &&
    (wanted === '' ||
      summary.name.toLowerCase().includes(wanted) ||
      summary.image.toLowerCase().includes(wanted) ||
      (summary.stack ?? '').toLowerCase().includes(wanted) ||
      (summary.service ?? '').toLowerCase().includes(wanted) ||
      summary.id.startsWith(wanted))
}

function writeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

function decodeCursor(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(value)) return value
  } catch {
    // Text that is not a cursor of this list: answered below.
  }
  throw invalid('The cursor is not valid', undefined, 'invalid_cursor')
}

function readCursor(cursor: string): { name: string; endpointId: number; id: string } {
  const [name, endpointId, id] = decodeCursor(cursor)
  if (typeof name === 'string' && typeof endpointId === 'number' && typeof id === 'string') {
    return { name, endpointId, id }
  }
  throw invalid('The cursor is not valid', undefined, 'invalid_cursor')
}

function readEventCursor(cursor: string): { at: string; id: number } {
  const [at, id] = decodeCursor(cursor)
  if (
    typeof at === 'string' &&
    !Number.isNaN(Date.parse(at)) &&
    Number.isSafeInteger(id) &&
    typeof id === 'number'
  ) {
    return { at, id }
  }
  throw invalid('The cursor is not valid', undefined, 'invalid_cursor')
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** An engine's failure as an answer of the API. */
function asAppError(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error
  const extra = error.hint === undefined ? {} : { extra: { hint: error.hint } }
  switch (error.kind) {
    case 'not-found':
      return notFound(error.message, 'container_not_found')
    case 'conflict':
      return new AppError(409, 'engine_conflict', error.message, { cause: error, ...extra })
    case 'timeout':
      return new AppError(504, 'engine_timeout', error.message, { cause: error, ...extra })
    default:
      return new AppError(502, 'engine_error', error.message, { cause: error, ...extra })
  }
}
