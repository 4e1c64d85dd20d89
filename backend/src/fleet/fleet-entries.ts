import type { ContainerSummary } from './container.schema.ts'
import type { CounterTracker } from './counter-tracker.ts'
import type { EngineFacts } from './docker/docker-source.ts'
import type { EndpointStatus } from './endpoint.schema.ts'
import type { ImageSummary, NetworkSummary } from './fleet.schema.ts'
import type { EndpointRow } from './fleet.store.ts'
import type { HostFacts, HostReading } from './host/host-source.ts'

/** What an inspection told; kept until the container changes. */
export interface Inspected {
  readonly startedAt: string | null
  readonly restartCount: number
  readonly exitCode: number | null
  readonly tty: boolean
}

export interface ContainerEntry {
  summary: ContainerSummary
  inspected: Inspected | undefined
  /** Address by network name. */
  addresses: ReadonlyMap<string, string>
  readonly tracker: CounterTracker
  /** Up to 30 samples, oldest first. */
  readonly cpuSpark: number[]
  readonly memorySpark: number[]
}

export interface EndpointEntry {
  row: EndpointRow
  status: EndpointStatus
  /** Where the engine is; for this machine found at run time. */
  url: string | null
  error: string | null
  hint: string | null
  facts: EngineFacts | undefined
  lastSeenAtMs: number | undefined
  readonly containers: Map<string, ContainerEntry>
  readonly idsByName: Map<string, string>
  images: readonly ImageSummary[]
  networks: readonly NetworkSummary[]
  /** Only of this machine. */
  host: { facts: HostFacts; reading: HostReading | undefined } | undefined
}

export interface ListedContainer {
  readonly summary: ContainerSummary
  readonly addresses: ReadonlyMap<string, string>
}

/** A summary of the list, with what the inspection and the samples told before. */
export function withKnown(summary: ContainerSummary, known: ContainerEntry): ContainerSummary {
  const { inspected, summary: before } = known
  const isActive = summary.state === 'running' || summary.state === 'paused'
  return {
    ...summary,
    startedAt: inspected?.startedAt ?? summary.startedAt,
    restartCount: inspected?.restartCount ?? summary.restartCount,
    exitCode: isActive ? null : (summary.exitCode ?? inspected?.exitCode ?? null),
    // A container that does not run uses nothing; its last values would look alive.
    cpuPercent: isActive ? before.cpuPercent : null,
    memoryUsedBytes: isActive ? before.memoryUsedBytes : null,
    memoryLimitBytes: isActive ? before.memoryLimitBytes : null,
    sampledAt: isActive ? before.sampledAt : null,
  }
}

export function sameContainer(a: ContainerSummary, b: ContainerSummary): boolean {
  return (
    a.name === b.name &&
    a.endpointName === b.endpointName &&
    a.state === b.state &&
    a.health === b.health &&
    a.exitCode === b.exitCode &&
    a.startedAt === b.startedAt &&
    a.restartCount === b.restartCount &&
    a.image === b.image &&
    a.imageId === b.imageId &&
    a.stack === b.stack &&
    a.service === b.service &&
    JSON.stringify([a.ports, a.networks, a.labels]) === JSON.stringify([b.ports, b.networks, b.labels])
  )
}

export function compareContainers(
  a: { name: string; endpointId: number; id: string },
  b: { name: string; endpointId: number; id: string },
): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.endpointId - b.endpointId || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
