import { loadSqlite } from '../sqlite-driver.ts'
import { sqliteError } from '../sqlite-errors.ts'
import { PgLink } from './pg-link.ts'
import type { Progress, WorkerData } from './protocol.ts'
import type { Database } from './sqlite-source.ts'
import type { Reject } from './types.ts'

const busyTimeoutMs = 5_000
const cacheKib = 32_768

/** What a job in the worker has around it. */
export interface Job {
  readonly stores: Stores
  /** Throttle and pause of whoever gave the order. */
  beforePage(): Promise<void>
  /** A page met what changes have left behind: they are applied before this resolves. */
  onConflict(): Promise<void>
  progress(progress: Progress): void
  rejects(rejects: readonly Reject[]): void
  throwIfAborted(): void
}

/** The connections of one job, closed with it. */
export class Stores {
  readonly #data: WorkerData
  readonly #links: PgLink[] = []
  readonly #files: Database[] = []
  #cancelled = false

  constructor(data: WorkerData) {
    this.#data = data
  }

  async postgres(): Promise<PgLink> {
    if (this.#data.postgresUrl === undefined) throw new Error('PostgreSQL is not configured')
    const link = await PgLink.open(this.#data.postgresUrl)
    this.#links.push(link)
    if (this.#cancelled) await link.close()
    return link
  }

  async sqlite(options: { readonly readonly: boolean }): Promise<Database> {
    const { sqlitePath } = this.#data
    // Loaded where it is needed only.
    const Database = await loadSqlite()
    const db = sqlite(
      sqlitePath,
      () => new Database(sqlitePath, { ...options, fileMustExist: true, timeout: busyTimeoutMs }),
    )
    this.#files.push(db)
    if (!options.readonly) {
      db.pragma('synchronous = NORMAL')
      db.pragma('foreign_keys = ON')
      db.pragma('recursive_triggers = ON')
    }
    db.pragma('temp_store = MEMORY')
    db.pragma(`cache_size = -${cacheKib}`)
    db.pragma('mmap_size = 0')
    return db
  }

  /** Ends what the servers are doing for this job. */
  async cancel(): Promise<void> {
    this.#cancelled = true
    await Promise.all(this.#links.map((link) => link.cancel()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()))
    for (const db of this.#files) db.close()
  }
}

/** Runs something on a file; what it throws is a DbError. */
export function sqlite<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw sqliteFailure(path, error)
  }
}

export function sqliteFailure(path: string, error: unknown): unknown {
  return isSqliteError(error) ? sqliteError({ code: error.code, message: error.message }, path) : error
}

function isSqliteError(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('SQLITE_')
  )
}
