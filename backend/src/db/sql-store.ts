import type { AppDb, AppDbSession } from './app-db.ts'

/** A value as an engine holds it. From PostgreSQL: its text output or null, and nothing else. */
export type RawValue = null | string | number | bigint | Uint8Array

/**
 * What migrations and moves need beyond {@link AppDbSession}: whole scripts, and values as the engine holds
 * them. Features never see it.
 */
export interface ScriptSession extends AppDbSession {
  /** Runs several statements as one text, without parameters. Within a transaction they are part of it. */
  execScript(sql: string): Promise<void>
  /**
   * All rows as arrays, undecoded. PostgreSQL: text output (ISO dates in UTC, hex bytes, shortest floats). SQLite:
   * storage classes, INTEGER always a bigint, REAL a number, TEXT a string, BLOB a Uint8Array.
   */
  rawQuery(sql: string, params?: readonly RawValue[]): Promise<RawValue[][]>
  /** Runs one statement with parameters bound as they are: in SQLite a number is REAL, a bigint INTEGER. */
  rawExecute(sql: string, params?: readonly RawValue[]): Promise<{ rowCount: number }>
  /**
   * Runs one statement for each row, in one message. SQLite only, within a transaction; placeholders are `?`,
   * in the order of the row, and rows are of one width. PostgreSQL has statements for many rows: rejects with a
   * TypeError there.
   */
  rawMany(sql: string, rows: readonly (readonly RawValue[])[]): Promise<{ rowCount: number }>
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
  /**
   * Reads of one instant, which is before `work` begins. Writers never wait for it, nor it for them; a write in
   * it fails. In SQLite it has a thread of its own, so that it sees every write that was committed before.
   */
  snapshot<T>(work: (session: ScriptSession) => Promise<T>): Promise<T>
  /** Ends what runs now: it rejects with kind `unavailable`. Where no network is in between there is none to lose. */
  cut?(): void
  /** Waits for running statements, then frees everything. Later calls reject with kind `unavailable`. */
  close(): Promise<void>
}
