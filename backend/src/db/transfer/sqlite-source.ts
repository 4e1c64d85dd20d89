import { isUtf8 } from 'node:buffer'
import type SqliteDatabase from 'better-sqlite3'
import { quoteName } from '../sql-text.ts'
import { encodeRow, heldValue, InvalidText, isReject, keyColumns, type SourceValue } from './codecs.ts'
import { type ReadLayout, readLayout, TOGETHER } from './read-layout.ts'
import { type FastValue, RowBytes } from './row-bytes.ts'
import { columnNames, keyList, tableName } from './rows-sql.ts'
import type { CanonicalRow, HeldValue, Reject, TableShape } from './types.ts'

export type Database = SqliteDatabase.Database
/**
 * Where a table was left, as SQLite holds it: the key of the last row. Where rows are read by their number, the version
 * of the schema and the number of the row come before it.
 */
export type Cursor = readonly HeldValue[]

/** What comes out of a page: a row that was written, or one that cannot be held. */
export interface PageSink {
  row(): void
  reject(reject: Reject): void
}

type Parameter = bigint | number | string | Uint8Array | null

/** A page needs keys exactly: they hold what the fast way of reading would change. */
class InexactKey extends Error {}

/** The numbers of rows may not be what they were when the cursor was taken: the table is to be read from its start. */
export class RowsMovedError extends Error {}

/**
 * Reads one table of a SQLite file in pages and writes it as bytes: in the order of the file, which is that of row
 * numbers or, in a table without them, of the key. Clean rows go a fast way: plain numbers, written in one go. A row with
 * something odd in it is read once more, exactly, and checked value by value.
 */
export class SqliteSource {
  readonly #db: Database
  readonly #shape: TableShape
  readonly #hasNumbers: boolean
  /** The rows that were read. */
  readonly written: RowBytes
  readonly #statements = new Map<string, SqliteDatabase.Statement<Parameter[], SourceValue[]>>()
  #exact = false
  readonly #layout: ReadLayout
  #rows: IterableIterator<SourceValue[]> | undefined
  #last: readonly SourceValue[] | undefined
  /** Of the schema, in the page's moment. */
  #version = 0n
  /** Of the last row, where it was looked at again. */
  #canonical: CanonicalRow | undefined

  constructor(db: Database, shape: TableShape) {
    this.#db = db
    this.#shape = shape
    this.#hasNumbers = hasRowNumbers(db, shape)
    this.#layout = readLayout(shape)
    this.written = new RowBytes(shape, this.#layout)
    // The exact look at one row happens in the middle of a page.
    db.unsafeMode(true)
  }

  /** True when the table has at least `rows` rows. */
  hasRows(rows: number): boolean {
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${tableName(this.#shape)} LIMIT ${rows})`
    return this.#db.prepare<[], number>(sql).pluck().get() === rows
  }

  /** Starts a page of at most `limit` rows behind `after`. @throws RowsMovedError. */
  open(after: Cursor | null, limit: number): void {
    this.close()
    this.#last = undefined
    // The version and the rows are of one moment.
    this.#db.exec('BEGIN')
    this.#version = BigInt(String(this.#db.pragma('schema_version', { simple: true })))
    if (after && this.#hasNumbers) this.#assertInPlace(after)
    const exact = this.#exact
    const columns = exact ? exactList(this.#names) : this.#layout.select + (this.#hasNumbers ? rowNumber : '')
    const order = this.#hasNumbers ? 't.rowid' : keyList(this.#shape)
    const behind = after && (this.#hasNumbers ? after.slice(1, 2) : after)
    const where = behind ? `WHERE (${order}) > (${placesOf(behind)})` : ''
    const sql = `SELECT ${columns} FROM ${tableName(this.#shape)} AS t ${where} ORDER BY ${order} LIMIT ${limit}`
    this.#rows = this.#statement(sql, exact).iterate(...(behind ?? []).map(parameterOf))
  }

  /**
   * Hands on rows until about `bytes` bytes are together.
   *
   * @returns how many rows came, and whether the page is at its end.
   */
  read(sink: PageSink, bytes: number): { rows: number; done: boolean } {
    let rows = 0
    let size = 0
    while (this.#rows) {
      const step = this.#rows.next()
      if (step.done) {
        this.close()
        break
      }
      rows++
      size += this.#hand(step.value, sink)
      if (size >= bytes) return { rows, done: false }
    }
    return { rows, done: true }
  }

  /** Where the last row that was read stands. */
  cursor(): Cursor | null {
    const last = this.#last
    if (!last) return null
    const held = this.#exact ? heldValue : heldKey
    const key = this.#keyPlaces.map((i) => held(last[i] ?? null))
    if (!this.#hasNumbers) return key
    return [heldValue(this.#version), held(last.at(-1) ?? null), ...key]
  }

  close(): void {
    this.#rows?.return?.()
    this.#rows = undefined
    if (this.#db.inTransaction) this.#db.exec('COMMIT')
  }

  /**
   * VACUUM may number rows anew, in their order, and the version of the schema tells that it has run, if nothing else
   * has changed it. A row that still has its number is still behind the same rows.
   */
  #assertInPlace(after: Cursor): void {
    const [version, number, ...key] = after
    const isCursor = version !== undefined && number !== undefined && key.length === this.#shape.key.length
    if (isCursor && version.text === String(this.#version)) return
    if (isCursor && this.#hasNumber(number, key)) return
    throw new RowsMovedError(`The rows of ${this.#shape.table} may have other numbers than before`)
  }

  #hasNumber(number: HeldValue, key: Cursor): boolean {
    const sql = `SELECT 1 FROM ${tableName(this.#shape)} AS t WHERE t.rowid = ? AND (${keyList(this.#shape)}) = (${placesOf(key)})`
    return this.#statement(sql, true).get(...[number, ...key].map(parameterOf)) !== undefined
  }

  get #names(): readonly string[] {
    return this.#hasNumbers ? [...columnNames(this.#shape), 'rowid'] : columnNames(this.#shape)
  }

  /** From the next page on every row is read exactly. Returns false when that is so already. */
  beExact(error: unknown): boolean {
    if (!(error instanceof InexactKey) || this.#exact) return false
    this.#exact = true
    return true
  }

  /** The row that was written last. */
  lastCanonical(): CanonicalRow {
    const row = this.#canonical ?? encodeRow(this.#shape, this.#inOrder(this.#last ?? []))
    if (isReject(row)) throw new TypeError(`No row of ${this.#shape.table} was written`)
    return row
  }

  /** The row that was read last, as SQLite holds it; undefined when it is gone. */
  lastExactly(): readonly SourceValue[] | undefined {
    if (!this.#last) return undefined
    return this.#exact ? this.#last : this.#exactly(this.#last)
  }

  #hand(read: readonly SourceValue[], sink: PageSink): number {
    this.#canonical = undefined
    if (this.#exact) {
      const raw = exactValues(read)
      this.#last = raw
      return this.#encode(raw, sink)
    }
    this.#last = read
    const before = this.written.length
    const values = read as readonly FastValue[]
    if (this.#isLaidOut ? this.written.addLaidOut(values) : this.written.addRead(values)) {
      sink.row()
      return this.written.length - before
    }
    const raw = this.#exactly(read)
    // Deleted a moment ago: the change is on its way to the mirror.
    return raw ? this.#encode(raw, sink) : 1
  }

  #encode(raw: readonly SourceValue[], sink: PageSink): number {
    const row: CanonicalRow | Reject = encodeRow(this.#shape, raw)
    if (isReject(row)) {
      sink.reject(row)
      return JSON.stringify(row.row).length
    }
    const before = this.written.length
    this.written.addCanonical(row)
    this.#canonical = row
    sink.row()
    return this.written.length - before
  }

  #exactly(read: readonly SourceValue[]): readonly SourceValue[] | undefined {
    const key = this.#keyPlaces.map((i) => heldKey(read[i] ?? null))
    const match = this.#shape.key.map((name) => `t.${quoteName(name)} = ?`)
    const sql = `SELECT ${exactList(this.#names)} FROM ${tableName(this.#shape)} AS t WHERE ${match.join(' AND ')}`
    const row = this.#statement(sql, true).get(...key.map(parameterOf))
    return row && exactValues(row)
  }

  /** Where the columns of the key are in a row. */
  get #keyPlaces(): readonly number[] {
    const columns = keyColumns(this.#shape)
    return this.#isLaidOut ? columns.map((i) => this.#layout.places[i] ?? i) : columns
  }

  /** A row that was read, in the order of the shape's columns. */
  #inOrder(read: readonly SourceValue[]): readonly SourceValue[] {
    if (!this.#isLaidOut) return read
    const together: SourceValue[] = JSON.parse(String(read[0]))
    let next = 0
    return this.#layout.places.map((place) => (place === TOGETHER ? together[next++] : read[place]) ?? null)
  }

  get #isLaidOut(): boolean {
    return this.#layout.together && !this.#exact
  }

  #statement(sql: string, exact: boolean): SqliteDatabase.Statement<Parameter[], SourceValue[]> {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare<Parameter[], SourceValue[]>(sql)
    statement.raw(true)
    statement.safeIntegers(exact)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** A key value that was read the fast way. @throws InexactKey where that has changed it. */
function heldKey(value: SourceValue): HeldValue {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return heldValue(BigInt(value))
  if (typeof value === 'string' && !value.includes('\ufffd')) return heldValue(value)
  throw new InexactKey()
}

function parameterOf(held: HeldValue): Parameter {
  const text = held.text ?? ''
  switch (held.class) {
    case 'null':
      return null
    case 'integer':
      return BigInt(text)
    case 'real':
      return Number(text)
    case 'text':
      return held.hex ? Buffer.from(text, 'hex') : text
    case 'blob':
      return Buffer.from(text, 'hex')
  }
}

const rowNumber = ', t.rowid'

/** WITHOUT ROWID, a table is its key's index. */
function hasRowNumbers(db: Database, { table, columns }: TableShape): boolean {
  const found = db
    .prepare<[string], number>(`SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?`)
    .pluck()
    .get(table)
  return found === 0 && !columns.some(({ name }) => name.toLowerCase() === 'rowid')
}

/** Text goes as what it is even where its bytes are no UTF-8. */
function placesOf(values: Cursor): string {
  return values.map((held) => (held.class === 'text' ? 'CAST(? AS TEXT)' : '?')).join(', ')
}

/** Two values for each column: its storage class, and its value with text as bytes. */
function exactList(names: readonly string[]): string {
  return names
    .map((name) => `t.${quoteName(name)}`)
    .map(
      (column) =>
        `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`,
    )
    .join(', ')
}

function exactValues(read: readonly SourceValue[]): SourceValue[] {
  const values: SourceValue[] = []
  for (let i = 0; i < read.length; i += 2) {
    const value = read[i + 1] ?? null
    if (read[i] === 'text' && value instanceof Uint8Array) {
      values.push(isUtf8(value) ? Buffer.from(value).toString('utf8') : new InvalidText(value))
    } else values.push(value)
  }
  return values
}
