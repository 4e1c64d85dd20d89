import type { AppDb, AppDbSession } from './app-db.ts'

/**
 * What migrations and moves need beyond {@link AppDbSession}: whole scripts. Features never see it.
 */
export interface ScriptSession extends AppDbSession {
  /** Runs several statements as one text, without parameters. Within a transaction they are part of it. */
  execScript(sql: string): Promise<void>
  transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T>
}

/** Counters since the store was opened, for metrics. */
export interface StoreStats {
  /** Statements and transactions run again after a deadlock, a serialization failure or a busy lock. */
  retries: number
  /** Worker threads or connections that were lost and replaced. */
  reconnects: number
}

/** An opened database: the public {@link AppDb} and what only `db/` and the composition root may use. */
export interface SqlStore {
  readonly db: AppDb
  readonly stats: Readonly<StoreStats>
  /**
   * Holds one connection for `work`. In PostgreSQL session-level advisory locks and SETs live as long as it
   * does; in SQLite it is the writer, so that every other writer waits. Transactions begin on it as usual.
   * Inside `work` only `session` may be used, as in a transaction.
   */
  connection<T>(work: (session: ScriptSession) => Promise<T>): Promise<T>
  /** A transaction that can run scripts. */
  transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T>
  /** Waits for running statements, then frees everything. Later calls reject with kind `unavailable`. */
  close(): Promise<void>
}
