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
import type { RawValue, ScriptSession } from './sql-store.ts'
import { changesSchema, conflictClause, quoteName } from './sql-text.ts'
import { flattenRows, insertParts } from './sqlite-bulk.ts'
import type { SqliteLease, SqlitePool, SqliteSend } from './sqlite-pool.ts'
import type { SqliteOperation, SqliteResult } from './sqlite-protocol.ts'
import { savepointControl, snapshotControl, transactionControl } from './sqlite-transaction.ts'
import { encodeSqliteParams, sqliteRowDecoder } from './sqlite-values.ts'
import {
  type AtomicControl,
  Frame,
  retrying,
  runAtomic,
  runNested,
  runStatement,
  TransactionScope,
} from './transaction-scope.ts'

const healthTimeoutMs = 2_000
const readingVerb = /^\s*(?:--[^\n]*\n\s*)*(?:select|values|with)\b/i

let nextStream = 1

interface Cursor {
  readonly send: SqliteSend
  readonly free: SqliteSend
  release(): void
}

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
  /** Where the cursor of a stream lives until `release`; `free` always works, also after the transaction. */
  protected abstract cursor(signal?: AbortSignal): Promise<Cursor>
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

  async rawQuery(sql: string, params: readonly RawValue[] = []): Promise<RawValue[][]> {
    const { rows = [] } = await this.write({ op: 'all', sql, params, exact: true })
    return rows
  }

  async rawExecute(sql: string, params: readonly RawValue[] = []): Promise<{ rowCount: number }> {
    const { rowCount = 0 } = await this.write({ op: 'run', sql, params, exact: true })
    if (changesSchema(sql)) this.pool.generation++
    return { rowCount }
  }

  async rawMany(sql: string, rows: readonly (readonly RawValue[])[]): Promise<{ rowCount: number }> {
    const [first] = rows
    if (!first) return { rowCount: 0 }
    const width = first.length
    if (rows.some((row) => row.length !== width)) {
      throw new DbError('invalid-value', 'rawMany: the rows have different widths')
    }
    const { rowCount = 0 } = await this.write({ op: 'many', sql, width, values: rows.flat(), exact: true })
    return { rowCount }
  }

  async *stream<Row = Record<string, unknown>>(
    text: SqlText,
    values?: readonly SqlValue[],
    options: QueryOptions = {},
  ): AsyncIterable<Row> {
    const { signal, codecs } = options
    const stream = nextStream++
    const sql = sqlFor('sqlite', text)
    const params = encodeSqliteParams(values)
    const { send, free, release } = await this.cursor(signal)
    let page: SqliteResult = {}
    let next: Promise<SqliteResult> | undefined
    try {
      next = send({ op: 'open', stream, sql, params })
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
      release()
    }
  }
}

/** What one transaction, savepoint or held connection offers. */
class SqliteFrameSession extends SqliteSession {
  readonly #lease: SqliteLease
  readonly #frame: Frame

  constructor(pool: SqlitePool, scope: TransactionScope, lease: SqliteLease, frame: Frame) {
    super(pool, scope)
    this.#lease = lease
    this.#frame = frame
  }

  protected override write(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    return runStatement(this.scope, this.#frame, async () => {
      signal?.throwIfAborted()
      const result = await abortable(this.#lease.send(operation), signal)
      if (result.writes) throw new DbError('read-only', 'A snapshot is for reading')
      return result
    })
  }

  protected override read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    return this.write(operation, signal)
  }

  protected override async cursor(): Promise<Cursor> {
    return { send: (operation) => this.write(operation), free: this.#lease.send, release: () => undefined }
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
    const into = `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) VALUES`
    const places = `(${columns.map(() => '?').join(', ')})`
    const conflict = conflictClause(options.onConflict)
    let rowCount = 0
    let running: Promise<SqliteResult> | undefined
    for (const { start, end, together } of insertParts(rows.length, columns.length)) {
      const values = flattenRows(rows.slice(start, end), columns.length, timed)
      const sql = `${into} ${Array.from({ length: together }, () => places).join(', ')} ${conflict}`
      // One message is encoded while the one before it is being written.
      rowCount += (await running)?.rowCount ?? 0
      running = this.write({ op: 'many', sql, width: columns.length * together, values }, options.signal)
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

  protected override async cursor(signal?: AbortSignal): Promise<Cursor> {
    this.scope.assertOutside()
    if (this.pool.single) {
      const send: SqliteSend = (operation) => this.#onWriter(operation)
      return { send, free: send, release: () => undefined }
    }
    const { send, release } = await this.pool.lockCursor(signal)
    return { send, free: send, release }
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
    return this.#atomic(lease, transactionControl(lease), work)
  }

  async snapshot<T>(work: (session: ScriptSession) => Promise<T>): Promise<T> {
    this.scope.assertOutside()
    const lease = await (this.pool.single ? this.pool.lockWriter() : this.pool.lockCursor())
    return this.#atomic(lease, snapshotControl(lease), work)
  }

  async #atomic<T>(
    lease: SqliteLease,
    control: AtomicControl,
    work: (session: ScriptSession) => Promise<T>,
  ): Promise<T> {
    const frame = new Frame(undefined)
    try {
      return await runAtomic(this.scope, frame, control, () =>
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
): AppDb & Pick<SqliteAppDb, 'connection' | 'transaction' | 'snapshot'> {
  return new SqliteAppDb(pool, new TransactionScope())
}
