import { abortable } from './abort.ts'
import {
  type AppDb,
  type InsertManyOptions,
  type QueryOptions,
  type SqlText,
  type SqlValue,
  sqlFor,
} from './app-db.ts'
import { partsWithUniqueKeys, stagedInsert } from './pg-bulk.ts'
import type { PgConnections, PgLease } from './pg-connection.ts'
import { bulkFromRows, PgSession, type Rows, type Use } from './pg-session.ts'
import { savepointControl, snapshotControl, transactionControl } from './pg-transaction.ts'
import { encodePgValue } from './pg-values.ts'
import type { ScriptSession } from './sql-store.ts'
import {
  type AtomicControl,
  Frame,
  retrying,
  runAtomic,
  runNested,
  runStatement,
} from './transaction-scope.ts'

/** Rows of one unnest: more are slower, because the array literals grow to megabytes. */
const unnestRows = 500
const healthTimeoutMs = 2_000

let nextName = 1

/** What one transaction, savepoint or held connection offers. */
class PgFrameSession extends PgSession {
  readonly #lease: PgLease
  readonly #frame: Frame

  constructor(connections: PgConnections, lease: PgLease, frame: Frame) {
    super(connections)
    this.#lease = lease
    this.#frame = frame
  }

  protected override use<T>(work: Use<T>): Promise<T> {
    return runStatement(this.connections.scope, this.#frame, () => work(this.#lease))
  }

  override transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T> {
    const { connections } = this
    const control = this.#frame.atomic
      ? savepointControl(connections, this.#lease)
      : transactionControl(connections, this.#lease)
    return runNested(connections.scope, this.#frame, control, (frame) =>
      work(new PgFrameSession(connections, this.#lease, frame)),
    )
  }

  protected override async insertInParts(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions,
  ): Promise<{ rowCount: number }> {
    if (!this.#frame.atomic) return this.transaction((tx) => tx.insertMany(table, columns, rows, options))
    const { onConflict } = options
    const key = typeof onConflict === 'object' ? onConflict.key : []
    const parts = key.length > 0 ? partsWithUniqueKeys(rows, columns, key) : [rows]
    let rowCount = 0
    for (const part of parts) {
      if (part.length >= bulkFromRows && this.connections.canStage(this.#lease)) {
        rowCount += await this.#stage(table, columns, part, options)
      } else {
        for (let start = 0; start < part.length; start += unnestRows) {
          const batch = part.slice(start, start + unnestRows)
          rowCount += await this.use((lease) => this.unnest(lease, table, columns, batch, options))
        }
      }
    }
    return { rowCount }
  }

  async #stage(
    table: string,
    columns: readonly string[],
    rows: Rows,
    { onConflict, signal }: InsertManyOptions,
  ): Promise<number> {
    const staging = this.connections.stagingName(table, columns)
    const sql = stagedInsert(table, staging, columns, onConflict)
    return this.use(async (lease) => {
      if (!this.connections.keepsStaging(lease, staging)) await this.connections.script(lease, sql.create)
      // Its rows are gone at the end of a transaction; within one it may be used again.
      if (lease.staged.has(staging)) await this.connections.script(lease, sql.empty)
      lease.staged.add(staging)
      await this.copy(lease, staging, columns, rows, signal)
      const { rowCount } = await this.connections.send(lease, sql.insert, [], signal)
      return rowCount ?? 0
    })
  }

  override async *stream<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    { signal }: QueryOptions = {},
  ): AsyncIterable<Row> {
    const { connections } = this
    const cursor = `holdfast_cursor_${nextName++}`
    const values = params ? params.map(encodePgValue) : []
    // Without a transaction only a held cursor outlives its statement; the server keeps its rows in a file.
    const hold = this.#frame.atomic ? '' : ' WITH HOLD'
    const declare = `DECLARE ${cursor} NO SCROLL CURSOR${hold} FOR ${sqlFor('postgres', text)}`
    await this.use((lease) => connections.send(lease, declare, values, signal))
    try {
      yield* this.pages<Row>(cursor, (sql) => this.use((lease) => connections.send(lease, sql)), signal)
    } finally {
      const over = !this.#frame.open || this.#frame.failed !== undefined || this.#lease.broken
      if (!over) await connections.send(this.#lease, `CLOSE ${cursor}`)
    }
  }
}

/** The outer handle: each statement on a connection of its own. */
class PgAppDb extends PgSession implements AppDb {
  protected override async use<T>(work: Use<T>, signal?: AbortSignal): Promise<T> {
    const { connections } = this
    connections.scope.assertOutside()
    return this.#retrying(async () => {
      const lease = await connections.acquire(signal)
      try {
        return await work(lease)
      } finally {
        lease.release()
      }
    })
  }

  override async transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T> {
    return this.use((lease) => this.#atomic(lease, transactionControl(this.connections, lease), work))
  }

  async snapshot<T>(work: (session: ScriptSession) => Promise<T>): Promise<T> {
    return this.use((lease) => this.#atomic(lease, snapshotControl(this.connections, lease), work))
  }

  #atomic<T>(
    lease: PgLease,
    control: AtomicControl,
    work: (session: ScriptSession) => Promise<T>,
  ): Promise<T> {
    const { connections } = this
    const frame = new Frame(undefined)
    return runAtomic(connections.scope, frame, control, () =>
      work(new PgFrameSession(connections, lease, frame)),
    )
  }

  protected override insertInParts(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions,
  ): Promise<{ rowCount: number }> {
    return this.use(async (lease) => {
      if (rows.length >= bulkFromRows && this.connections.canStage(lease)) {
        // Made outside of the transaction, it stays with the connection whatever becomes of the rows.
        await this.connections.keepStaging(lease, table, columns)
      }
      return this.#atomic(lease, transactionControl(this.connections, lease), (tx) =>
        tx.insertMany(table, columns, rows, options),
      )
    }, options.signal)
  }

  override async *stream<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    { signal }: QueryOptions = {},
  ): AsyncIterable<Row> {
    const { connections } = this
    connections.scope.assertOutside()
    const cursor = `holdfast_cursor_${nextName++}`
    const values = params ? params.map(encodePgValue) : []
    const lease = await connections.acquire(signal)
    try {
      // All rows will be read, possibly slowly; the planner and the server's idle limit expect otherwise.
      await connections.script(
        lease,
        `BEGIN READ ONLY; SET LOCAL cursor_tuple_fraction = 1;
         SET LOCAL idle_in_transaction_session_timeout = '30min'`,
      )
      const declare = `DECLARE ${cursor} NO SCROLL CURSOR FOR ${sqlFor('postgres', text)}`
      await connections.send(lease, declare, values, signal)
      yield* this.pages<Row>(cursor, (sql) => connections.send(lease, sql, [], signal), signal)
    } finally {
      await transactionControl(connections, lease).rollback()
      lease.release()
    }
  }

  /** Holds one connection, outside any transaction. */
  async connection<T>(work: (session: ScriptSession) => Promise<T>): Promise<T> {
    const { connections } = this
    connections.scope.assertOutside()
    const lease = await connections.acquire()
    const frame = new Frame(undefined, false)
    try {
      return await connections.scope.run(frame, () => work(new PgFrameSession(connections, lease, frame)))
    } finally {
      frame.open = false
      // Its session-level locks and settings end with it.
      lease.retire = true
      lease.release()
    }
  }

  async healthCheck(): Promise<boolean> {
    try {
      await abortable(this.connections.pool.query('SELECT 1'), AbortSignal.timeout(healthTimeoutMs))
      return true
    } catch {
      return false // whatever it is, the store does not answer
    }
  }

  #retrying<T>(work: () => Promise<T>): Promise<T> {
    return retrying(work, () => this.connections.stats.retries++)
  }
}

/** The AppDb on a pool, and what a SqlStore adds to it. */
export function createPgAdapter(
  connections: PgConnections,
): AppDb & Pick<PgAppDb, 'connection' | 'transaction' | 'snapshot'> {
  return new PgAppDb(connections)
}
