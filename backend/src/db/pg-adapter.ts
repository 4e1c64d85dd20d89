import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { abortable } from './abort.ts'
import {
  type AppDb,
  type InsertManyOptions,
  type QueryOptions,
  type SqlText,
  type SqlValue,
  sqlFor,
} from './app-db.ts'
import {
  assertWidth,
  copyChunks,
  copyStatement,
  partsWithUniqueKeys,
  stagedInsert,
  unnestInsert,
  unnestParameters,
} from './pg-bulk.ts'
import type { PgConnections, PgLease, PgResult } from './pg-connection.ts'
import { savepointControl, transactionControl } from './pg-transaction.ts'
import { encodePgValue } from './pg-values.ts'
import type { ScriptSession } from './sql-store.ts'
import { changesSchema } from './sql-text.ts'
import { Frame, retrying, runAtomic, runNested, runStatement } from './transaction-scope.ts'

/** Rows of one unnest: more are slower, because the array literals grow to megabytes. */
const unnestRows = 500
/**
 * From here on rows are copied: a plain insert into its table, one with ON CONFLICT into a temporary table first.
 * It is cheaper to parse than arrays, and one statement however many rows.
 */
const bulkFromRows = 200
const rowsPerFetch = 1_000
const healthTimeoutMs = 2_000

type Rows = readonly (readonly SqlValue[])[]
type Use<T> = (lease: PgLease) => Promise<T>

let nextName = 1

abstract class PgSession implements ScriptSession {
  readonly dialect = 'postgres'
  protected readonly connections: PgConnections

  constructor(connections: PgConnections) {
    this.connections = connections
  }

  /** Runs one statement (or what counts as one) on this session's connection. */
  protected abstract use<T>(work: Use<T>, signal?: AbortSignal): Promise<T>
  protected abstract insertInParts(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions,
  ): Promise<{ rowCount: number }>
  abstract transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T>
  abstract stream<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): AsyncIterable<Row>

  async query<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row[]> {
    const { rows } = await this.#send(text, params, options, (result) => {
      options?.signal?.throwIfAborted() // the cancel request came too late: the caller still does not want it
      return result
    })
    return rows as Row[]
  }

  async queryOne<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row | undefined> {
    const [row] = await this.query<Row>(text, params, options)
    return row
  }

  async execute(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<{ rowCount: number }> {
    const result = await this.#send(text, params, options)
    if (changesSchema(sqlFor('postgres', text))) this.connections.forgetTypes()
    return { rowCount: result.rowCount ?? 0 }
  }

  async execScript(sql: string): Promise<void> {
    await this.use((lease) => this.connections.script(lease, sql))
    this.connections.forgetTypes()
  }

  async insertMany(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions = {},
  ): Promise<{ rowCount: number }> {
    const { onConflict, signal } = options
    if (rows.length === 0) return { rowCount: 0 }
    assertWidth(rows, columns.length)
    if (onConflict === undefined && rows.length >= bulkFromRows && this.connections.canCopy) {
      const rowCount = await this.use((lease) => this.copy(lease, table, columns, rows, signal), signal)
      return { rowCount }
    }
    if (rows.length >= bulkFromRows || repeatsKey(columns, rows, onConflict)) {
      return this.insertInParts(table, columns, rows, options)
    }
    const rowCount = await this.use((lease) => this.unnest(lease, table, columns, rows, options), signal)
    return { rowCount }
  }

  protected async unnest(
    lease: PgLease,
    table: string,
    columns: readonly string[],
    rows: Rows,
    { onConflict, signal }: InsertManyOptions,
  ): Promise<number> {
    const types = await this.connections.columnTypes(lease, table, columns)
    const sql = unnestInsert(table, columns, types, onConflict)
    const parameters = unnestParameters(rows, columns.length)
    const result = await this.connections.send(lease, sql, parameters, signal)
    return result.rowCount ?? 0
  }

  protected async copy(
    lease: PgLease,
    table: string,
    columns: readonly string[],
    rows: Rows,
    signal?: AbortSignal,
  ): Promise<number> {
    const sink = lease.client.query(copyFrom(copyStatement(table, columns)))
    const copying = () => pipeline(Readable.from(copyChunks(rows)), sink)
    await this.connections.guarded(lease, copying, signal)
    return sink.rowCount
  }

  #send(
    text: SqlText,
    params: readonly SqlValue[] | undefined,
    { signal }: QueryOptions = {},
    check: (result: PgResult) => PgResult = (result) => result,
  ): Promise<PgResult> {
    const sql = sqlFor('postgres', text)
    const values = params ? params.map(encodePgValue) : []
    return this.use(async (lease) => check(await this.connections.send(lease, sql, values, signal)), signal)
  }

  /** Pages of a cursor that is open on `lease`; the next one is on its way while the caller handles this one. */
  protected async *pages<Row>(
    cursor: string,
    fetch: (sql: string) => Promise<PgResult>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Row> {
    const sql = `FETCH FORWARD ${rowsPerFetch} FROM ${cursor}`
    let next: Promise<PgResult> | undefined = fetch(sql)
    try {
      while (next !== undefined) {
        const { rows }: PgResult = await abortable(next, signal)
        next = rows.length < rowsPerFetch ? undefined : fetch(sql)
        next?.catch(() => undefined) // reported when it is awaited
        for (const row of rows) {
          signal?.throwIfAborted()
          yield row as Row
        }
      }
    } finally {
      await next?.catch(() => undefined) // the caller left: what matters is that it is over
    }
  }
}

/** True when one statement would have to update a row twice. */
function repeatsKey(
  columns: readonly string[],
  rows: Rows,
  onConflict: InsertManyOptions['onConflict'],
): boolean {
  return typeof onConflict === 'object' && partsWithUniqueKeys(rows, columns, onConflict.key).length > 1
}

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
    return this.use((lease) => this.#inTransaction(lease, work))
  }

  #inTransaction<T>(lease: PgLease, work: (tx: ScriptSession) => Promise<T>): Promise<T> {
    const { connections } = this
    const frame = new Frame(undefined)
    return runAtomic(connections.scope, frame, transactionControl(connections, lease), () =>
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
      return this.#inTransaction(lease, (tx) => tx.insertMany(table, columns, rows, options))
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
): AppDb & Pick<PgAppDb, 'connection' | 'transaction'> {
  return new PgAppDb(connections)
}
