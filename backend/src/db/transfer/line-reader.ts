import { isUtf8 } from 'node:buffer'
import type SqliteDatabase from 'better-sqlite3'
import { quoteName } from '../sql-text.ts'
import type { SourceValue } from './codecs.ts'
import { columnNames, tableName } from './rows-sql.ts'
import type { TableShape } from './types.ts'

/** A call of SQLite's driver costs as much as a row; more rows are no faster and take more memory. */
const linesAtOnce = 32
/** Lines that are longer are not put together. */
const longLine = 128 * 1024

/**
 * True when each value of a table can be told from its line: a JSON array, which has integers exactly and tells texts
 * from numbers. It does not have every double, and no bytes.
 */
export function hasLines(db: SqliteDatabase.Database, shape: TableShape): boolean {
  if (db.pragma('encoding', { simple: true }) !== 'UTF-8') return false
  return shape.columns.every(({ kind }) => kind !== 'float' && kind !== 'bytes')
}

/** Lines, the number of the last row, and how many rows there are. */
type Lines = [bytes: Buffer | null, last: bigint | null, rows: bigint]
const nothing: Lines = [null, null, 0n]

/**
 * Rows of a table in the order of their numbers, as lines of text in UTF-8, many at once: a value by itself costs SQLite's
 * driver several times what its bytes cost. A line is a JSON array of the row's number and its values. Of a row that has
 * bytes somewhere, or is long, it has the number alone.
 */
export class LineReader {
  /** Lines, and where the current one begins and ends. */
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  /** Whether all of `bytes` is UTF-8. */
  isText = true
  readonly #db: SqliteDatabase.Database
  readonly #sql: (where: string) => string
  readonly #statements: SqliteDatabase.Statement<bigint[], Lines>[] = []
  #behind: bigint | null = null
  #left = 0

  constructor(db: SqliteDatabase.Database, shape: TableShape) {
    const columns = columnNames(shape).map((name) => `t.${quoteName(name)}`)
    // Bytes come behind everything else in the order of values. As a document they may be taken for something else.
    const hasBytes = columns.map((column) => `${column} >= x''`).join(' OR ')
    const line = `iif(${hasBytes}, json_array(t.rowid), json_array(t.rowid, ${columns.join(', ')}))`
    this.#db = db
    // A parameter that is a limit by itself has SQLite compile the statement anew for each value.
    this.#sql = (where) => `
      SELECT
        CAST(group_concat(iif(octet_length(line) > ${longLine}, json_array(number), line), char(10)) AS BLOB),
        max(number),
        count(*)
      FROM (
        SELECT t.rowid AS number, ${line} AS line
        FROM ${tableName(shape)} AS t ${where} ORDER BY t.rowid LIMIT (SELECT ?)
      )`
  }

  /** Starts before the rows behind number `behind`, at most `limit` of them. */
  open(behind: bigint | null, limit: number): void {
    this.#behind = behind
    this.#left = limit
    this.start = this.end = 0
    this.bytes = this.bytes.subarray(0, 0)
  }

  /** Goes to the next line. False behind the last, where it stays. */
  next(): boolean {
    if (this.end < this.bytes.length) this.start = this.end + 1
    else if (!this.#read()) return false
    const end = this.bytes.indexOf(10, this.start)
    this.end = end < 0 ? this.bytes.length : end
    return true
  }

  /** Where the first value of the current line begins; its end when it has none. */
  get firstValue(): number {
    for (let at = this.start; at < this.end; at++) if (this.bytes[at] === 44) return at + 1
    return this.end
  }

  /** Of the row of the current line. */
  get number(): bigint {
    return BigInt(this.bytes.toString('latin1', this.start + 1, this.firstValue - 1))
  }

  /** The values of the current line, exactly where `RowBytes` takes it, and the row's number. */
  get values(): readonly SourceValue[] {
    const values: (number | string | null)[] = JSON.parse(this.bytes.toString('utf8', this.start, this.end))
    return [
      ...values.slice(1).map((value) => (typeof value === 'number' ? BigInt(value) : value)),
      this.number,
    ]
  }

  #read(): boolean {
    if (this.#left === 0) return false
    const asked = Math.min(this.#left, linesAtOnce)
    const behind = this.#behind === null ? [] : [this.#behind]
    const [bytes, last, rows] = this.#statement(behind.length).get(...behind, BigInt(asked)) ?? nothing
    if (bytes === null) return false
    this.#left = rows < asked ? 0 : this.#left - asked
    this.#behind = last
    this.bytes = bytes
    this.isText = isUtf8(bytes)
    this.start = 0
    return true
  }

  #statement(places: number): SqliteDatabase.Statement<bigint[], Lines> {
    const known = this.#statements[places]
    if (known) return known
    const statement = this.#db.prepare<bigint[], Lines>(this.#sql(places === 0 ? '' : 'WHERE t.rowid > ?'))
    statement.raw(true)
    statement.safeIntegers(true)
    this.#statements[places] = statement
    return statement
  }
}
