import type { CollectorInfo } from './health.schema.ts'

export interface StoreFacts {
  readonly name: 'sqlite' | 'postgres'
  readonly version: string | null
  readonly timescaleVersion: string | null
  readonly reachable: boolean
  readonly sizeBytes: number | null
  readonly reason: string | null
}

export interface DomainFacts {
  readonly domain: string
  readonly title: string
  readonly phase: number
  /** Null while it cannot be decided. */
  readonly placement: 'sqlite' | 'postgres' | null
  readonly epoch: number
  readonly available: boolean
  readonly reason: string | null
  readonly tables: readonly { readonly name: string; readonly rows?: number; readonly sizeBytes?: number }[]
  /** Key of the setting that says how long the domain's rows are kept; null when they are kept for good. */
  readonly retentionKey: string | null
}

export interface SystemDeps {
  readonly version: string
  readonly startedAt: Date
  readonly clock: () => Date
  storage(): Promise<{ stores: readonly StoreFacts[]; domains: readonly DomainFacts[] }>
  /** Every setting: how long rows are kept is among them. */
  settings(): Promise<readonly { readonly key: string; readonly value: unknown }[]>
  collector(): CollectorInfo
  eventLoopDelayP99Ms(): number
  connections(): number
}

export type SystemService = ReturnType<typeof createSystemService>

/** The state of this installation, as the About page shows it. */
export function createSystemService(deps: SystemDeps) {
  return {
    async describe() {
      const [{ stores, domains }, settings] = await Promise.all([deps.storage(), deps.settings()])
      const values = new Map(settings.map(({ key, value }) => [key, value]))
      return {
        version: deps.version,
        node: process.version,
        uptimeSeconds: Math.round((deps.clock().getTime() - deps.startedAt.getTime()) / 1000),
        rssBytes: process.memoryUsage.rss(),
        eventLoopDelayP99Ms: deps.eventLoopDelayP99Ms(),
        startedAt: deps.startedAt.toISOString(),
        liveConnections: deps.connections(),
        stores: [...stores],
        domains: domains.map(({ retentionKey, tables, ...domain }) => ({
          ...domain,
          tables: [...tables],
          retentionDays: daysOf(retentionKey === null ? null : values.get(retentionKey)),
        })),
        collector: deps.collector(),
      }
    },
  }
}

const daysOf = (value: unknown) => (typeof value === 'number' ? value : null)
