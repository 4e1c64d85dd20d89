import type { Storage } from '../db/app-db-router.ts'
import { type Domain, domainNames, domains } from '../db/domains.ts'
import { isAppDbHealthy, isAppDbReady } from '../db/postgres.ts'
import type { Check, DomainFacts, HealthChecks, StoreFacts } from '../health/index.ts'
import { createTableSizesStore, type TableSize } from './table-sizes.store.ts'

/** Sizes of a SQLite file are found by reading it: beyond this they are left out. */
const SQLITE_SIZES_UP_TO_BYTES = 256 * 1024 * 1024
const SIZES_KEPT_MS = 60_000

/** What the stores and domains look like from outside: for readiness and for the About page. */
export function createStorageFacts(deps: {
  storage: Storage
  postgresConfigured: boolean
  clock: () => Date
}) {
  const { storage } = deps
  const sizes = new Map<string, { atMs: number; tables: Promise<readonly TableSize[]> }>()

  /** Sizes by the store that holds `domain`; asked once a minute at most. */
  function sizesOf(placement: 'sqlite' | 'postgres', domain: Domain): Promise<readonly TableSize[]> {
    const nowMs = deps.clock().getTime()
    const known = sizes.get(placement)
    if (known && nowMs - known.atMs < SIZES_KEPT_MS) return known.tables
    const tables = createTableSizesStore(storage.getAppDbFor(domain))
      .list()
      .catch(() => {
        // Sizes are extra: without rights to read them, or while the store is away, the page does without.
        return []
      })
    sizes.set(placement, { atMs: nowMs, tables })
    return tables
  }

  async function describe(): Promise<{ stores: StoreFacts[]; domains: DomainFacts[] }> {
    const status = storage.status()
    const stores = status.stores.map((store) => ({
      name: store.name,
      version: store.version,
      timescaleVersion: store.timescale?.version ?? null,
      reachable: store.reachable,
      sizeBytes: store.sizeBytes,
      reason: store.reason,
    }))
    const sqliteBytes = stores.find((store) => store.name === 'sqlite')?.sizeBytes ?? 0
    const described = status.domains.map(async (state): Promise<DomainFacts> => {
      const spec = domains[state.domain]
      const { placement } = state
      const tooLarge = placement === 'sqlite' && sqliteBytes > SQLITE_SIZES_UP_TO_BYTES
      const measurable = state.available && !tooLarge
      const known = measurable && placement !== null ? await sizesOf(placement, state.domain) : []
      return {
        domain: state.domain,
        title: spec.title,
        phase: spec.phase,
        placement: state.placement,
        epoch: state.epoch,
        available: state.available,
        reason: state.reason,
        tables: Object.keys(spec.tables).map(
          (name) => known.find((table) => table.name === name) ?? { name },
        ),
        retentionKey: spec.retention?.[0]?.settingKey ?? null,
      }
    })
    return { stores, domains: await Promise.all(described) }
  }

  return { describe, checks: checksOf(deps) }
}

function checksOf(deps: { storage: Storage; postgresConfigured: boolean }): HealthChecks {
  const { storage } = deps
  return {
    appDb: async () => (deps.postgresConfigured ? appDbCheck(reasonOf(storage, 'postgres')) : null),
    sqlite: async () => {
      const { stores, domains } = storage.status()
      if (!stores.some((store) => store.name === 'sqlite')) return null
      const reason = reasonOf(storage, 'sqlite')
      if (reason !== undefined) return { status: 'unhealthy', error: 'SQLite query failed', reason }
      // A domain can be unavailable for a reason of its own: ask one that is there.
      const domain = domains.find((state) => state.placement === 'sqlite' && state.available)?.domain
      const healthy = domain === undefined || (await storage.getAppDbFor(domain).healthCheck())
      return healthy ? { status: 'healthy' } : { status: 'unhealthy', error: 'SQLite query failed' }
    },
    domains: async () => {
      const away = storage.status().domains.filter((state) => !state.available)
      if (away.length === 0) return { status: 'healthy' }
      const reason = away.map((state) => `${state.domain}: ${state.reason ?? 'unavailable'}`).join('; ')
      const share = `${away.length} of ${domainNames.length} domains are unavailable`
      return { status: 'unhealthy', error: share, reason }
    },
  }
}

function reasonOf(storage: Storage, name: 'sqlite' | 'postgres'): string | undefined {
  return storage.status().stores.find((store) => store.name === name)?.reason ?? undefined
}

async function appDbCheck(reason: string | undefined): Promise<Check> {
  const healthy = await isAppDbHealthy()
  if (healthy && isAppDbReady()) return { status: 'healthy' }
  return {
    ...(healthy
      ? { status: 'degraded', error: 'App DB connected but migrations not applied' }
      : { status: 'unhealthy', error: 'App DB query failed' }),
    ...(reason === undefined ? {} : { reason }),
  }
}
