import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import pg from 'pg'
import { inject } from 'vitest'
import type { AppDb, Dialect } from '../src/db/app-db.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPostgresStore, type PostgresStoreOptions } from '../src/db/postgres.ts'
import type { SqlStore } from '../src/db/sql-store.ts'
import { openSqliteStore } from '../src/db/sqlite.ts'
import { spawnWorker } from '../src/db/sqlite-connection.ts'
import { testEngines } from './engines.ts'
import type { ServerGrant } from './global-setup.ts'
import { templateDatabase } from './postgres-server.ts'

interface OpenOptions {
  /** With every migration applied (a copy of a database that has them). Default: empty. */
  readonly migrated?: boolean
  /** Settings of the PostgreSQL store. */
  readonly postgres?: Partial<PostgresStoreOptions>
}

/** A database that nobody else uses. */
export interface TestDatabase {
  readonly db: AppDb
  readonly store: SqlStore
  /** File path, or URL. With {@link settings} another store can be opened on the same database. */
  readonly location: string
  /** Session settings that lead to this database within its server: the search_path of a shared one. */
  readonly settings: Readonly<Record<string, string>>
  /** True where only one connection can be open at a time. */
  readonly singleConnection: boolean
  /** Kills what is between the store and its data: worker threads, or the connections' server processes. */
  breakConnections(): Promise<void>
  /** Closes the store and removes the database. */
  close(): Promise<void>
}

export interface DatabaseKind {
  readonly name: 'sqlite' | 'postgres' | 'timescale'
  readonly dialect: Dialect
  open(options?: OpenOptions): Promise<TestDatabase>
}

const kinds: Readonly<Record<DatabaseKind['name'], DatabaseKind>> = {
  sqlite: { name: 'sqlite', dialect: 'sqlite', open: openSqlite },
  postgres: { name: 'postgres', dialect: 'postgres', open: openPostgres },
  timescale: { name: 'timescale', dialect: 'postgres', open: openTimescale },
}

/** A database of this engine, whether the run is about it or not. */
export const openDatabase = (name: DatabaseKind['name'], options?: OpenOptions): Promise<TestDatabase> =>
  kinds[name].open(options)

/** Every engine, for `describe.each(databases)('$name', …)`. One that cannot be started fails its tests. */
export const databases: readonly DatabaseKind[] = Object.values(kinds).filter(({ name }) =>
  testEngines().includes(name),
)

/** The engines without TimescaleDB, for what does not depend on it. */
export const plainDatabases: readonly DatabaseKind[] = databases.filter(({ name }) => name !== 'timescale')

/** Whatever the server's own default is. */
const fresh = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"

const uniqueName = () => `test_${randomBytes(6).toString('hex')}`

async function openSqlite(options: OpenOptions = {}): Promise<TestDatabase> {
  const path = join(inject('runFolder'), `${uniqueName()}.db`)
  if (options.migrated) await layMigratedSqlite(path)
  const workers: Worker[] = []
  const store = await openSqliteStore({
    path,
    spawn: (file, workerOptions) => {
      const worker = spawnWorker(file, workerOptions)
      workers.push(worker)
      return worker
    },
  })
  return {
    db: store.db,
    store,
    location: path,
    settings: {},
    singleConnection: false,
    async breakConnections() {
      await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
    },
    async close() {
      await store.close()
      for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
    },
  }
}

/** Puts a migrated SQLite file at `path`. */
export async function layMigratedSqlite(path: string): Promise<void> {
  copyFileSync(await sqliteTemplate(), path)
}

/** A migrated file, made by the first process that needs it. Two that make it at once make the same. */
async function sqliteTemplate(): Promise<string> {
  const template = join(inject('runFolder'), 'migrated.db')
  if (!existsSync(template)) {
    const draft = join(inject('runFolder'), `${uniqueName()}.draft.db`)
    const store = await openSqliteStore({ path: draft })
    try {
      await migrate(store)
    } finally {
      await store.close()
    }
    renameSync(draft, template)
  }
  return template
}

async function openPostgres(options: OpenOptions = {}): Promise<TestDatabase> {
  const { url } = await (await request('postgres')).grant()
  const name = uniqueName()
  await asAdmin(url, async (admin) => {
    const source = options.migrated ? `TEMPLATE ${await postgresTemplate(admin, url)}` : fresh
    await admin.query(`CREATE DATABASE ${name} ${source}`)
  })
  return pooled(url, name, options)
}

/** The name of a migrated database, made by the first process that needs it; the others wait. */
async function postgresTemplate(admin: pg.Client, url: string): Promise<string> {
  // Named after the run: a server that outlives it must not give an old schema to the next one.
  const name = templateDatabase(inject('runFolder'))
  await admin.query('SELECT pg_advisory_lock(hashtext($1))', [name])
  try {
    const { rows } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rows.length > 0) return name
    const draft = uniqueName()
    await admin.query(`CREATE DATABASE ${draft} ${fresh}`)
    const store = openPostgresStore({ url: onDatabase(url, draft) })
    try {
      await migrate(store)
    } finally {
      await store.close()
    }
    // Where TimescaleDB is installed its scheduler would come back to it, and what somebody uses cannot be copied.
    await admin.query(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`)
    await admin.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1', [
      draft,
    ])
    await admin.query(`ALTER DATABASE ${draft} RENAME TO ${name}`)
    return name
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtext($1))', [name])
  }
}

async function openTimescale(options: OpenOptions = {}): Promise<TestDatabase> {
  const lease = await request('timescale')
  const { url, exclusive } = await lease.grant()
  const test = await (exclusive ? inOwnSchema(url, options) : inOwnDatabase(url, options))
  try {
    if (options.migrated) await migrate(test.store)
  } catch (error) {
    await test.close()
    lease.release()
    throw error
  }
  return {
    ...test,
    async close() {
      await test.close()
      lease.release()
    },
  }
}

async function inOwnDatabase(url: string, options: OpenOptions): Promise<TestDatabase> {
  const name = uniqueName()
  await asAdmin(url, async (admin) => {
    await admin.query(`CREATE DATABASE ${name} ${fresh}`)
  })
  await asAdmin(onDatabase(url, name), async (client) => {
    await client.query('CREATE EXTENSION IF NOT EXISTS timescaledb')
  })
  return pooled(url, name, options)
}

/** The one database of TimescaleDB in WebAssembly: a schema stands for a database. */
async function inOwnSchema(url: string, options: OpenOptions): Promise<TestDatabase> {
  const schema = uniqueName()
  await asAdmin(url, async (client) => {
    // All its connections are one server session, whose state outlives each of them.
    await client.query('ROLLBACK')
    await client.query('DISCARD ALL')
    await client.query(`CREATE SCHEMA ${schema}`)
  })
  const settings = { search_path: `${schema}, public` }
  // COPY ends its process.
  const store = openPostgresStore({ ...options.postgres, url, maxConnections: 1, settings, copy: false })
  return {
    db: store.db,
    store,
    location: url,
    settings,
    singleConnection: true,
    async breakConnections() {
      throw new Error('TimescaleDB in WebAssembly has no server process to kill')
    },
    async close() {
      await store.close()
      await asAdmin(url, async (client) => {
        await client.query('ROLLBACK')
        await client.query('DISCARD ALL')
        await client.query(`DROP SCHEMA ${schema} CASCADE`)
      })
    },
  }
}

function pooled(serverUrl: string, name: string, options: OpenOptions): TestDatabase {
  const url = onDatabase(serverUrl, name)
  const store = openPostgresStore({ maxConnections: 5, ...options.postgres, url })
  const endSessions = (admin: pg.Client) =>
    admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
  return {
    db: store.db,
    store,
    location: url,
    settings: options.postgres?.settings ?? {},
    singleConnection: false,
    breakConnections: () => asAdmin(serverUrl, endSessions),
    async close() {
      await store.close()
      await asAdmin(serverUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
    },
  }
}

function onDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

async function asAdmin(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Asks for a server. The answer of an exclusive one stays open for as long as it is lent. */
async function request(server: 'postgres' | 'timescale') {
  const controller = new AbortController()
  const response = await fetch(`${inject('databaseBroker')}/${server}`, { signal: controller.signal })
  return {
    async grant(): Promise<ServerGrant> {
      const reader = response.body?.getReader()
      let text = ''
      while (reader && !text.includes('\n')) {
        const { value, done } = await reader.read()
        if (done) break
        text += Buffer.from(value).toString()
      }
      if (!response.ok) throw new Error(text)
      return JSON.parse(text)
    },
    release: () => controller.abort(),
  }
}
