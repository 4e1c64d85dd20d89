import { type Domain, domainNames, domains, unitOf } from './domains.ts'
import type { ManagedStore } from './managed-store.ts'
import type { MigrationReport } from './migrate.ts'
import type { Decision } from './placement-decision.ts'
import type { Placement } from './placement-store.ts'

interface DomainStatus {
  readonly domain: Domain
  readonly title: string
  readonly phase: 1 | 2 | 3 | 4
  /** The domains that must be in the same store, this one included. */
  readonly unit: readonly Domain[]
  /** Null while it cannot be decided. */
  readonly placement: Placement | null
  readonly epoch: number
  readonly available: boolean
  /** Why it is not available, and what to do. */
  readonly reason: string | null
}

interface StoreStatus {
  readonly name: Placement
  readonly reachable: boolean
  /** Why it is not reachable, and what to do. */
  readonly reason: string | null
  /** The file, or host, port and database: never a password. */
  readonly location: string
  readonly version: string | null
  readonly sizeBytes: number | null
  readonly timescale: {
    readonly version: string | null
    readonly active: boolean
    readonly reason: string | null
  } | null
}

export interface StorageStatus {
  /** Only the stores that are in use. */
  readonly stores: readonly StoreStatus[]
  readonly domains: readonly DomainStatus[]
}

export function storeStatus(store: ManagedStore, location: string): StoreStatus {
  return {
    name: store.name,
    reachable: store.reason === undefined,
    reason: store.reason ?? null,
    location,
    version: store.info?.version ?? null,
    sizeBytes: store.info?.sizeBytes ?? null,
    timescale: timescaleStatus(store.info?.timescale),
  }
}

/** @param reasonOf why a domain is not available, if it is not. */
export function domainStatuses(
  decisions: ReadonlyMap<Domain, Decision>,
  reasonOf: (domain: Domain) => string | undefined,
): DomainStatus[] {
  return domainNames.map((domain) => {
    const decision = decisions.get(domain)
    const reason = reasonOf(domain)
    return {
      domain,
      title: domains[domain].title,
      phase: domains[domain].phase,
      unit: unitOf(domain),
      placement: decision?.placement ?? null,
      epoch: decision?.epoch ?? 0,
      available: reason === undefined,
      reason: reason ?? null,
    }
  })
}

function timescaleStatus(state: MigrationReport['timescale']): StoreStatus['timescale'] {
  if (!state) return null
  return { version: state.version ?? null, active: state.active, reason: state.reason ?? null }
}
