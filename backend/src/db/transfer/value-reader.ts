import { isUtf8 } from 'node:buffer'
import type SqliteDatabase from 'better-sqlite3'
import { quoteName } from '../sql-text.ts'
import { heldValue, InvalidText, keyColumns, type SourceValue } from './codecs.ts'
import { columnList, columnNames, keyList, tableName } from './rows-sql.ts'
import type { ColumnKind, HeldValue, TableShape } from './types.ts'

/** By itself, a row of a few numbers costs SQLite's driver twice as much. */
const rowsAtOnce = 256
/** What is small, unless somebody put something else into the column. */
const small: ReadonlySet<ColumnKind> = new Set(['integer', 'float', 'boolean', 'timestamp'])

type Parameter = bigint | number | string | Uint8Array | null
type Statement = SqliteDatabase.Statement<Parameter[], SourceValue[]>

/** Keys are needed exactly: they hold what the fast way of reading would change. */
export class InexactKey extends Error {}

/** Rows of a table value by value, in the order of their numbers or of the key. The number comes behind the columns. */
export class ValueReader {
  readonly #db: SqliteDatabase.Database
  readonly #shape: TableShape
  readonly #hasNumbers: boolean
  readonly #isSmall: boolean
  readonly #statements = new Map<string, Statement>()
  #exact = false
  /** Rows one by one. */
  #rows: IterableIterator<SourceValue[]> | undefined
  /** Rows that were read together, where the next one is, and how many are still to be read. */
  #together: readonly SourceValue[][] = []
  #next = 0
  #left = 0
  #behind: readonly HeldValue[] | null = null

  constructor(db: SqliteDatabase.Database, shape: TableShape, hasNumbers: boolean) {
    this.#db = db
    this.#shape = shape
    this.#hasNumbers = hasNumbers
    this.#isSmall = shape.columns.every(({ kind }) => small.has(kind))
  }

  /**
   * Starts before the rows behind `behind`, a number or a key, at most `limit` of them.
   *
   * @param exact integers as BigInt, and text that is no UTF-8 as bytes.
   */
  open(behind: readonly HeldValue[] | null, limit: number, exact: boolean): void {
    this.close()
    this.#exact = exact
    this.#behind = behind
    if (exact || !this.#isSmall) this.#rows = this.#page().iterate(...this.#parameters(limit))
    else this.#left = limit
  }

  /** The next row; undefined behind the last. @throws InexactKey. */
  next(): readonly SourceValue[] | undefined {
    if (!this.#rows) return this.#together[this.#next++] ?? this.#readTogether()
    const { done, value } = this.#rows.next()
    if (done) return undefined
    return this.#exact ? exactValues(value) : value
  }

  close(): void {
    this.#rows?.return?.()
    this.#rows = undefined
    this.#together = []
    this.#next = this.#left = 0
  }

  /** The row, exactly, whose columns `names` have these values. */
  find(names: readonly string[], held: readonly HeldValue[]): readonly SourceValue[] | undefined {
    const match = names.map((name) => `t.${quoteName(name)} = ?`).join(' AND ')
    const sql = `SELECT ${exactList(this.#names)} FROM ${tableName(this.#shape)} AS t WHERE ${match}`
    const row = this.#statement(sql, true).get(...held.map(parameterOf))
    return row && exactValues(row)
  }

  /** Whether the row of this key has this number. */
  hasNumber(number: HeldValue, key: readonly HeldValue[]): boolean {
    const sql = `SELECT 1 FROM ${tableName(this.#shape)} AS t WHERE t.rowid = ? AND (${keyList(this.#shape)}) = (${placesOf(key)})`
    return this.#statement(sql, true).get(...[number, ...key].map(parameterOf)) !== undefined
  }

  #readTogether(): readonly SourceValue[] | undefined {
    if (this.#left === 0) return undefined
    const last = this.#together.at(-1)
    if (last) this.#behind = this.#placeOf(last)
    const asked = Math.min(this.#left, rowsAtOnce)
    this.#together = this.#page().all(...this.#parameters(asked))
    this.#left = this.#together.length < asked ? 0 : this.#left - asked
    this.#next = 1
    return this.#together[0]
  }

  #placeOf(row: readonly SourceValue[]): readonly HeldValue[] {
    if (this.#hasNumbers) return [heldKey(row.at(-1) ?? null)]
    return keyColumns(this.#shape).map((i) => heldKey(row[i] ?? null))
  }

  #page(): Statement {
    const columns = this.#exact
      ? exactList(this.#names)
      : columnList(this.#shape) + (this.#hasNumbers ? ', t.rowid' : '')
    const order = this.#hasNumbers ? 't.rowid' : keyList(this.#shape)
    const where = this.#behind ? `WHERE (${order}) > (${placesOf(this.#behind)})` : ''
    return this.#statement(
      // A parameter that is a limit by itself has SQLite compile the statement anew for each value.
      `SELECT ${columns} FROM ${tableName(this.#shape)} AS t ${where} ORDER BY ${order} LIMIT (SELECT ?)`,
      this.#exact,
    )
  }

  #parameters(limit: number): Parameter[] {
    return [...(this.#behind ?? []).map(parameterOf), limit]
  }

  get #names(): readonly string[] {
    return this.#hasNumbers ? [...columnNames(this.#shape), 'rowid'] : columnNames(this.#shape)
  }

  #statement(sql: string, exact: boolean): Statement {
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
export function heldKey(value: SourceValue): HeldValue {
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

/** Text goes as what it is even where its bytes are no UTF-8. */
function placesOf(values: readonly HeldValue[]): string {
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
