import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from '../core/config/config.ts'
import type { Log } from '../core/log.ts'
import type { AppDb } from './app-db.ts'
import { isDbError } from './db-errors.ts'
import { type Domain, domainNames, domains, unitOf } from './domains.ts'
import { ManagedStore, type StoreIntervals } from './managed-store.ts'
import type { MigrationReport } from './migrate.ts'
import type { Decision } from './placement-decision.ts'
import type { Placement } from './placement-store.ts'
import {
  joinStores,
  type Settlement,
  type StoreAccess,
  settlePlacements,
  unitProblems,
  type Wishes,
} from './placements.ts'
import { RoutedDb } from './routed-db.ts'
import { StoreUnavailableError } from './store-unavailable.ts'
import { postgresSource, sqliteSource } from './stores.ts'

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

/** Every database of the product, by domain. */
export interface Storage {
  /** The database of `domain`: the same handle for good, each call goes to where the domain then is. */
  getAppDbFor(domain: Domain): AppDb
  status(): StorageStatus
  close(): Promise<void>
}

export type StorageConfig = Pick<
  Config,
  'dataDir' | 'postgresAppUrl' | 'postgresAppMaxConnections' | 'storagePlacement' | 'storagePlacements'
>

export interface StorageDeps {
  readonly config: StorageConfig
  readonly log: Log
  readonly clock: () => Date
  /** How often stores are asked; shorter in tests. */
  readonly intervals?: StoreIntervals
}

const INTERVALS: StoreIntervals = { heartbeatMs: 5_000, firstRetryMs: 250, longestRetryMs: 10_000 }

/** The file of an installation that keeps domains in SQLite. */
export const sqliteFile = (dataDir: string) => join(dataDir, 'holdfast.db')

/**
 * Opens what is configured, brings each store to the schema of this version and settles where every domain is.
 * A store that cannot be opened does not stop the start: its domains are unavailable until it can.
 *
 * @throws ConfigError when a wish for a placement cannot be followed, listing every such domain;
 *   StoreInUseError when another server has the SQLite file.
 */
export async function openStorage(deps: StorageDeps): Promise<Storage> {
  const { config } = deps
  const hasFile = existsSync(sqliteFile(config.dataDir))
  const wishes: Wishes = {
    placementOf: (domain) => config.storagePlacements[domain] ?? config.storagePlacement,
    initial: config.postgresAppUrl !== undefined && !hasFile ? 'postgres' : 'sqlite',
  }
  const problems = unitProblems(wishes.placementOf)
  if (problems.length > 0) throw new ConfigError(problems.map(({ problem }) => problem))
  const wantsSqlite = domainNames.some(
    (domain) => (wishes.placementOf(domain) ?? wishes.initial) === 'sqlite',
  )
  const router = new AppDbRouter(deps, wishes, { sqlite: hasFile || wantsSqlite })
  await router.start()
  return router
}

class AppDbRouter implements Storage {
  readonly #deps: StorageDeps
  readonly #wishes: Wishes
  readonly #stores: Partial<Record<Placement, ManagedStore>> = {}
  readonly #locations: Partial<Record<Placement, string>> = {}
  readonly #handles = new Map<Domain, AppDb>()
  #decisions: ReadonlyMap<Domain, Decision> = new Map()
  #settling: Promise<unknown> = Promise.resolve()

  constructor(deps: StorageDeps, wishes: Wishes, use: { sqlite: boolean }) {
    this.#deps = deps
    this.#wishes = wishes
    const { config, log, intervals = INTERVALS } = deps
    const shared = { log, intervals, onPrepared: () => this.#settle() }
    if (use.sqlite) {
      const source = sqliteSource(sqliteFile(config.dataDir))
      this.#stores.sqlite = new ManagedStore({ ...shared, ...source, name: 'sqlite' })
      this.#locations.sqlite = source.location
    }
    if (config.postgresAppUrl !== undefined) {
      const source = postgresSource({
        url: config.postgresAppUrl,
        maxConnections: config.postgresAppMaxConnections,
        log,
        sibling: () => this.#stores.sqlite?.prepared,
      })
      this.#stores.postgres = new ManagedStore({ ...shared, ...source, name: 'postgres' })
      this.#locations.postgres = source.location
    }
  }

  async start(): Promise<void> {
    try {
      // One after the other: what PostgreSQL holds is compared with the SQLite file before it is migrated.
      await this.#stores.sqlite?.start()
      await this.#stores.postgres?.start()
      const { refusals } = await this.#settle()
      if (refusals.length > 0) throw new ConfigError(refusals)
    } catch (error) {
      await this.close()
      throw error
    }
    for (const store of this.#managed()) store.release()
  }

  getAppDbFor(domain: Domain): AppDb {
    const known = this.#handles.get(domain)
    if (known) return known
    const handle = new RoutedDb({
      dialect: () => this.#decisions.get(domain)?.placement ?? this.#wishes.initial,
      enter: () => this.#enter(domain),
      failed: (error) => this.#failed(domain, error),
    })
    this.#handles.set(domain, handle)
    return handle
  }

  status(): StorageStatus {
    return {
      stores: this.#managed().map((store) => ({
        name: store.name,
        reachable: store.reason === undefined,
        reason: store.reason ?? null,
        location: this.#locations[store.name] ?? '',
        version: store.info?.version ?? null,
        sizeBytes: store.info?.sizeBytes ?? null,
        timescale: timescaleStatus(store.info?.timescale),
      })),
      domains: domainNames.map((domain) => {
        const decision = this.#decisions.get(domain)
        const reason = this.#reasonAgainst(domain)
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
      }),
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#managed().map((store) => store.close()))
  }

  #managed(): ManagedStore[] {
    return [this.#stores.sqlite, this.#stores.postgres].filter((store) => store !== undefined)
  }

  #storeOf(domain: Domain): ManagedStore | undefined {
    const placement = this.#decisions.get(domain)?.placement
    return placement && this.#stores[placement]
  }

  #reasonAgainst(domain: Domain): string | undefined {
    const decision = this.#decisions.get(domain)
    if (!decision) return 'The storage is not open yet'
    if (decision.fence === undefined) return this.#storeOf(domain)?.reason
    // Where a store that is away keeps the domain from being decided, what to do is said there.
    const away = this.#managed().find((store) => store.reason !== undefined)
    return away && !decision.placement ? `${decision.fence}. ${away.reason}` : decision.fence
  }

  /** The one place where a call learns which store it goes to, or that it must not go anywhere. */
  #enter(domain: Domain): AppDb {
    const db = this.#storeOf(domain)?.ready
    const reason = this.#reasonAgainst(domain)
    if (reason !== undefined || !db) throw new StoreUnavailableError(domain, reason ?? 'no store')
    return db
  }

  #failed(domain: Domain, error: unknown): unknown {
    if (!isDbError(error, 'unavailable') || error instanceof StoreUnavailableError) return error
    this.#storeOf(domain)?.suspect(error)
    return new StoreUnavailableError(domain, error.message, error)
  }

  /** One settlement at a time: both stores may come back at once. */
  #settle(): Promise<Settlement> {
    const next = this.#settling.then(() => this.#settleNow())
    this.#settling = next.catch(() => undefined) // its caller gets the error
    return next
  }

  async #settleNow(): Promise<Settlement> {
    const stores = { sqlite: this.#access('sqlite'), postgres: this.#access('postgres') }
    await joinStores(stores)
    const settlement = await settlePlacements(stores, this.#wishes, this.#deps.clock)
    this.#decisions = new Map(
      [...settlement.decisions].map(([domain, decision]) => [domain, this.#keepOrFence(domain, decision)]),
    )
    // Most often one cause fences every domain: twenty lines that say the same would hide it.
    const fenced = new Map<string, Domain[]>()
    for (const [domain, { fence }] of this.#decisions) {
      if (fence !== undefined) fenced.set(fence, [...(fenced.get(fence) ?? []), domain])
    }
    for (const [reason, domains] of fenced) this.#deps.log.error({ domains, reason }, 'domains are fenced')
    return settlement
  }

  /** A domain that this process has been serving does not silently change its store under it. */
  #keepOrFence(domain: Domain, decision: Decision): Decision {
    const before = this.#decisions.get(domain)
    const served = before?.fence === undefined && before?.placement !== undefined
    if (!served || decision.fence !== undefined || before.placement === decision.placement) return decision
    return {
      ...decision,
      fence:
        `The domain was used in ${before.placement} (epoch ${before.epoch}) until the other store came back and ` +
        `showed that it belongs to ${decision.placement} (epoch ${decision.epoch}): one of them was restored from ` +
        'a backup. Restart to use the latter; what was written since then stays in the former',
    }
  }

  #access(name: Placement): StoreAccess {
    const store = this.#stores[name]
    if (!store) return 'absent'
    return store.prepared ?? 'away'
  }
}

function timescaleStatus(state: MigrationReport['timescale']): StoreStatus['timescale'] {
  if (!state) return null
  return { version: state.version ?? null, active: state.active, reason: state.reason ?? null }
}
