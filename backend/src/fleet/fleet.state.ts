import type { ContainerSummary } from './container.schema.ts'
import { CounterTracker } from './counter-tracker.ts'
import type { ContainerReading } from './docker/container-stats.ts'
import type { EngineFacts } from './docker/docker-source.ts'
import type { Endpoint, EndpointStatus } from './endpoint.schema.ts'
import type {
  FleetCounts,
  HeatCell,
  ImageSummary,
  NetworkSummary,
  StackSummary,
  TopItem,
} from './fleet.schema.ts'
import type { EndpointRow } from './fleet.store.ts'
import {
  type ContainerEntry,
  compareContainers,
  type EndpointEntry,
  type Inspected,
  type ListedContainer,
  sameContainer,
  withKnown,
} from './fleet-entries.ts'
import { countFleet, endpointView, groupStacks } from './fleet-summaries.ts'

export interface StateChanges {
  readonly upserts: ContainerSummary[]
  readonly removes: { endpointId: number; id: string }[]
  readonly endpoints: Endpoint[]
  readonly removedEndpoints: number[]
}

export const SPARK_POINTS = 30

export type FleetState = ReturnType<typeof createFleetState>

/**
 * The fleet as it is now, in memory. Every change goes through here, so that what is sent to clients is only what
 * changed.
 *
 * @param options.maxGapMs see {@link CounterTracker}
 * @param options.onDirty called once when something changed after the changes were last taken
 */
export function createFleetState(options: { maxGapMs: number; onDirty?: () => void }) {
  const endpoints = new Map<number, EndpointEntry>()
  const changed = new Map<string, { endpointId: number; id: string }>()
  const changedEndpoints = new Set<number>()
  const removedEndpoints = new Set<number>()
  let dirty = false
  let sorted: ContainerEntry[] | undefined

  function touch(): void {
    sorted = undefined
    if (dirty) return
    dirty = true
    options.onDirty?.()
  }
  function touchEndpoint(id: number): void {
    changedEndpoints.add(id)
    touch()
  }
  function touchContainer(endpointId: number, id: string): void {
    changed.set(`${endpointId}/${id}`, { endpointId, id })
    touch()
  }

  function removeContainer(entry: EndpointEntry, id: string): void {
    const container = entry.containers.get(id)
    if (!container) return
    entry.containers.delete(id)
    if (entry.idsByName.get(container.summary.name) === id) entry.idsByName.delete(container.summary.name)
    touchContainer(entry.row.id, id)
    changedEndpoints.add(entry.row.id)
  }

  function putContainer(entry: EndpointEntry, listed: ListedContainer): ContainerEntry {
    const { summary } = listed
    const known = entry.containers.get(summary.id)
    if (!known) {
      const previousId = entry.idsByName.get(summary.name)
      const previous = previousId === undefined ? undefined : entry.containers.get(previousId)
      const created: ContainerEntry = {
        summary,
        inspected: undefined,
        addresses: listed.addresses,
        tracker: new CounterTracker(options.maxGapMs),
        // The line of a container that was made anew under its name goes on.
        cpuSpark: previous?.cpuSpark ?? [],
        memorySpark: previous?.memorySpark ?? [],
      }
      entry.containers.set(summary.id, created)
      entry.idsByName.set(summary.name, summary.id)
      touchContainer(entry.row.id, summary.id)
      changedEndpoints.add(entry.row.id)
      return created
    }
    if (known.summary.name !== summary.name) {
      if (entry.idsByName.get(known.summary.name) === summary.id) entry.idsByName.delete(known.summary.name)
      entry.idsByName.set(summary.name, summary.id)
    }
    known.addresses = listed.addresses
    const next = withKnown(summary, known)
    // `Up 3 minutes` becomes `Up 4 minutes` all by itself: no news for anybody.
    const isNews = !sameContainer(known.summary, next)
    known.summary = next
    if (isNews) touchContainer(entry.row.id, summary.id)
    return known
  }

  return {
    endpoints: endpoints as ReadonlyMap<number, EndpointEntry>,

    putEndpoint(row: EndpointRow): EndpointEntry {
      const known = endpoints.get(row.id)
      touchEndpoint(row.id)
      if (known) {
        const renamed = known.row.name !== row.name
        known.row = row
        if (renamed) {
          for (const [id, container] of known.containers) {
            container.summary = { ...container.summary, endpointName: row.name }
            touchContainer(row.id, id)
          }
          known.images = known.images.map((image) => ({ ...image, endpointName: row.name }))
          known.networks = known.networks.map((network) => ({ ...network, endpointName: row.name }))
        }
        return known
      }
      const entry: EndpointEntry = {
        row,
        status: row.enabled ? 'connecting' : 'disabled',
        url: row.url,
        error: null,
        hint: null,
        facts: undefined,
        lastSeenAtMs: undefined,
        containers: new Map(),
        idsByName: new Map(),
        images: [],
        networks: [],
        host: undefined,
      }
      endpoints.set(row.id, entry)
      removedEndpoints.delete(row.id)
      return entry
    },

    removeEndpoint(id: number): void {
      if (!endpoints.delete(id)) return
      changedEndpoints.delete(id)
      for (const [key, container] of changed) if (container.endpointId === id) changed.delete(key)
      removedEndpoints.add(id)
      touch()
    },

    setStatus(
      id: number,
      status: EndpointStatus,
      details: { error?: string | undefined; hint?: string | undefined } = {},
    ): void {
      const entry = endpoints.get(id)
      if (!entry) return
      const error = details.error ?? null
      const hint = details.hint ?? null
      if (entry.status === status && entry.error === error && entry.hint === hint) return
      entry.status = status
      entry.error = error
      entry.hint = hint
      touchEndpoint(id)
    },

    setUrl(id: number, url: string | null): void {
      const entry = endpoints.get(id)
      if (!entry || entry.url === url) return
      entry.url = url
      touchEndpoint(id)
    },

    setFacts(id: number, facts: EngineFacts): void {
      const entry = endpoints.get(id)
      if (!entry) return
      entry.facts = facts
      touchEndpoint(id)
    },

    seen(id: number, atMs: number): void {
      const entry = endpoints.get(id)
      if (entry) entry.lastSeenAtMs = atMs
    },

    /** The whole list of an endpoint: what is not in it is gone. */
    replaceContainers(id: number, list: readonly ListedContainer[]): void {
      const entry = endpoints.get(id)
      if (!entry) return
      const present = new Set(list.map((each) => each.summary.id))
      for (const known of [...entry.containers.keys()]) if (!present.has(known)) removeContainer(entry, known)
      for (const each of list) putContainer(entry, each)
    },

    /** A part of the list: those of `ids` that are not in it are gone. */
    updateContainers(id: number, ids: readonly string[], list: readonly ListedContainer[]): void {
      const entry = endpoints.get(id)
      if (!entry) return
      const present = new Set(list.map((each) => each.summary.id))
      for (const known of ids) if (!present.has(known)) removeContainer(entry, known)
      for (const each of list) putContainer(entry, each)
    },

    /** @param summary the container's, with what the inspection told */
    setInspected(endpointId: number, id: string, inspected: Inspected, summary: ContainerSummary): void {
      const container = endpoints.get(endpointId)?.containers.get(id)
      if (!container) return
      container.inspected = inspected
      const next = withKnown(summary, container)
      const isNews = !sameContainer(container.summary, next)
      container.summary = next
      if (isNews) touchContainer(endpointId, id)
    },

    setImages(id: number, images: readonly ImageSummary[]): void {
      const entry = endpoints.get(id)
      if (entry) {
        entry.images = images
        touch()
      }
    },

    setNetworks(id: number, networks: readonly NetworkSummary[]): void {
      const entry = endpoints.get(id)
      if (entry) {
        entry.networks = networks
        touch()
      }
    },

    /** Values of a container. They go to clients with the samples of the cycle, not as a change of the list. */
    applyReading(container: ContainerEntry, reading: ContainerReading): void {
      const { summary } = container
      // In place: a thousand samples every ten seconds would otherwise copy a thousand summaries.
      summary.cpuPercent = reading.cpuPercent ?? summary.cpuPercent
      summary.memoryUsedBytes = reading.memoryUsedBytes
      summary.memoryLimitBytes = reading.memoryLimitBytes
      summary.sampledAt = new Date(reading.timeMs).toISOString()
      if (reading.cpuPercent !== null) push(container.cpuSpark, reading.cpuPercent)
      if (reading.memoryUsedBytes !== null) push(container.memorySpark, reading.memoryUsedBytes)
    },

    /** All containers by name, then endpoint. The array is cached: do not change it. */
    containers(): readonly ContainerEntry[] {
      if (!sorted) {
        sorted = []
        for (const entry of endpoints.values()) sorted.push(...entry.containers.values())
        sorted.sort((a, b) => compareContainers(a.summary, b.summary))
      }
      return sorted
    },

    /** By its id (64 digits, or a prefix of at least 12 that is unique) or its name. */
    findContainer(endpointId: number, reference: string): ContainerEntry | undefined {
      const entry = endpoints.get(endpointId)
      if (!entry) return undefined
      const named = entry.idsByName.get(reference)
      if (named !== undefined) return entry.containers.get(named)
      const exact = entry.containers.get(reference)
      if (exact || !/^[a-f0-9]{12,64}$/.test(reference)) return exact
      const matches = [...entry.containers.values()].filter((each) => each.summary.id.startsWith(reference))
      return matches.length === 1 ? matches[0] : undefined
    },

    endpoint(id: number): Endpoint | undefined {
      const entry = endpoints.get(id)
      return entry && endpointView(entry)
    },

    listEndpoints(): Endpoint[] {
      return [...endpoints.values()].map(endpointView)
    },

    counts(): FleetCounts {
      return countFleet(endpoints.values())
    },

    stacks(): StackSummary[] {
      return groupStacks(endpoints.values())
    },

    heat(): HeatCell[] {
      return this.containers().map(({ summary }) => ({
        endpointId: summary.endpointId,
        id: summary.id,
        name: summary.name,
        stack: summary.stack,
        state: summary.state,
        health: summary.health,
        exitCode: summary.exitCode,
      }))
    },

    /** Running containers that use most, of endpoints that are up: what was last known of others is no news. */
    top(of: 'cpu' | 'memory', limit: number): TopItem[] {
      const value = (each: ContainerEntry) =>
        (of === 'cpu' ? each.summary.cpuPercent : each.summary.memoryUsedBytes) ?? -1
      return this.containers()
        .filter((each) => each.summary.state === 'running' && value(each) >= 0)
        .filter((each) => endpoints.get(each.summary.endpointId)?.status === 'up')
        .sort((a, b) => value(b) - value(a))
        .slice(0, limit)
        .map((each) => ({
          endpointId: each.summary.endpointId,
          name: each.summary.name,
          stack: each.summary.stack,
          value: value(each),
          unit: of === 'cpu' ? 'percent' : 'bytes',
          spark: [...(of === 'cpu' ? each.cpuSpark : each.memorySpark)],
        }))
    },

    /** What changed since the last call. */
    takeChanges(): StateChanges {
      dirty = false
      const changes: StateChanges = {
        upserts: [],
        removes: [],
        endpoints: [],
        removedEndpoints: [...removedEndpoints],
      }
      for (const { endpointId, id } of changed.values()) {
        const container = endpoints.get(endpointId)?.containers.get(id)
        if (container) changes.upserts.push(container.summary)
        else changes.removes.push({ endpointId, id })
      }
      for (const id of changedEndpoints) {
        const entry = endpoints.get(id)
        if (entry) changes.endpoints.push(endpointView(entry))
      }
      changed.clear()
      changedEndpoints.clear()
      removedEndpoints.clear()
      return changes
    },
  }
}

function push(spark: number[], value: number): void {
  if (spark.length >= SPARK_POINTS) spark.shift()
  spark.push(value)
}
