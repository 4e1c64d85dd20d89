import type SqliteDatabase from 'better-sqlite3'
import { encodeRow, heldValue, isReject, keyColumns, type SourceValue } from './codecs.ts'
import { hasLines, LineReader } from './line-reader.ts'
import { type FastValue, RowBytes } from './row-bytes.ts'
import { tableName } from './rows-sql.ts'
import type { CanonicalRow, HeldValue, Reject, TableShape } from './types.ts'
import { heldKey, InexactKey, ValueReader } from './value-reader.ts'

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
  readonly #values: ValueReader
  #exact = false
  #isOpen = false
  /** What rows come from, unless they come value by value. */
  #lines: LineReader | undefined
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
    this.#values = new ValueReader(db, shape, this.#hasNumbers)
    this.written = new RowBytes(shape)
    // The exact look at one row happens in the middle of a page.
    db.unsafeMode(true)
  }

  /** True when rows come in the order of the key, so that none comes twice, whatever is written meanwhile. */
  get isInKeyOrder(): boolean {
    return !this.#hasNumbers
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
    if (this.#lines) this.#lines.open(behind ? BigInt(behind[0]?.text ?? 0) : null, limit)
    else this.#values.open(behind, limit, this.#exact)
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
    this.#values.close()
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
    if (isCursor && this.#values.hasNumber(number, key)) return
    throw new RowsMovedError(`The rows of ${this.#shape.table} may have other numbers than before`)
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
    const values = this.#lines ? undefined : this.#values.next()
    if (this.#lines ? !this.#lines.next() : !values) return 0
    this.#isAtRow = true
    this.#canonical = undefined
    this.#isLastExact = this.#exact || !values
    this.#last = values
    if (values && this.#exact) return this.#encode(values, sink)
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
    return !!lines && this.written.addLine(lines.bytes, lines.firstValue, lines.end)
  }

  /** The last row once more. */
  #handExactly(sink: PageSink): number {
    const raw = this.#last
      ? this.#findByKey(this.#last)
      : this.#values.find(['rowid'], [heldValue(this.#lines?.number ?? null)])
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
    return this.#values.find(
      this.#shape.key,
      keyColumns(this.#shape).map((i) => heldKey(read[i] ?? null)),
    )
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
