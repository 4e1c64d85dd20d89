import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DbError } from './db-errors.ts'
import type { SqlStore } from './sql-store.ts'
import { createSqliteAdapter } from './sqlite-adapter.ts'
import { type SpawnWorker, spawnWorker } from './sqlite-connection.ts'
import { SqlitePool } from './sqlite-pool.ts'
import { sqliteWorkerFile } from './sqlite-worker-file.ts'

export interface SqliteStoreOptions {
  /** The database file, made when it is missing (its folder is not), or `:memory:`. */
  readonly path: string
  /** Changes nothing in or beside an existing file: no statement can write, the journal mode stays. */
  readonly readonly?: true
  /** Threads that read; each is started with the first statement that needs it. Default 2. */
  readonly readers?: number
  /** How long a statement waits for another process that writes. Default 5,000. */
  readonly busyTimeoutMs?: number
  /** Page cache of each thread. Default 16 MiB, taken as it is needed. */
  readonly cacheKib?: number
  /** How threads are started; tests keep the worker to kill it. */
  readonly spawn?: SpawnWorker
}

/**
 * Opens a SQLite file: one thread writes, others read beside it (WAL). better-sqlite3 is loaded in the
 * threads only, so a process that keeps everything in PostgreSQL never loads it.
 *
 * A statement that runs cannot be interrupted (better-sqlite3 has no way to): an AbortSignal frees the caller at
 * once, and the thread takes the next statement when it is done.
 *
 * @throws DbError `unavailable` (no folder, no permission, no better-sqlite3), `corrupt`, `read-only`, `disk-full`.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqlStore> {
  const { path, busyTimeoutMs = 5_000, cacheKib = 16_384, spawn = spawnWorker } = options
  const inMemory = path === ':memory:'
  if (!inMemory && !existsSync(dirname(path))) {
    throw new DbError('unavailable', `The folder of ${path} does not exist. Create it or set DATA_DIR.`)
  }
  const pool = new SqlitePool({
    worker: { path, busyTimeoutMs, cacheKib },
    readers: inMemory ? 0 : (options.readers ?? 2),
    workerFile: await sqliteWorkerFile(),
    spawn,
    readonly: options.readonly ?? false,
  })
  const lease = await (options.readonly ? pool.lockCursor() : pool.lockWriter())
  lease.release()
  const db = createSqliteAdapter(pool)
  return {
    db,
    stats: pool.stats,
    connection: (work) => db.connection(work),
    transaction: (work) => db.transaction(work),
    snapshot: (work) => db.snapshot(work),
    close: () => pool.close(),
  }
}
