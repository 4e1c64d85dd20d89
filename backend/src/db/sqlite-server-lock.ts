import { hostname } from 'node:os'
import type BetterSqlite3 from 'better-sqlite3'
import type { DbError } from './db-errors.ts'
import { loadSqlite } from './sqlite-driver.ts'
import { sqliteError } from './sqlite-errors.ts'
import { StoreInUseError } from './store-in-use.ts'

/** Held until it is released or the process ends, however that happens. */
export interface ServerLock {
  release(): void
}

/**
 * Makes this process the only server on a SQLite file. Programs that only read or migrate need no lock.
 *
 * The lock is the write lock of a small SQLite file beside it: the operating system frees it when the process
 * dies, so that nothing stale is left behind, unlike with a file that holds a process id.
 *
 * @throws StoreInUseError when another server has it.
 */
export async function lockSqliteServer(path: string): Promise<ServerLock> {
  const lock = await openLock(`${path}.lock`)
  try {
    lock.exec(
      'CREATE TABLE IF NOT EXISTS owner (only_row INTEGER PRIMARY KEY, pid INTEGER, host TEXT, since TEXT)',
    )
    lock
      .prepare('INSERT OR REPLACE INTO owner VALUES (1, ?, ?, ?)')
      .run(process.pid, hostname(), new Date().toISOString())
    lock.exec('BEGIN IMMEDIATE')
  } catch (error) {
    const inUse = codeOf(error) === 'SQLITE_BUSY' ? new StoreInUseError(describe(path, lock)) : undefined
    lock.close()
    throw inUse ?? failure(error, lock.name)
  }
  return { release: () => lock.close() }
}

async function openLock(path: string): Promise<BetterSqlite3.Database> {
  try {
    const Database = await loadSqlite()
    return new Database(path, { timeout: 0 })
  } catch (error) {
    throw failure(error, path)
  }
}

/** An error without a result code is about the module, not about the file. */
function failure(error: unknown, path: string): DbError {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  return sqliteError({ code: codeOf(error) ?? 'MODULE', message }, path)
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}

function describe(path: string, lock: BetterSqlite3.Database): string {
  const owner = lock
    .prepare<[], { pid: number; host: string; since: string }>('SELECT pid, host, since FROM owner')
    .get()
  const who = owner ? `process ${owner.pid} on ${owner.host}, since ${owner.since}` : 'another process'
  return (
    `${path} is in use by another Holdfast server (${who}). ` +
    'Stop that one, or give this one its own DATA_DIR: two servers on one SQLite file would undo each other’s work.'
  )
}
