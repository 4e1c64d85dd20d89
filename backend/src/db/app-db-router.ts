import { existsSync } from 'node:fs'
import { type Config, ConfigError } from '../core/config/config.ts'
import type { Log } from '../core/log.ts'
import type { AppDb } from './app-db.ts'
import { DbError, isDbError } from './db-errors.ts'
import { type Domain, domainNames } from './domains.ts'
import { Gates } from './gates.ts'
import { ManagedStore, STORE_INTERVALS, type StoreIntervals } from './managed-store.ts'
import { type Placement, readInstallation } from './placement-store.ts'
import { type StoreAccess, unitProblems, type Wishes } from './placements.ts'
import { RoutedDb } from './routed-db.ts'
import { Settler } from './settler.ts'
import type { SqlStore } from './sql-store.ts'
import { type ArchiveNote, archiveSqliteFile, type SqliteArchive, sqliteFile } from './sqlite-archive.ts'
import { assertMayBegin, needsFile, sqliteVariables } from './sqlite-need.ts'
import type { SettleRoles, StorageControl } from './storage-control.ts'
import { domainStatuses, type StorageStatus, storeStatus } from './storage-status.ts'
import { StoreUnavailableError } from './store-unavailable.ts'
import { postgresSource, type StoreSource, sqliteSource } from './stores.ts'

export { sqliteFile } from './sqlite-archive.ts'
export type { StorageStatus } from './storage-status.ts'

/** Every database of the product, by domain. */
export interface Storage {
  /** The database of `domain`: the same handle for good, each call goes to where the domain then is. */
  getAppDbFor(domain: Domain): AppDb
  status(): StorageStatus
  /** For the moves: nothing else may use it. */
  readonly control: StorageControl
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
  /** Not needed where nothing is written. */
  readonly settleRoles?: SettleRoles
}

/**
 * Opens what is configured, brings each store to the schema of this version and settles where every domain is.
 * A store that cannot be opened does not stop the start: its domains are unavailable until it can.
 *
 * @throws ConfigError when a wish for a placement cannot be followed, listing every such domain, or a new SQLite file
 *   would be begun although there was one; StoreInUseError when another server has the SQLite file;
 *   MissingDriverError when SQLite is needed and not installed.
 */
export async function openStorage(deps: StorageDeps): Promise<Storage> {
  const { config } = deps
  assertMayBegin(config)
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
  const router = new AppDbRouter(deps, wishes, hasFile ? 'open' : wantsSqlite ? 'make' : 'none')
  await router.start()
  return router
}

class AppDbRouter implements Storage {
  readonly control: StorageControl
  readonly #deps: StorageDeps
  readonly #wishes: Wishes
  readonly #intervals: StoreIntervals
  readonly #stores: Partial<Record<Placement, ManagedStore>> = {}
  readonly #locations: Partial<Record<Placement, string>> = {}
  readonly #handles = new Map<Domain, AppDb>()
  readonly #settler: Settler
  readonly #gates: Gates
  readonly #onWrite = new Set<(domain: Domain) => void>()
  readonly #onSettled = new Set<() => void>()
  /** A setting wants domains in SQLite, and there is no file yet. */
  readonly #makesFile: boolean
  #openingSqlite: Promise<SqlStore> | undefined
  #archivingSqlite: Promise<SqliteArchive> | undefined
  #closed = false

  constructor(deps: StorageDeps, wishes: Wishes, file: 'open' | 'make' | 'none') {
    this.#deps = deps
    this.#makesFile = file === 'make'
    this.#wishes = wishes
    const { config, log, clock, settleRoles, intervals = STORE_INTERVALS } = deps
    this.#intervals = intervals
    this.#gates = new Gates({
      log,
      quiet: (domains) => this.#quiet(domains),
      flip: (domains, placement, epoch) => this.#settler.flip(domains, placement, epoch),
      settle: (domains) => this.#settleAgain(domains),
    })
    this.#settler = new Settler({
      log,
      clock,
      wishes,
      settleRoles,
      stores: () => ({ sqlite: this.#access('sqlite'), postgres: this.#access('postgres') }),
      isUnsettled: (domain) => this.#gates.isUnsettled(domain),
      blocker: () => (this.#gates.held ? this.#gates.released() : undefined),
    })
    this.control = this.#createControl()
    if (file === 'open') this.#stores.sqlite = this.#manageSqlite()
    if (config.postgresAppUrl !== undefined) {
      const source = postgresSource({
        url: config.postgresAppUrl,
        maxConnections: config.postgresAppMaxConnections,
        log,
        sibling: () => this.#stores.sqlite?.prepared,
      })
      this.#stores.postgres = this.#manage('postgres', source)
    }
  }

  async start(): Promise<void> {
    try {
      // One after the other: what PostgreSQL holds is compared with the SQLite file before it is migrated. Where there
      // is no file yet, what PostgreSQL holds says whether one is needed.
      await this.#stores.sqlite?.start()
      await this.#stores.postgres?.start()
      const { clock, config } = this.#deps
      if (
        this.#makesFile &&
        (await needsFile(this.#stores.postgres?.prepared, this.#wishes, clock, config))
      ) {
        this.#stores.sqlite = this.#manageSqlite()
        await this.#stores.sqlite.start()
      }
      const { refusals } = await this.#settleAtStart()
      if (refusals.length > 0) throw new ConfigError(refusals)
    } catch (error) {
      await this.close()
      throw error
    }
    this.#reportOldWishes()
    for (const store of this.#managed()) store.release()
  }

  getAppDbFor(domain: Domain): AppDb {
    const known = this.#handles.get(domain)
    if (known) return known
    const handle = new RoutedDb({
      lane: this.#gates.lane(domain),
      dialect: () => this.#settler.decisions.get(domain)?.placement ?? this.#wishes.initial,
      enter: () => this.#enter(domain),
      failed: (error, db) => this.#failed(domain, error, db),
      wrote: () => {
        for (const listener of this.#onWrite) listener(domain)
      },
    })
    this.#handles.set(domain, handle)
    return handle
  }

  status(): StorageStatus {
    return {
      stores: this.#managed().map((store) => storeStatus(store, this.#locations[store.name] ?? '')),
      domains: domainStatuses(this.#settler.decisions, (domain) => this.#reasonAgainst(domain)),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#gates.openAll()
    await this.#openingSqlite?.catch(() => undefined) // it closes what it has opened
    await this.#archivingSqlite?.catch(() => undefined) // its caller gets the error
    await Promise.all(this.#managed().map((store) => store.close()))
  }

  #createControl(): StorageControl {
    const { config } = this.#deps
    const stores = this.#stores
    return {
      get configured() {
        return { sqlite: stores.sqlite !== undefined, postgres: stores.postgres !== undefined }
      },
      sqlitePath: sqliteFile(config.dataDir),
      postgresUrl: config.postgresAppUrl,
      store: (name) => stores[name]?.ready,
      openSqlite: () => {
        this.#openingSqlite ??= this.#openSqlite().finally(() => {
          this.#openingSqlite = undefined
        })
        return this.#openingSqlite
      },
      archiveSqlite: (note) => {
        this.#archivingSqlite ??= this.#settler
          .alone(() => this.#archiveSqlite(note))
          .finally(() => {
            this.#archivingSqlite = undefined
          })
        return this.#archivingSqlite
      },
      sqliteVariables: sqliteVariables(config),
      decision: (domain) => {
        const { placement, epoch, fence } = this.#settler.decisions.get(domain) ?? {}
        return placement && epoch && fence === undefined ? { placement, epoch } : undefined
      },
      close: (domains, { deadlineMs }) => this.#gates.close(domains, deadlineMs),
      onWrite: (listener) => subscribe(this.#onWrite, listener),
      observeReads: (names, listener) => {
        for (const name of names) this.#gates.lane(name).onRead = listener
      },
      onSettled: (listener) => subscribe(this.#onSettled, listener),
    }
  }

  #manage(name: Placement, source: StoreSource): ManagedStore {
    this.#locations[name] = source.location
    return new ManagedStore({
      ...source,
      name,
      log: this.#deps.log,
      intervals: this.#intervals,
      onPrepared: () => this.#settler.settle(),
      onReady: () => this.#settled(),
      onAway: () => this.#failWaiting(),
    })
  }

  #manageSqlite(): ManagedStore {
    return this.#manage('sqlite', sqliteSource(sqliteFile(this.#deps.config.dataDir)))
  }

  #managed(): ManagedStore[] {
    return [this.#stores.sqlite, this.#stores.postgres].filter((store) => store !== undefined)
  }

  #storeOf(domain: Domain): ManagedStore | undefined {
    const placement = this.#settler.decisions.get(domain)?.placement
    return placement && this.#stores[placement]
  }

  #access(name: Placement): StoreAccess {
    const store = this.#stores[name]
    if (!store) return 'absent'
    return store.prepared ?? 'away'
  }

  #reasonAgainst(domain: Domain): string | undefined {
    const decision = this.#settler.decisions.get(domain)
    if (!decision) return 'The storage is not open yet'
    if (decision.fence === undefined) return this.#storeOf(domain)?.reason
    // Where a store that is away keeps the domain from being decided, what to do is said there.
    const away = this.#managed().find((store) => store.reason !== undefined)
    return away && !decision.placement ? `${decision.fence}. ${away.reason}` : decision.fence
  }

  /** The one place where a call learns which store it goes to, or that it must not go anywhere. */
  #enter(domain: Domain): AppDb {
    const store = this.#storeOf(domain)?.ready
    const reason = this.#reasonAgainst(domain)
    if (reason !== undefined || !store) throw new StoreUnavailableError(domain, reason ?? 'no store')
    return store.db
  }

  #failed(domain: Domain, error: unknown, db: AppDb): unknown {
    if (!isDbError(error, 'unavailable') || error instanceof StoreUnavailableError) return error
    this.#managed()
      .find((store) => store.has(db))
      ?.suspect(error)
    return new StoreUnavailableError(domain, error.message, error)
  }

  /** A store that cannot be asked or written now is away, like one that cannot be opened. */
  async #settleAtStart(): ReturnType<Settler['settle']> {
    try {
      return await this.#settler.settle()
    } catch (error) {
      if (!isDbError(error)) throw error
      for (const store of this.#managed()) store.fail(error)
      return await this.#settler.settle()
    }
  }

  #failWaiting(): void {
    this.#gates.failWaiting((domain) => {
      const reason = this.#reasonAgainst(domain)
      return reason === undefined ? undefined : new StoreUnavailableError(domain, reason)
    })
  }

  #settled(): void {
    this.#failWaiting()
    for (const listener of this.#onSettled) listener()
  }

  /** A call that was aborted is over before the thread that writes for it: the next to write comes after it. */
  async #quiet(domains: readonly Domain[]): Promise<void> {
    await this.#settler.now
    const stores = new Set(domains.map((domain) => this.#storeOf(domain)?.ready))
    for (const store of stores) {
      if (store?.db.dialect === 'sqlite') await store.connection(() => Promise.resolve())
    }
  }

  /** Never rejects: until the stores answer the domains are unavailable. */
  async #settleAgain(domains: readonly Domain[], failures = 0): Promise<void> {
    if (this.#closed) return
    try {
      await this.#settler.settle()
    } catch (error) {
      if (this.#closed) return
      this.#deps.log.error({ err: error, domains }, 'a change of placement was begun and not finished')
      const reason = error instanceof Error ? error.message : String(error)
      this.#settler.fence(domains, `A change of placement was begun and not finished: ${reason}`)
      for (const store of this.#managed()) store.suspect(new Error(reason, { cause: error }))
      const { firstRetryMs, longestRetryMs } = this.#intervals
      const pauseMs = Math.min(firstRetryMs * 2 ** Math.min(failures, 16), longestRetryMs)
      setTimeout(() => void this.#settleAgain(domains, failures + 1), pauseMs).unref()
      return
    }
    this.#settled()
  }

  async #openSqlite(): Promise<SqlStore> {
    await this.#archivingSqlite?.catch(() => undefined) // its caller gets the error
    const known = this.#stores.sqlite
    if (known?.ready) return known.ready
    if (known) throw new DbError('unavailable', known.reason ?? 'The SQLite store is away')
    // It becomes a store of the installation that PostgreSQL belongs to.
    const reason = this.#stores.postgres?.reason
    if (reason !== undefined) throw new DbError('unavailable', reason)
    const store = this.#manageSqlite()
    try {
      await store.start()
      if (!store.prepared) throw new DbError('unavailable', store.reason ?? 'The SQLite store is away')
      this.#stores.sqlite = store
      await this.#settler.settle()
      store.release()
      if (!store.ready) throw new DbError('unavailable', store.reason ?? 'The SQLite store is away')
      return store.ready
    } catch (error) {
      delete this.#stores.sqlite
      await store.close()
      throw error
    }
  }

  /** Runs while nothing is settled. When it fails, the store is opened again. */
  async #archiveSqlite(note: Omit<ArchiveNote, 'installation'>): Promise<SqliteArchive> {
    const { config, log } = this.#deps
    const store = this.#stores.sqlite
    if (!store?.ready) throw new DbError('unavailable', store?.reason ?? 'There is no SQLite file')
    const here = domainNames.filter((domain) => this.control.decision(domain)?.placement !== 'postgres')
    if (here.length > 0) throw new DbError('other', `${here.join(', ')} must be in PostgreSQL first`)
    const installation = (await readInstallation(store.ready.db)) ?? null
    delete this.#stores.sqlite
    try {
      await store.close()
      return await archiveSqliteFile(config.dataDir, { ...note, installation })
    } catch (error) {
      const again = this.#manageSqlite()
      try {
        await again.start()
        this.#stores.sqlite = again
        again.release()
      } catch (cause) {
        // Another server has it by now. Nothing that is used here is in it.
        log.warn({ err: cause }, 'the SQLite file was not archived and cannot be opened again')
      }
      throw error
    }
  }

  #reportOldWishes(): void {
    const moved = [...this.#settler.decisions].filter(([domain, { placement, fence }]) => {
      const wish = this.#wishes.placementOf(domain)
      return fence === undefined && wish !== undefined && wish !== placement
    })
    if (moved.length === 0) return
    const domains = moved.map(([domain]) => domain)
    this.#deps.log.warn(
      { domains },
      'STORAGE_PLACEMENT is for new domains: these were placed elsewhere since',
    )
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
