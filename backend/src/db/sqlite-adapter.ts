import { abortable } from './abort.ts'
import {
  type AppDb,
  type InsertManyOptions,
  type QueryOptions,
  type SqlText,
  type SqlValue,
  sqlFor,
} from './app-db.ts'
import { DbError } from './db-errors.ts'
import type { ScriptSession } from './sql-store.ts'
import { changesSchema, conflictClause } from './sql-text.ts'
import type { SqlitePool, SqliteSend, WriterLease } from './sqlite-pool.ts'
import type { BoundValue, SqliteOperation, SqliteResult } from './sqlite-protocol.ts'
import { encodeSqliteParams, encodeSqliteValue, sqliteRowDecoder } from './sqlite-values.ts'
import { timestamp } from './timestamps.ts'
import {
  type AtomicControl,
  Frame,
  retrying,
  runAtomic,
  runNested,
  runStatement,
  TransactionScope,
} from './transaction-scope.ts'

/** Values per message of insertMany: large enough to be cheap, small enough to stay a few megabytes. */
const valuesPerMessage = 50_000
const healthTimeoutMs = 2_000
const readingVerb = /^\s*(?:--[^\n]*\n\s*)*(?:select|values|with)\b/i

let nextStream = 1

abstract class SqliteSession implements ScriptSession {
  readonly dialect = 'sqlite'
  protected readonly pool: SqlitePool
  protected readonly scope: TransactionScope

  constructor(pool: SqlitePool, scope: TransactionScope) {
    this.pool = pool
    this.scope = scope
  }

  protected abstract read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult>
  protected abstract write(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult>
  /** Where the cursor of a stream lives; `free` always works, also after the transaction. */
  protected abstract cursor(signal?: AbortSignal): Promise<{ send: SqliteSend; free: SqliteSend }>
  abstract transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T>
  abstract insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options?: InsertManyOptions,
  ): Promise<{ rowCount: number }>

  async query<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    const sql = sqlFor('sqlite', text)
    const operation = { op: 'all', sql, params: encodeSqliteParams(params) } as const
    let result = readingVerb.test(sql) ? await this.read(operation, options.signal) : undefined
    if (!result || result.writes) result = await this.write(operation, options.signal)
    const { columns, rows } = result
    if (!columns || !rows) return []
    const decode = sqliteRowDecoder<Row>(columns, options.codecs)
    return rows.map(decode)
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
    options: QueryOptions = {},
  ): Promise<{ rowCount: number }> {
    const sql = sqlFor('sqlite', text)
    const result = await this.write({ op: 'run', sql, params: encodeSqliteParams(params) }, options.signal)
    if (changesSchema(sql)) this.pool.generation++
    return { rowCount: result.rowCount ?? 0 }
  }

  async execScript(sql: string): Promise<void> {
    await this.write({ op: 'script', sql })
    this.pool.generation++
  }

  async *stream<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options: QueryOptions = {},
  ): AsyncIterable<Row> {
    const { signal, codecs } = options
    const stream = nextStream++
    const sql = sqlFor('sqlite', text)
    const { send, free } = await this.cursor(signal)
    let page: SqliteResult = {}
    let next: Promise<SqliteResult> | undefined = send({
      op: 'open',
      stream,
      sql,
      params: encodeSqliteParams(params),
    })
    try {
      page = await abortable(next, signal)
      if (page.writes) throw new DbError('other', 'stream() takes statements that only read')
      const decode = sqliteRowDecoder<Row>(page.columns ?? { names: [], codecs: [] }, codecs)
      for (;;) {
        // The next page is read while the caller handles this one.
        next = page.done ? undefined : send({ op: 'next', stream })
        next?.catch(() => undefined) // reported when it is awaited below
        for (const row of page.rows ?? []) {
          signal?.throwIfAborted()
          yield decode(row)
        }
        if (!next) return
        page = await abortable(next, signal)
      }
    } finally {
      if (!page.done) await free({ op: 'shut', stream }).catch(() => undefined) // the thread and its cursor are gone
    }
  }
}

/** What one transaction, savepoint or held connection offers. */
class SqliteFrameSession extends SqliteSession {
  readonly #lease: WriterLease
  readonly #frame: Frame

  constructor(pool: SqlitePool, scope: TransactionScope, lease: WriterLease, frame: Frame) {
    super(pool, scope)
    this.#lease = lease
    this.#frame = frame
  }

  protected override write(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    return runStatement(this.scope, this.#frame, () => {
      signal?.throwIfAborted()
      return abortable(this.#lease.send(operation), signal)
    })
  }

  protected override read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    return this.write(operation, signal)
  }

  protected override async cursor(): Promise<{ send: SqliteSend; free: SqliteSend }> {
    return { send: (operation) => this.write(operation), free: this.#lease.send }
  }

  override transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T> {
    const control = this.#frame.atomic ? savepointControl(this.#lease) : transactionControl(this.#lease)
    return runNested(this.scope, this.#frame, control, (frame) =>
      work(new SqliteFrameSession(this.pool, this.scope, this.#lease, frame)),
    )
  }

  override async insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options: InsertManyOptions = {},
  ): Promise<{ rowCount: number }> {
    if (rows.length === 0) return { rowCount: 0 }
    if (!this.#frame.atomic) return this.transaction((tx) => tx.insertMany(table, columns, rows, options))
    const timed = await this.#timestampColumns(table, columns)
    const rowsPerMessage = Math.max(1, Math.floor(valuesPerMessage / columns.length))
    const conflict = conflictClause(options.onConflict)
    let rowCount = 0
    let running: Promise<SqliteResult> | undefined
    for (let start = 0; start < rows.length; start += rowsPerMessage) {
      const values = flatten(rows.slice(start, start + rowsPerMessage), columns.length, timed)
      // One message is encoded while the one before it is being written.
      rowCount += (await running)?.rowCount ?? 0
      running = this.write({ op: 'many', table, columns, conflict, values }, options.signal)
      running.catch(() => undefined) // reported when it is awaited
    }
    rowCount += (await running)?.rowCount ?? 0
    return { rowCount }
  }

  /** Positions of the columns declared TIMESTAMPTZ: their texts are brought into canonical form. */
  async #timestampColumns(table: string, columns: readonly string[]): Promise<readonly number[]> {
    const name = table.split('.').at(-1) ?? table
    const rows = await this.query<{ name: string }>(
      `SELECT name FROM pragma_table_info($1) WHERE upper(type) LIKE 'TIMESTAMPTZ%'`,
      [name],
    )
    const declared = new Set(rows.map((row) => row.name))
    return columns.flatMap((column, i) => (declared.has(column) ? [i] : []))
  }
}

function flatten(
  rows: readonly (readonly SqlValue[])[],
  width: number,
  timed: readonly number[],
): BoundValue[] {
  const values: BoundValue[] = []
  for (const row of rows) {
    if (row.length !== width) {
      throw new DbError('invalid-value', `insertMany: a row has ${row.length} values for ${width} columns`)
    }
    const start = values.length
    for (const value of row) values.push(encodeSqliteValue(value))
    for (const i of timed) {
      const value = values[start + i]
      if (typeof value === 'string') values[start + i] = canonicalTimestamp(value)
    }
  }
  return values
}

function canonicalTimestamp(text: string): string {
  try {
    return timestamp(text)
  } catch (error) {
    if (error instanceof RangeError) throw new DbError('invalid-value', error.message)
    throw error
  }
}

function transactionControl(lease: WriterLease): AtomicControl {
  return {
    begin: () => lease.send({ op: 'run', sql: 'BEGIN IMMEDIATE', params: [] }),
    async commit() {
      try {
        await lease.send({ op: 'run', sql: 'COMMIT', params: [] })
      } catch (error) {
        // A deferred foreign key or a full disk leaves the transaction open.
        await this.rollback()
        throw error
      }
    },
    // Fails where SQLite has rolled back by itself (disk full) or the thread is gone: both are what is wanted.
    rollback: () => lease.send({ op: 'run', sql: 'ROLLBACK', params: [] }).catch(() => undefined),
  }
}

function savepointControl(lease: WriterLease): AtomicControl {
  return {
    begin: () => lease.send({ op: 'run', sql: 'SAVEPOINT nested', params: [] }),
    commit: () => lease.send({ op: 'run', sql: 'RELEASE nested', params: [] }),
    rollback: () =>
      lease.send({ op: 'script', sql: 'ROLLBACK TO nested; RELEASE nested' }).catch(() => undefined),
  }
}

/** The outer handle: reads on the readers, each write in line for the writer. */
class SqliteAppDb extends SqliteSession implements AppDb {
  protected override async read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    this.scope.assertOutside()
    return this.pool.single ? this.#onWriter(operation, signal) : this.pool.read(operation, signal)
  }

  protected override async write(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    this.scope.assertOutside()
    return retrying(
      () => this.#onWriter(operation, signal),
      () => this.pool.stats.retries++,
    )
  }

  async #onWriter(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    const lease = await this.pool.lockWriter(signal)
    const running = lease.send(operation)
    running.then(lease.release, lease.release)
    return abortable(running, signal)
  }

  protected override async cursor(signal?: AbortSignal): Promise<{ send: SqliteSend; free: SqliteSend }> {
    this.scope.assertOutside()
    const send: SqliteSend = this.pool.single
      ? (operation) => this.#onWriter(operation)
      : await this.pool.streamReader(signal)
    return { send, free: send }
  }

  override async transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T> {
    this.scope.assertOutside()
    return retrying(
      () => this.#transaction(work),
      () => this.pool.stats.retries++,
    )
  }

  async #transaction<T>(work: (tx: ScriptSession) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const lease = await this.pool.lockWriter(signal)
    const frame = new Frame(undefined)
    try {
      return await runAtomic(this.scope, frame, transactionControl(lease), () =>
        work(new SqliteFrameSession(this.pool, this.scope, lease, frame)),
      )
    } finally {
      lease.release()
    }
  }

  override async insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options: InsertManyOptions = {},
  ): Promise<{ rowCount: number }> {
    this.scope.assertOutside()
    if (rows.length === 0) return { rowCount: 0 }
    return retrying(
      () => this.#transaction((tx) => tx.insertMany(table, columns, rows, options), options.signal),
      () => this.pool.stats.retries++,
    )
  }

  async connection<T>(work: (session: ScriptSession) => Promise<T>): Promise<T> {
    this.scope.assertOutside()
    const lease = await this.pool.lockWriter()
    const frame = new Frame(undefined, false)
    try {
      return await this.scope.run(frame, () =>
        work(new SqliteFrameSession(this.pool, this.scope, lease, frame)),
      )
    } finally {
      frame.open = false
      lease.release()
    }
  }

  async healthCheck(): Promise<boolean> {
    const signal = AbortSignal.timeout(healthTimeoutMs)
    const operation = { op: 'all', sql: 'SELECT 1', params: [] } as const
    try {
      await (this.pool.single ? this.#onWriter(operation, signal) : this.pool.read(operation, signal))
      return true
    } catch {
      return false // whatever it is, the store does not answer
    }
  }
}

/** The AppDb on a pool of SQLite threads, and what {@link SqlStore} adds to it. */
export function createSqliteAdapter(
  pool: SqlitePool,
): AppDb & Pick<SqliteAppDb, 'connection' | 'transaction'> {
  return new SqliteAppDb(pool, new TransactionScope())
}
