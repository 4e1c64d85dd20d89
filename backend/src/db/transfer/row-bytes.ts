import { quoteName } from '../sql-text.ts'
import { keyColumns } from './codecs.ts'
import { CopyFields } from './copy-fields.ts'
import { hashed } from './hash.ts'
import { JsonPrinter } from './json-text.ts'
import { nullMark, valueEnd, viewOf } from './line-text.ts'
import { Rejection } from './rejection.ts'
import { readTime, readTimeText, timestampText } from './timestamp-text.ts'
import { BUCKETS, type CanonicalRow, type ColumnKind, type ColumnShape, type TableShape } from './types.ts'

/** A value as SQLite's driver gives it without being asked for exactness: large integers have lost digits. */
export type FastValue = null | number | string | Uint8Array

/** What a stream of COPY in binary format begins and ends with. */
export const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
export const copyTrailer = Buffer.from([0xff, 0xff])

/**
 * Hash of a value of PostgreSQL, as SQL: of its text, of a document's text, of a number. What the server has no function
 * for is hashed as a row of its own, in its binary format. A null is 0.
 */
export function hashedSql(shape: TableShape, column: ColumnShape): string {
  const value = `t.${quoteName(column.name)}`
  const seed = seedOf(shape.columns.indexOf(column))
  const hash = hashOfSql(column, value, seed)
  return column.nullable ? `coalesce(${hash}, 0)` : hash
}

function hashOfSql({ kind, pgType }: ColumnShape, value: string, seed: number): string {
  switch (kind) {
    case 'text':
      return `hashtextextended(${value} COLLATE "C", ${seed})`
    case 'json':
      return `hashtextextended(${value}::text COLLATE "C", ${seed})`
    case 'integer':
      return pgType === 'integer'
        ? `hashint4extended(${value}, ${seed})`
        : `hashint8extended(${value}, ${seed}) # hashint8extended(${value} >> 32, ${seed + 1})`
    case 'float':
      return `hashfloat8extended(${value}, ${seed})`
    case 'boolean':
      return `hashint4extended(${value}::integer, ${seed})`
    case 'timestamp':
      return `hash_record_extended(ROW(timestamptz_send(${value})), ${seed})`
    case 'bytes':
      return `hash_record_extended(ROW(${value}), ${seed})`
  }
}

/** Each column has its own, and the next: equal values of two columns are to differ. */
const seedOf = (column: number) => column * 2 + 1

/** A column as a row is written: bounds of integers, and whether it is one of the key. */
interface Field {
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly isWide: boolean
  readonly low: number
  readonly high: number
  readonly isKey: boolean
  readonly seed: number
}

/** Rows in the binary format of COPY, one behind the other in one buffer, each hashed while it is written. */
export class RowBytes {
  /** Hash of the last row, as two unsigned numbers, and the bucket of its key. */
  high = 0
  low = 0
  bucket = 0
  readonly #fields: readonly Field[]
  readonly #json = new JsonPrinter()
  readonly #copy = new CopyFields()
  /** The line that is being added: where it ends, and its next value. */
  #line: Buffer = Buffer.alloc(0)
  #lineView = viewOf(this.#line)
  #lineEnd = 0
  #next = 0

  constructor(shape: TableShape) {
    const key = keyColumns(shape)
    this.#fields = shape.columns.map(({ kind, nullable, pgType, min = 0n, max = 0n }, i) => ({
      kind,
      nullable,
      isWide: pgType !== 'integer',
      low: Math.max(Number(min), Number.MIN_SAFE_INTEGER),
      high: Math.min(Number(max), Number.MAX_SAFE_INTEGER),
      isKey: key.includes(i),
      seed: seedOf(i),
    }))
  }

  /** Of the bytes that were added since the last {@link RowBytes.clear}. */
  get length(): number {
    return this.#copy.length
  }

  /** These bytes; more rows are written over them once they are cleared. */
  get bytes(): Buffer {
    return this.#copy.bytes
  }

  clear(): void {
    this.#copy.clear()
  }

  /**
   * Adds a row of SQLite. False where a value needs a second look: nothing is added then, and the row is to be read
   * again exactly and to go through the codecs.
   */
  addRead(row: readonly FastValue[]): boolean {
    const start = this.#begin()
    let i = 0
    for (const field of this.#fields) {
      this.#copy.seed = field.seed
      const value = row[i++] ?? null
      if (!(value === null ? this.#null(field) : this.#read(field, value))) return this.#undo(start)
      this.#ended(field)
    }
    return this.#findBucket()
  }

  /**
   * The same for a row that is a line of `LineReader`.
   *
   * @param at where its first value begins. @param end behind the end of its last.
   */
  addLine(line: Buffer, at: number, end: number): boolean {
    const start = this.#begin()
    if (line !== this.#line) {
      this.#line = line
      this.#lineView = viewOf(line)
    }
    this.#lineEnd = end
    this.#next = at
    for (const field of this.#fields) {
      this.#copy.seed = field.seed
      if (!this.#readNext(field)) return this.#undo(start)
      this.#ended(field)
    }
    // No value takes more than one end: there are as many as there should be, and none is part of a text.
    return this.#next === end ? this.#findBucket() : this.#undo(start)
  }

  /** Adds a row in canonical form. @throws TypeError when it is in another. */
  addCanonical(row: CanonicalRow): void {
    const start = this.#begin()
    let i = 0
    for (const field of this.#fields) {
      this.#copy.seed = field.seed
      const text = row[i++] ?? null
      if (!(text === null ? this.#null(field) : this.#printed(field, text))) {
        this.#undo(start)
        throw new TypeError('A row is not in canonical form')
      }
      this.#ended(field)
    }
    this.#findBucket()
  }

  #begin(): number {
    const { length } = this.#copy
    this.#copy.beginRow(this.#fields.length)
    this.high = this.low = this.bucket = 0
    return length
  }

  #undo(start: number): false {
    this.#copy.length = start
    return false
  }

  /** Adds the hash of a value to that of its row, and of its key. */
  #ended({ isKey }: Field): void {
    this.high = (this.high ^ hashed.high) >>> 0
    this.low = (this.low ^ hashed.low) >>> 0
    if (isKey) this.bucket ^= hashed.low
  }

  #findBucket(): true {
    this.bucket &= BUCKETS - 1
    return true
  }

  #null({ nullable }: Field): boolean {
    if (!nullable) return false
    this.#copy.null()
    hashed.high = hashed.low = 0
    return true
  }

  /** The next value of the line, and its end. */
  #readNext(field: Field): boolean {
    if (this.#line[this.#next] === nullMark) {
      this.#next += 2
      return this.#null(field)
    }
    switch (field.kind) {
      case 'text':
        return this.#readText()
      case 'timestamp':
        return this.#readTime()
      case 'json':
        return this.#readDocument()
      default:
        return this.#readNumber(field)
    }
  }

  #readText(): boolean {
    const end = this.#copy.lineText(this.#lineView, this.#next, this.#lineEnd - this.#next)
    this.#next = end + 1
    return end >= 0
  }

  #readTime(): boolean {
    const line = this.#line
    const start = this.#next
    let end = readTime(line, start)
    if (end === 0 || line[end] !== valueEnd) {
      end = line.indexOf(valueEnd, start)
      this.#next = end + 1
      return this.#timestamp(line.toString('utf8', start, end))
    }
    this.#next = end + 1
    this.#copy.time()
    return true
  }

  #readDocument(): boolean {
    this.#json.readLine(this.#line, this.#next, this.#lineEnd)
    if (!this.#document()) return false
    this.#next = this.#json.end + 1
    return true
  }

  #readNumber(field: Field): boolean {
    const line = this.#line
    const isNegative = line[this.#next] === 45
    const start = isNegative ? this.#next + 1 : this.#next
    let at = start
    let size = 0
    let byte = line[at] ?? 0
    while (byte >= 48 && byte <= 57) {
      size = size * 10 + byte - 48
      byte = line[++at] ?? 0
    }
    // Whatever else a number has, it is not an integer.
    if (byte !== valueEnd || at === start) return false
    this.#next = at + 1
    return this.#read(field, isNegative ? -size : size)
  }

  #read(field: Field, value: Exclude<FastValue, null>): boolean {
    switch (field.kind) {
      case 'text':
        if (typeof value !== 'string') return false
        if (this.#copy.ascii(value)) return true
        if (value.includes('\0') || value.includes('\ufffd')) return false
        this.#copy.utf8(value)
        return true
      case 'integer': {
        const fits =
          typeof value === 'number' && Number.isInteger(value) && value >= field.low && value <= field.high
        if (fits) this.#copy.integer(value, field.isWide)
        return fits
      }
      case 'float':
        if (typeof value !== 'number') return false
        this.#copy.float(value)
        return true
      case 'boolean':
        if (value !== 1 && value !== 0) return false
        this.#copy.boolean(value)
        return true
      case 'timestamp':
        return typeof value === 'string' && this.#timestamp(value)
      case 'json':
        if (typeof value !== 'string' || value.includes('\ufffd')) return false
        this.#json.read(value)
        return this.#document()
      case 'bytes':
        if (!(value instanceof Uint8Array)) return false
        this.#copy.raw(value)
        return true
    }
  }

  #timestamp(value: string): boolean {
    const text = readTimeText(value) ? value : timestampText(value)
    if (text === undefined || !readTimeText(text)) return false
    this.#copy.time()
    return true
  }

  /** What the printer has read, in its normal form. What is no document needs a second look. */
  #document(): boolean {
    try {
      this.#json.print()
    } catch (error) {
      if (error instanceof Rejection) return false
      throw error
    }
    this.#copy.document(this.#json.bytes, this.#json.length)
    return true
  }

  /** A value in canonical form. */
  #printed(field: Field, text: string): boolean {
    switch (field.kind) {
      case 'text':
        if (!this.#copy.ascii(text)) this.#copy.utf8(text)
        return true
      case 'integer': {
        const value = Number(text)
        if (Number.isSafeInteger(value)) this.#copy.integer(value, field.isWide)
        else this.#copy.large(BigInt(text))
        return true
      }
      case 'float':
        this.#copy.float(Number(text))
        return true
      case 'boolean':
        this.#copy.boolean(text === 't' ? 1 : 0)
        return true
      case 'timestamp':
        if (!readTimeText(text)) return false
        this.#copy.time()
        return true
      case 'json':
        this.#copy.documentText(text)
        return true
      case 'bytes':
        this.#copy.raw(Buffer.from(text.slice(2), 'hex'))
        return true
    }
  }
}
