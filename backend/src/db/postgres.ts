import pg from 'pg'
import type { AppDbSession } from './app-db.ts'
import { DbError } from './db-errors.ts'
import { createPgAdapter } from './pg-adapter.ts'
import { keepAliveMs, type PgBackend, PgConnections } from './pg-connection.ts'
import { pgTypes } from './pg-values.ts'
import type { SqlStore } from './sql-store.ts'

export interface PostgresStoreOptions {
  /** `postgresql://user:password@host:port/database?sslmode=…` */
  readonly url: string
  /** Default 20. With 1 nothing can run beside an open transaction or stream. */
  readonly maxConnections?: number
  /** How the server lists the connections. Default `holdfast`. */
  readonly applicationName?: string
  /** Longest time of one statement. Default 60,000; migrations and moves lift it for themselves. */
  readonly statementTimeoutMs?: number
  /** Longest wait for a lock. Default 10,000. */
  readonly lockTimeoutMs?: number
  /** Longest pause within a transaction. Default 60,000. */
  readonly idleInTransactionTimeoutMs?: number
  /** More session settings, e.g. `{ search_path: 'app' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** False where something between here and the server cannot carry COPY: bulk inserts are slower then. Default true. */
  readonly copy?: boolean
  /** Called when a connection that nobody was using is lost. It is replaced when one is needed. */
  readonly onConnectionLost?: (error: Error) => void
}

/** Oldest version whose features are used (MERGE-free, but `NULLS NOT DISTINCT` and JSON functions). */
const oldestVersion = 15
const advisedVersion = 17
const connectTimeoutMs = 5_000
const idleTimeoutMs = 30_000

/**
 * A pool of connections to a PostgreSQL database. Nothing is connected yet: the first statement does it, and
 * when the server is away that statement rejects with kind `unavailable` while the next one tries again.
 */
export function openPostgresStore(options: PostgresStoreOptions): SqlStore {
  const backends = new WeakMap<pg.ClientBase, PgBackend>()
  const settings = sessionSettings(options)
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 20,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    types: pgTypes,
    onConnect: async (client: pg.ClientBase) => {
      backends.set(client, await applySettings(client, settings))
    },
  })
  const connections = new PgConnections(pool, backends, options.copy ?? true)
  pool.on('error', (error) => {
    connections.stats.reconnects++
    options.onConnectionLost?.(error)
  })
  const db = createPgAdapter(connections)
  let closing: Promise<void> | undefined
  return {
    db,
    stats: connections.stats,
    connection: (work) => db.connection(work),
    transaction: (work) => db.transaction(work),
    snapshot: (work) => db.snapshot(work),
    cut: () => connections.cut(),
    close() {
      closing ??= pool.end()
      return closing
    },
  }
}

function sessionSettings(options: PostgresStoreOptions): [string, string][] {
  return Object.entries({
    application_name: options.applicationName ?? 'holdfast',
    statement_timeout: String(options.statementTimeoutMs ?? 60_000),
    lock_timeout: String(options.lockTimeoutMs ?? 10_000),
    idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 60_000),
    timezone: 'UTC',
    datestyle: 'ISO, YMD',
    bytea_output: 'hex',
    // Floats are printed so that they read back as what they are.
    extra_float_digits: '1',
    // Short statements lose more to compiling than they win by it.
    jit: 'off',
    ...options.settings,
  })
}

/** In SQL and not as startup parameters, which connection poolers refuse. */
async function applySettings(
  client: pg.ClientBase,
  settings: readonly [string, string][],
): Promise<PgBackend> {
  // A server that is too old to know a setting is refused for its version, which must be asked first.
  const calls = settings.map((_, i) => {
    const [name, value] = [`$${2 * i + 1}`, `$${2 * i + 2}`]
    return `CASE WHEN current_setting(${name}, true) IS NOT NULL THEN set_config(${name}, ${value}, false) END`
  })
  const { rows } = await client.query<PgBackend>(
    `
    SELECT pg_backend_pid() AS pid, has_database_privilege(current_database(), 'TEMPORARY') AS temporary,
      ${calls.join(', ')}
    `,
    settings.flat(),
  )
  return { pid: rows[0]?.pid ?? 0, temporary: rows[0]?.temporary ?? false }
}

/**
 * The server's version, e.g. `17.10`.
 *
 * @throws DbError `unavailable` when it is older than PostgreSQL 15, or the database is not in UTF-8.
 */
export async function checkPostgresVersion(db: AppDbSession): Promise<string> {
  const row = await db.queryOne<{ version: string; number: number; encoding: string }>(
    `
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
      current_setting('server_encoding') AS encoding
    `,
  )
  const { version, number, encoding } = row ?? { version: 'unknown', number: 0, encoding: 'unknown' }
  if (number < oldestVersion * 10_000) {
    throw new DbError(
      'unavailable',
      `PostgreSQL ${version} is too old: ${oldestVersion} or later is needed, ${advisedVersion} is recommended. ` +
        'Upgrade that server, or set POSTGRES_APP_URL to a newer one.',
    )
  }
  if (encoding !== 'UTF8') {
    throw new DbError(
      'unavailable',
      `The PostgreSQL database keeps text as ${encoding}, which cannot hold every name and log line. ` +
        "Create it anew with TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'.",
    )
  }
  return version.split(' ')[0] ?? version
}

export interface AppDbOptions extends PostgresStoreOptions {
  /** Makes the database ready for use (version check, migrations) before anybody gets it. */
  readonly prepare: (store: SqlStore) => Promise<void>
}

/** One PostgreSQL database that is connected and prepared when it is first asked for, and again after a failure. */
export class AppDbConnector {
  readonly #options: AppDbOptions
  #opening: Promise<SqlStore> | undefined
  #ready: SqlStore | undefined
  #closed = false

  constructor(options: AppDbOptions) {
    this.#options = options
  }

  get isReady(): boolean {
    return this.#ready !== undefined
  }

  /** The prepared store. Callers at the same time share one attempt; a failed one is not kept. */
  get(): Promise<SqlStore> {
    if (this.#closed) return Promise.reject(new DbError('unavailable', 'The PostgreSQL store is closed'))
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async isHealthy(): Promise<boolean> {
    return (await this.#ready?.db.healthCheck()) ?? false
  }

  async close(): Promise<void> {
    this.#closed = true
    const store = await this.#opening?.catch(() => undefined) // it closed what it had opened
    this.#ready = undefined
    await store?.close()
  }

  async #open(): Promise<SqlStore> {
    const store = openPostgresStore(this.#options)
    try {
      await this.#options.prepare(store)
    } catch (error) {
      await store.close()
      throw error
    }
    this.#ready = store
    return store
  }
}

let appDb: AppDbConnector | undefined

/** Says where the application's PostgreSQL database is. Called once, before the functions below. */
export function configureAppDb(options: AppDbOptions): void {
  appDb = new AppDbConnector(options)
}

/** The application's database, connected and migrated. */
export function getAppDb(): Promise<SqlStore> {
  return (
    appDb?.get() ??
    Promise.reject(new DbError('unavailable', 'PostgreSQL is not configured: set POSTGRES_APP_URL'))
  )
}

/** True once the database was connected and migrated; says nothing about this moment. */
export function isAppDbReady(): boolean {
  return appDb?.isReady ?? false
}

/** True when the database answers now. Never rejects. */
export async function isAppDbHealthy(): Promise<boolean> {
  return (await appDb?.isHealthy()) ?? false
}

/** Ends every connection; afterwards the database must be configured again. */
export async function closeAppDb(): Promise<void> {
  const closing = appDb
  appDb = undefined
  await closing?.close()
}
