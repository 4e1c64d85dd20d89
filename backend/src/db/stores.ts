import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../core/log.ts'
import { DbError } from './db-errors.ts'
import type { ManagedStoreOptions, StoreInfo } from './managed-store.ts'
import { migrate } from './migrate.ts'
import { createPlacementTables } from './placement-store.ts'
import { assertSameInstallation } from './placements.ts'
import { checkPostgresVersion, closeAppDb, configureAppDb, getAppDb } from './postgres.ts'
import type { SqlStore } from './sql-store.ts'
import { openSqliteStore } from './sqlite.ts'
import { forgetDrafts } from './sqlite-archive.ts'
import { sqliteError } from './sqlite-errors.ts'
import { lockSqliteServer, type ServerLock } from './sqlite-server-lock.ts'
import { createLedgerTables } from './transfer/ledger.ts'

/** How a store is opened, prepared and measured; and where it is, without secrets. */
export type StoreSource = Pick<ManagedStoreOptions, 'open' | 'prepare' | 'measure'> & {
  readonly location: string
}

/** The SQLite file of this installation, for the one server that may use it. */
export function sqliteSource(path: string): StoreSource {
  async function prepare(store: SqlStore): Promise<StoreInfo> {
    await createPlacementTables(store)
    await migrate(store)
    const row = await store.db.queryOne<{ version: string }>('SELECT sqlite_version() AS version')
    return { version: row?.version ?? 'unknown', sizeBytes: sizeOf(path), timescale: undefined }
  }
  return {
    location: path,
    prepare,
    measure: async () => sizeOf(path),
    async open() {
      makeFolder(dirname(path))
      assertWritable(path)
      const lock = await lockSqliteServer(path)
      let store: SqlStore | undefined
      try {
        forgetDrafts(dirname(path))
        store = await openSqliteStore({ path })
        const info = await prepare(store)
        // A file that can be read but not written has to be found here, not by the first change.
        await store.transaction(async () => undefined)
        return { store: withLock(store, lock), info }
      } catch (error) {
        await store?.close()
        lock.release()
        throw error
      }
    },
  }
}

/** Closes the store before it lets the next server in. */
function withLock(store: SqlStore, lock: ServerLock): SqlStore {
  return {
    ...store,
    async close() {
      await store.close()
      lock.release()
    },
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new DbError(
      'unavailable',
      `The data folder ${folder} cannot be made (${messageOf(cause)}). Set DATA_DIR to one that can.`,
      { cause },
    )
  }
}

/** Opening a file that is read-only would leave a write-ahead log beside it that is read-only for good. */
function assertWritable(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK)
    } catch (cause) {
      throw sqliteError({ code: 'SQLITE_READONLY', message: messageOf(cause) }, file)
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Bytes of the file and its write-ahead log. */
function sizeOf(path: string): number {
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}

export interface PostgresSourceOptions {
  readonly url: string
  readonly maxConnections: number
  readonly log: Log
  /** The other store of this installation, once it is there. */
  readonly sibling: () => SqlStore | undefined
}

/** The PostgreSQL database of this installation. */
export function postgresSource(options: PostgresSourceOptions): StoreSource {
  let info: StoreInfo | undefined

  async function prepare(store: SqlStore): Promise<StoreInfo> {
    const version = await checkPostgresVersion(store.db)
    await createPlacementTables(store)
    await assertSameInstallation([store, options.sibling()])
    await createLedgerTables(store)
    const { timescale } = await migrate(store)
    if (timescale?.licence === 'apache')
      options.log.info({ reason: timescale.reason }, 'metrics do without TimescaleDB')
    return { version, timescale, sizeBytes: await databaseSize(store) }
  }

  configureAppDb({
    url: options.url,
    maxConnections: options.maxConnections,
    onConnectionLost: (error) => options.log.debug({ err: error }, 'idle connection lost'),
    prepare: async (store) => {
      info = await prepare(store)
    },
  })
  return {
    location: locationOf(options.url),
    prepare,
    measure: databaseSize,
    async open() {
      const store = await getAppDb()
      return { store: { ...store, close: closeAppDb }, info: info ?? (await prepare(store)) }
    },
  }
}

async function databaseSize(store: SqlStore): Promise<number> {
  const row = await store.db.queryOne<{ bytes: number }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  )
  return row?.bytes ?? 0
}

/** Host, port and database of a connection string; never the user or a password. */
export function locationOf(text: string): string {
  const url = new URL(text)
  return `${url.hostname || 'localhost'}:${url.port || '5432'}${url.pathname}`
}
