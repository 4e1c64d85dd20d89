// Runs in a worker thread.
import { parentPort, workerData } from 'node:worker_threads'
import type SqliteDatabase from 'better-sqlite3'
import { loadSqlite } from './sqlite-driver.ts'
import type {
  BoundValue,
  ColumnInfo,
  SqliteCodec,
  SqliteFailure,
  SqliteReady,
  SqliteReply,
  SqliteRequest,
  SqliteResult,
  SqliteWorkerOptions,
} from './sqlite-protocol.ts'

type Row = BoundValue[]
type Statement = SqliteDatabase.Statement<unknown[], Row>
interface Prepared {
  readonly statement: Statement
  columns: ColumnInfo | undefined
}

const statementCacheSize = 300
const pageRows = 1000
const pageBytes = 1 << 20

function open(options: SqliteWorkerOptions, Database: typeof SqliteDatabase): SqliteDatabase.Database {
  const db = new Database(options.path, { readonly: options.readonly, timeout: options.busyTimeoutMs })
  if (!options.readonly) {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    // REPLACE and cascades must fire the delete triggers that record changes.
    db.pragma('recursive_triggers = ON')
    db.pragma('wal_autocheckpoint = 2000')
    db.pragma('journal_size_limit = 67108864')
  }
  db.pragma('temp_store = MEMORY')
  db.pragma(`cache_size = -${options.cacheKib}`)
  // Memory-mapped reads are off: a disk error or a truncated file would end the process instead of the statement.
  db.pragma('mmap_size = 0')
  // A file that is no database is noticed by the first read, not by opening it.
  db.prepare('SELECT count(*) FROM sqlite_schema').get()
  return db
}

class Connection {
  readonly #db: SqliteDatabase.Database
  readonly #readonly: boolean
  readonly #statements = new Map<string, Prepared>()
  readonly #streams = new Map<number, { rows: IterableIterator<Row>; columns: ColumnInfo }>()
  #generation = 0

  constructor(db: SqliteDatabase.Database, readonly: boolean) {
    this.#db = db
    this.#readonly = readonly
  }

  handle(request: SqliteRequest): SqliteResult {
    if (request.generation !== this.#generation) {
      this.#statements.clear()
      this.#generation = request.generation
    }
    switch (request.op) {
      case 'all':
        return this.#all(request)
      case 'run':
        return this.#run(request)
      case 'script':
        this.#db.exec(request.sql)
        return {}
      case 'many':
        return this.#many(request)
      case 'open':
        return this.#open(request.stream, request.sql, request.params)
      case 'next':
        return this.#next(request.stream)
      case 'shut':
        this.#shut(request.stream)
        return {}
      case 'close':
        this.#close()
        return {}
    }
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const statement = this.#db.prepare<unknown[], Row>(sql)
    if (statement.reader) {
      statement.raw(true)
      statement.safeIntegers(true)
    }
    const prepared = { statement, columns: undefined }
    this.#statements.set(sql, prepared)
    if (this.#statements.size > statementCacheSize) {
      const oldest = this.#statements.keys().next()
      if (!oldest.done) this.#statements.delete(oldest.value)
    }
    return prepared
  }

  #all({ sql, params, exact }: Extract<SqliteRequest, { op: 'all' }>): SqliteResult {
    const prepared = this.#prepare(sql)
    const { statement } = prepared
    if (this.#readonly && !statement.readonly) return { writes: true }
    if (!statement.reader) {
      statement.run(...named(params, exact))
      return { rows: [], columns: { names: [], codecs: [] } }
    }
    const rows = statement.all(...named(params, exact))
    if (exact) return { rows }
    return { rows: rows.map(plainIntegers), columns: columnsOf(prepared, rows[0]) }
  }

  #run({ sql, params, exact }: Extract<SqliteRequest, { op: 'run' }>): SqliteResult {
    const { statement } = this.#prepare(sql)
    if (statement.reader) return { rowCount: statement.all(...named(params, exact)).length }
    return { rowCount: statement.run(...named(params, exact)).changes }
  }

  /** One prepared statement for all rows; the caller has opened the transaction. */
  #many({ sql, width, values, exact }: Extract<SqliteRequest, { op: 'many' }>): SqliteResult {
    const { statement } = this.#prepare(sql)
    let rowCount = 0
    for (let start = 0; start < values.length; start += width) {
      const row = values.slice(start, start + width)
      if (!exact) for (let i = 0; i < width; i++) row[i] = bindable(row[i] ?? null)
      rowCount += statement.run(row).changes
    }
    return { rowCount }
  }

  #open(stream: number, sql: string, params: readonly BoundValue[]): SqliteResult {
    // A statement of its own: a cached one could be busy with another stream.
    const statement = this.#db.prepare<unknown[], Row>(sql)
    if (!statement.reader) throw new TypeError('stream() needs a statement that returns rows')
    if (this.#readonly && !statement.readonly) return { writes: true }
    statement.raw(true)
    statement.safeIntegers(true)
    const columns = columnsOf({ statement, columns: undefined }, undefined)
    // Other statements of the same connection may run between two pages.
    this.#db.unsafeMode(true)
    this.#streams.set(stream, { rows: statement.iterate(...named(params)), columns })
    return { ...this.#next(stream), columns }
  }

  #next(stream: number): SqliteResult {
    const open = this.#streams.get(stream)
    if (!open) return { rows: [], done: true }
    const rows: Row[] = []
    let bytes = 0
    try {
      while (rows.length < pageRows && bytes < pageBytes) {
        const step = open.rows.next()
        if (step.done) {
          this.#forget(stream)
          return { rows, done: true }
        }
        rows.push(plainIntegers(step.value))
        bytes += sizeOf(step.value)
      }
    } catch (error) {
      this.#forget(stream)
      throw error
    }
    return { rows, done: false }
  }

  #shut(stream: number): void {
    this.#streams.get(stream)?.rows.return?.()
    this.#forget(stream)
  }

  #forget(stream: number): void {
    this.#streams.delete(stream)
    if (this.#streams.size === 0) this.#db.unsafeMode(false)
  }

  #close(): void {
    for (const stream of [...this.#streams.keys()]) this.#shut(stream)
    if (!this.#readonly) this.#db.pragma('optimize')
    this.#db.close()
  }
}

/** better-sqlite3 binds `$1` by the name `1`. */
function named(params: readonly BoundValue[], exact?: true): [] | [Record<number, BoundValue>] {
  if (params.length === 0) return []
  const bound: Record<number, BoundValue> = {}
  for (let i = 0; i < params.length; i++) {
    const value = params[i] ?? null
    bound[i + 1] = exact ? value : bindable(value)
  }
  return [bound]
}

/** better-sqlite3 binds every number as REAL, so that 3 would arrive in a text column as '3.0'. */
function bindable(value: BoundValue): BoundValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
}

function plainIntegers(row: Row): Row {
  for (let i = 0; i < row.length; i++) {
    const value = row[i]
    if (typeof value === 'bigint' && value <= 9007199254740991n && value >= -9007199254740991n) {
      row[i] = Number(value)
    }
  }
  return row
}

function sizeOf(row: Row): number {
  let bytes = 0
  for (const value of row) {
    bytes += typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 8
  }
  return bytes
}

function columnsOf(prepared: Prepared, firstRow: Row | undefined): ColumnInfo {
  if (prepared.columns && (!firstRow || firstRow.length === prepared.columns.names.length))
    return prepared.columns
  const columns = prepared.statement.columns()
  prepared.columns = {
    names: columns.map((column) => column.name),
    codecs: columns.map((column) => codecOf(column.type)),
  }
  return prepared.columns
}

function codecOf(declaredType: string | null): SqliteCodec {
  const type = declaredType?.toUpperCase() ?? ''
  if (type === 'BOOLEAN') return 'boolean'
  if (type.startsWith('JSON')) return 'json'
  if (type.startsWith('TIMESTAMPTZ')) return 'timestamp'
  return null
}

function failureOf(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return { code: 'SQLITE_ERROR', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code.startsWith('SQLITE_')) return { code, message: error.message }
  return { code: 'BINDING', message: error.message }
}

/** The package may be missing, or its native part, which is loaded with the first database only. */
async function loadDriver(): Promise<typeof SqliteDatabase> {
  const Database = await loadSqlite()
  new Database(':memory:').close()
  return Database
}

async function main(): Promise<void> {
  const port = parentPort
  if (!port) throw new Error('sqlite-worker runs only as a worker thread')
  const options: SqliteWorkerOptions = workerData
  let connection: Connection
  let Database: typeof SqliteDatabase
  try {
    Database = await loadDriver()
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    port.postMessage({ ready: false, failure: { code: 'MODULE', message } } satisfies SqliteReady)
    return
  }
  try {
    const db = open(options, Database)
    connection = new Connection(db, options.readonly)
    const version = db.prepare<[], string>('SELECT sqlite_version()').pluck().get() ?? ''
    port.postMessage({ ready: true, version } satisfies SqliteReady)
  } catch (error) {
    port.postMessage({ ready: false, failure: failureOf(error) } satisfies SqliteReady)
    return
  }
  port.on('message', (request: SqliteRequest) => {
    let reply: SqliteReply
    try {
      reply = { id: request.id, result: connection.handle(request) }
    } catch (error) {
      reply = { id: request.id, failure: failureOf(error) }
    }
    port.postMessage(reply)
    if (request.op === 'close') port.close()
  })
}

await main()
