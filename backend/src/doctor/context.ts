import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createSecretBox, loadSecretKey } from '../core/crypto/secret-box.ts'
import type { AppDb } from '../db/app-db.ts'
import { type Storage, sqliteFile } from '../db/app-db-router.ts'
import { decidePlacement } from '../db/placement-decision.ts'
import { type Placement, type PlacementRow, readPlacements } from '../db/placement-store.ts'
import { openPostgresStore } from '../db/postgres.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { locationOf } from '../db/stores.ts'
import { createFleetStore, type EndpointProbe, LOCAL_ENDPOINT, probeEndpoints } from '../fleet/index.ts'
import type { DoctorContext, StoreAccess } from './check.ts'
import type { Config, Env } from './configuration.ts'

export interface Surroundings {
  readonly env: Env
  readonly config: Config
  readonly configProblems?: readonly string[]
  readonly now?: () => Date
  /** Of the server that runs here; without it the stores are opened, without changing anything in them. */
  readonly storage?: Storage
}

export interface OpenContext extends DoctorContext {
  close(): Promise<void>
}

const STATEMENT_LIMIT_MS = 5_000
const ENDPOINTS_LIMIT_MS = 8_000

/**
 * Opens what the checks look at. PostgreSQL gets a small pool of its own, read-only and impatient, also where a server
 * runs: what the doctor asks must neither wait for the product's connections nor keep them busy.
 */
export async function openContext(surroundings: Surroundings): Promise<OpenContext> {
  const { env, config, configProblems = [], now = () => new Date(), storage } = surroundings
  const own: SqlStore[] = []
  const [sqlite, postgres] = await Promise.all([openSqlite(config, storage, own), openPostgres(config, own)])
  const stores = { sqlite, postgres }
  let endpoints: Promise<readonly EndpointProbe[]> | undefined
  return {
    env,
    config,
    configProblems,
    now,
    stores,
    status: storage?.status(),
    endpoints: () => {
      endpoints ??= tryEndpoints(config, storage, stores)
      return endpoints
    },
    async close() {
      await Promise.all(own.map((store) => store.close()))
    },
  }
}

async function openSqlite(
  config: Config,
  storage: Storage | undefined,
  own: SqlStore[],
): Promise<StoreAccess> {
  const location = sqliteFile(config.dataDir)
  if (storage) {
    const known = storage.status().stores.find((store) => store.name === 'sqlite')
    if (!known) return { state: 'absent' }
    const store = storage.control.store('sqlite')
    if (store) return { state: 'there', location, store }
    return { state: 'away', location, reason: known.reason ?? 'It does not answer' }
  }
  if (!existsSync(location)) return { state: 'absent' }
  try {
    const store = await openSqliteStore({ path: location, readers: 1, readonly: true })
    own.push(store)
    return { state: 'there', location, store }
  } catch (error) {
    return { state: 'away', location, reason: messageOf(error) }
  }
}

async function openPostgres({ postgresAppUrl: url }: Config, own: SqlStore[]): Promise<StoreAccess> {
  if (url === undefined) return { state: 'absent' }
  const location = locationOf(url)
  const store = openPostgresStore({
    url,
    maxConnections: 2,
    applicationName: 'holdfast doctor',
    statementTimeoutMs: STATEMENT_LIMIT_MS,
    lockTimeoutMs: 1_000,
    settings: { default_transaction_read_only: 'on' },
  })
  own.push(store)
  try {
    await store.db.queryOne('SELECT 1 AS one')
    return { state: 'there', location, store }
  } catch (error) {
    return { state: 'away', location, reason: messageOf(error) }
  }
}

/** The endpoints as they are stored; where they cannot be read, this machine's engine alone. */
async function tryEndpoints(
  config: Config,
  storage: Storage | undefined,
  stores: DoctorContext['stores'],
): Promise<EndpointProbe[]> {
  const db = storage ? storage.getAppDbFor('fleet') : await holderOfFleet(stores)
  const rows = db === undefined ? [] : await createFleetStore(db).listEndpoints()
  const local = { ...LOCAL_ENDPOINT, id: 0, name: 'this machine' }
  return probeEndpoints(
    rows.length > 0 ? rows : [local],
    { box: secretBox(config), localEngine: config },
    AbortSignal.timeout(ENDPOINTS_LIMIT_MS),
  )
}

/** No key is made where there is none: nothing can have been sealed with it. */
function secretBox({ secretKey, dataDir }: Config) {
  const isThere = secretKey !== undefined || existsSync(join(dataDir, 'secret.key'))
  return createSecretBox(isThere ? loadSecretKey(secretKey, dataDir) : 'none')
}

async function holderOfFleet(stores: DoctorContext['stores']): Promise<AppDb | undefined> {
  const decisions = await readDecisions(stores)
  const holder = stores[decisions.get('fleet')?.placement ?? 'sqlite']
  return decisions.has('fleet') && holder.state === 'there' ? holder.store.db : undefined
}

/** Where every domain is that a store knows of, as the next start will decide it. */
export async function readDecisions(
  stores: DoctorContext['stores'],
): Promise<ReadonlyMap<string, ReturnType<typeof decidePlacement>>> {
  const sides = { sqlite: await rowsOf(stores.sqlite), postgres: await rowsOf(stores.postgres) }
  const known = (side: keyof typeof sides) => (typeof sides[side] === 'string' ? [] : [...sides[side].keys()])
  const side = (name: Placement, domain: string) => {
    const rows = sides[name]
    return typeof rows === 'string' ? rows : { row: rows.get(domain) }
  }
  return new Map(
    [...new Set([...known('sqlite'), ...known('postgres')])].map((domain) => [
      domain,
      decidePlacement({
        sqlite: side('sqlite', domain),
        postgres: side('postgres', domain),
        initial: 'sqlite',
      }),
    ]),
  )
}

async function rowsOf(access: StoreAccess): Promise<'absent' | 'away' | ReadonlyMap<string, PlacementRow>> {
  if (access.state !== 'there') return access.state
  const { db } = access.store
  const exists = await db.queryOne({
    sqlite: `SELECT 1 AS found FROM sqlite_schema WHERE name = '_placement'`,
    postgres: `SELECT 1 AS found WHERE to_regclass(quote_ident(current_schema()) || '._placement') IS NOT NULL`,
  })
  return exists ? readPlacements(db) : new Map()
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
