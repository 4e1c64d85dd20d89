import type SqliteDatabase from 'better-sqlite3'
import { quoteName } from '../sql-text.ts'
import type { SourceValue } from './codecs.ts'
import { nullMark, oddMark, valueEnd } from './line-text.ts'
import { columnNames, tableName } from './rows-sql.ts'
import type { ColumnKind, TableShape } from './types.ts'

/** A call of SQLite's driver costs as much as a row; more rows are no faster and take more memory. */
const linesAtOnce = 32
/** Lines that are longer are not put together. */
const longLine = 128 * 1024

/**
 * True when each value of a table can be told from its line, which has integers exactly: a column of texts makes texts of
 * numbers. It does not have every double, and no bytes.
 */
export function hasLines(db: SqliteDatabase.Database, shape: TableShape): boolean {
  if (db.pragma('encoding', { simple: true }) !== 'UTF-8') return false
  return shape.columns.every(({ kind }) => kind !== 'float' && kind !== 'bytes')
}

/** Lines, the number of the last row, and how many rows there are. */
type Lines = [bytes: Buffer | null, last: bigint | null, rows: bigint]
const nothing: Lines = [null, null, 0n]

/** A byte as SQL. */
const byteSql = (byte: number) => `CAST(x'${byte.toString(16)}' AS TEXT)`
/** Values of SQL, each with its end behind it. */
const lineSql = (values: readonly string[]) => `concat_ws(${byteSql(valueEnd)}, ${values.join(', ')}, '')`

/**
 * Rows of a table in the order of their numbers, as lines of bytes, many at once: a value by itself costs SQLite's driver
 * several times what its bytes cost. A line is the row's number and its values, as texts without quotes or escapes: a
 * text that has the end of a value in it makes one too many of them. Of a row that has bytes somewhere or what would look
 * like a mark, or is long, it has the number and one odd value. Before each line stands its length.
 */
export class LineReader {
  /** Lines, and where the current one begins and ends. */
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  readonly #db: SqliteDatabase.Database
  readonly #kinds: readonly ColumnKind[]
  readonly #sql: (where: string) => string
  readonly #statements: SqliteDatabase.Statement<bigint[], Lines>[] = []
  #behind: bigint | null = null
  #left = 0

  constructor(db: SqliteDatabase.Database, shape: TableShape) {
    const columns = columnNames(shape).map((name) => `t.${quoteName(name)}`)
    // Numbers come before texts and bytes behind them in the order of values, and UTF-8 begins with no such byte.
    const isOdd = columns.map((column) => `${column} >= ${byteSql(0xf5)}`).join(' OR ')
    const values = columns.map((column) => `coalesce(${column}, ${byteSql(nullMark)})`)
    const oddLine = (number: string) => lineSql([number, byteSql(oddMark)])
    const framed = (line: string) => `octet_length(${line}) || ${byteSql(valueEnd)} || ${line}`
    this.#db = db
    this.#kinds = shape.columns.map(({ kind }) => kind)
    // A parameter that is a limit by itself has SQLite compile the statement anew for each value.
    this.#sql = (where) => `
      SELECT
        CAST(group_concat(iif(octet_length(line) > ${longLine}, ${framed(oddLine('number'))}, ${framed('line')}), '') AS BLOB),
        max(number),
        count(*)
      FROM (
        SELECT t.rowid AS number, iif(${isOdd}, ${oddLine('t.rowid')}, ${lineSql(['t.rowid', ...values])}) AS line
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
    let at = this.end
    if (at === this.bytes.length) {
      if (!this.#read()) return false
      at = 0
    }
    let length = 0
    for (let byte = this.bytes[at]; byte !== undefined && byte !== valueEnd; byte = this.bytes[++at]) {
      length = length * 10 + byte - 48
    }
    this.start = at + 1
    this.end = this.start + length
    return true
  }

  /** Where the first value of the current line begins. */
  get firstValue(): number {
    let at = this.start
    while (at < this.end && this.bytes[at] !== valueEnd) at++
    return at + 1
  }

  /** Of the row of the current line. */
  get number(): bigint {
    return BigInt(this.bytes.toString('latin1', this.start, this.firstValue - 1))
  }

  /** The values of the current line, exactly where `RowBytes` takes it, and the row's number. */
  get values(): readonly SourceValue[] {
    let next = this.firstValue
    const values = this.#kinds.map((kind): SourceValue => {
      const start = next
      const end = this.bytes.indexOf(valueEnd, start)
      next = end + 1
      if (this.bytes[start] === nullMark) return null
      const text = this.bytes.toString('utf8', start, end)
      return kind === 'integer' || kind === 'boolean' ? BigInt(text) : text
    })
    return [...values, this.number]
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
