import { isUtf8 } from 'node:buffer'
import type SqliteDatabase from 'better-sqlite3'
import { quoteName } from '../sql-text.ts'
import { encodeRow, heldValue, InvalidText, isReject, keyColumns, type SourceValue } from './codecs.ts'
import { hasLines, LineReader } from './line-reader.ts'
import { type FastValue, RowBytes } from './row-bytes.ts'
import { columnList, columnNames, keyList, tableName } from './rows-sql.ts'
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
  #isOpen = false
  /** What rows come from, unless they come value by value. */
  #lines: LineReader | undefined
  #rows: IterableIterator<SourceValue[]> | undefined
  /** A row was read, which is the current line unless its values are here: those of its columns, and its number. */
  #isAtRow = false
  #last: readonly SourceValue[] | undefined
  #isLastExact = false
  /** Of the schema, in the page's moment. */
  #version = 0n
  /** Of the last row, where it was looked at again. */
  #canonical: CanonicalRow | undefined

  constructor(db: Database, shape: TableShape) {
    this.#db = db
    this.#shape = shape
    this.#hasNumbers = hasRowNumbers(db, shape)
    if (this.#hasNumbers && hasLines(db, shape)) this.#lines = new LineReader(db, shape)
    this.written = new RowBytes(shape)
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
    this.#isAtRow = false
    // The version and the rows are of one moment.
    this.#db.exec('BEGIN')
    this.#version = BigInt(String(this.#db.pragma('schema_version', { simple: true })))
    if (after && this.#hasNumbers) this.#assertInPlace(after)
    const behind = after && (this.#hasNumbers ? after.slice(1, 2) : after)
    this.#isOpen = true
    if (this.#lines) {
      this.#lines.open(behind ? BigInt(behind[0]?.text ?? 0) : null, limit)
      return
    }
    const exact = this.#exact
    const columns = exact
      ? exactList(this.#names)
      : columnList(this.#shape) + (this.#hasNumbers ? ', t.rowid' : '')
    const order = this.#hasNumbers ? 't.rowid' : keyList(this.#shape)
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
    while (this.#isOpen) {
      const handed = this.#handNext(sink)
      if (handed === 0) {
        this.close()
        break
      }
      rows++
      size += handed
      if (size >= bytes) return { rows, done: false }
    }
    return { rows, done: true }
  }

  /** Where the last row that was read stands. */
  cursor(): Cursor | null {
    if (!this.#isAtRow) return null
    const values = this.#lastValues
    const held = this.#isLastExact ? heldValue : heldKey
    const key = keyColumns(this.#shape).map((i) => held(values[i] ?? null))
    if (!this.#hasNumbers) return key
    return [heldValue(this.#version), held(values.at(-1) ?? null), ...key]
  }

  close(): void {
    this.#isOpen = false
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
    this.#lines = undefined
    return true
  }

  /** The row that was written last. */
  lastCanonical(): CanonicalRow {
    const row = this.#canonical ?? encodeRow(this.#shape, this.#lastValues)
    if (isReject(row)) throw new TypeError(`No row of ${this.#shape.table} was written`)
    return row
  }

  /** The row that was read last, as SQLite holds it; undefined when it is gone. */
  lastExactly(): readonly SourceValue[] | undefined {
    if (!this.#isAtRow) return undefined
    if (this.#isLastExact) return this.#lastValues
    return this.#findByKey(this.#last ?? [])
  }

  get #lastValues(): readonly SourceValue[] {
    return this.#last ?? this.#lines?.values ?? []
  }

  /** Hands on the next row. @returns about how many bytes it has, 0 at the end of the page. */
  #handNext(sink: PageSink): number {
    const step = this.#rows?.next()
    if (step ? step.done : !this.#lines?.next()) return 0
    this.#isAtRow = true
    this.#canonical = undefined
    this.#isLastExact = this.#exact || !step
    this.#last = step && (this.#exact ? exactValues(step.value) : step.value)
    if (this.#last && this.#exact) return this.#encode(this.#last, sink)
    const before = this.written.length
    if (this.#isWritten) {
      sink.row()
      return this.written.length - before
    }
    return this.#handExactly(sink)
  }

  /** True where the last row could be written as it was read. */
  get #isWritten(): boolean {
    if (this.#last) return this.written.addRead(this.#last as readonly FastValue[])
    const lines = this.#lines
    return !!lines?.isText && this.written.addLine(lines.bytes, lines.firstValue, lines.end)
  }

  /** The last row once more. */
  #handExactly(sink: PageSink): number {
    const raw = this.#last
      ? this.#findByKey(this.#last)
      : this.#find(['rowid'], [heldValue(this.#lines?.number ?? null)])
    // It is there: all of a page is of one moment.
    if (!raw) throw new InexactKey()
    this.#last = raw
    this.#isLastExact = true
    return this.#encode(raw, sink)
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

  /** @param read not exactly. */
  #findByKey(read: readonly SourceValue[]): readonly SourceValue[] | undefined {
    return this.#find(
      this.#shape.key,
      keyColumns(this.#shape).map((i) => heldKey(read[i] ?? null)),
    )
  }

  #find(names: readonly string[], held: Cursor): readonly SourceValue[] | undefined {
    const match = names.map((name) => `t.${quoteName(name)} = ?`)
    const sql = `SELECT ${exactList(this.#names)} FROM ${tableName(this.#shape)} AS t WHERE ${match.join(' AND ')}`
    const row = this.#statement(sql, true).get(...held.map(parameterOf))
    return row && exactValues(row)
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

/** A value of a key that was read the fast way. @throws InexactKey where that has changed it. */
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
