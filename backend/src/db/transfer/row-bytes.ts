import { quoteName } from '../sql-text.ts'
import { keyColumns } from './codecs.ts'
import { hashBytes, hashed } from './hash.ts'
import { JsonPrinter } from './json-text.ts'
import { type ReadLayout, TOGETHER } from './read-layout.ts'
import { Rejection } from './rejection.ts'
import { readTime, timeRead, timestampText } from './timestamp-text.ts'
import { BUCKETS, type CanonicalRow, type ColumnKind, type ColumnShape, type TableShape } from './types.ts'

/** A value as SQLite's driver gives it without being asked for exactness: large integers have lost digits. */
export type FastValue = null | number | string | Uint8Array

/** Longer texts are better written by the engine. */
const shortText = 48
const firstBytes = 320 * 1024
/** Room for a value that is no text, with its length and the zeros behind it. */
const smallValue = 24
const word = 2 ** 32

/** What a stream of COPY in binary format begins and ends with. */
export const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
export const copyTrailer = Buffer.from([0xff, 0xff])

/**
 * A value of PostgreSQL as the bytes that are hashed, as SQL: those of its binary format, a document as its text.
 */
export function hashedSql({ name, kind, pgType }: ColumnShape): string {
  const column = `t.${quoteName(name)}`
  switch (kind) {
    case 'text':
    case 'bytes':
      return column
    case 'json':
      return `${column}::text`
    case 'integer':
      return pgType === 'integer' ? `int4send(${column})` : `int8send(${column})`
    case 'float':
      return `float8send(${column})`
    case 'boolean':
      return `boolsend(${column})`
    case 'timestamp':
      return `timestamptz_send(${column})`
  }
}

/** A column as a row is written: bounds of integers, and which column of the key it is, or -1. */
interface Field {
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly isWide: boolean
  readonly low: number
  readonly high: number
  readonly keyPlace: number
  /** Of its value in a row that was read by the layout. */
  readonly place: number
}

type Form = 'canonical' | 'read' | 'laid-out'

/** Rows in the binary format of COPY, one behind the other in one buffer, each hashed while it is written. */
export class RowBytes {
  /** Hash of the last row, as two unsigned numbers, and the bucket of its key. */
  high = 0
  low = 0
  bucket = 0
  readonly #fields: readonly Field[]
  /** High and low halves for each column of the key. */
  readonly #keyHashes: Uint32Array
  readonly #json = new JsonPrinter()
  #bytes = Buffer.alloc(firstBytes)
  #view = viewOf(this.#bytes)
  #at = 0
  /** The array of the row that is being added, and how far it was taken. */
  #array = Buffer.alloc(1 << 12)
  #taken = 0
  #arrayEnd = 0

  constructor(shape: TableShape, layout?: ReadLayout) {
    const key = keyColumns(shape)
    this.#keyHashes = new Uint32Array(key.length * 2)
    this.#fields = shape.columns.map(({ kind, nullable, pgType, min = 0n, max = 0n }, i) => ({
      kind,
      nullable,
      isWide: pgType !== 'integer',
      low: Math.max(Number(min), Number.MIN_SAFE_INTEGER),
      high: Math.min(Number(max), Number.MAX_SAFE_INTEGER),
      keyPlace: key.indexOf(i),
      place: layout?.places[i] ?? i,
    }))
  }

  /** Bytes that were not taken yet. */
  get length(): number {
    return this.#at
  }

  /** The rows since the last call. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at)
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#view = viewOf(this.#bytes)
    this.#at = 0
    return taken
  }

  clear(): void {
    this.#at = 0
  }

  /**
   * Adds a row of SQLite. False where a value needs a second look: nothing is added then, and the row is to be read
   * again exactly and to go through the codecs.
   */
  addRead(row: readonly FastValue[]): boolean {
    return this.#add(row, 'read')
  }

  /** The same for a row that was read by the layout, with an array. */
  addLaidOut(row: readonly FastValue[]): boolean {
    const [array] = row
    if (typeof array !== 'string') return false
    if (array.length * 3 + 1 > this.#array.length) this.#array = Buffer.alloc(array.length * 4)
    this.#arrayEnd = this.#array.write(array, 0)
    this.#taken = 1 // behind the bracket
    return this.#add(row, 'laid-out')
  }

  /** Adds a row in canonical form. @throws TypeError when it is in another. */
  addCanonical(row: CanonicalRow): void {
    if (!this.#add(row, 'canonical')) throw new TypeError('A row is not in canonical form')
  }

  #add(row: readonly FastValue[] | CanonicalRow, form: Form): boolean {
    const start = this.#at
    this.#reserve(smallValue)
    this.#view.setInt16(start, this.#fields.length)
    this.#at += 2
    this.high = this.low = 0
    const isLaidOut = form === 'laid-out'
    const isCanonical = form === 'canonical'
    let i = 0
    for (const field of this.#fields) {
      const place = isLaidOut ? field.place : i++
      const isPut =
        place === TOGETHER ? this.#putNext(field) : this.#put(field, row[place] ?? null, isCanonical)
      if (!isPut) {
        this.#at = start
        return false
      }
      this.#combine(hashed.high, hashed.low)
      if (field.keyPlace >= 0) {
        this.#keyHashes[field.keyPlace * 2] = hashed.high
        this.#keyHashes[field.keyPlace * 2 + 1] = hashed.low
      }
    }
    this.#findBucket()
    return true
  }

  /** As PostgreSQL's `hash_record_extended` does. */
  #combine(high: number, low: number): void {
    const sum = this.low * 31 + low
    this.low = sum >>> 0
    this.high = (Math.imul(this.high, 31) + high + (sum - this.low) / word) >>> 0
  }

  #findBucket(): void {
    let low = 0
    // Buckets are told by the lowest bits, which the high halves do not reach.
    for (let i = 1; i < this.#keyHashes.length; i += 2) low = (low * 31 + (this.#keyHashes[i] ?? 0)) >>> 0
    this.bucket = low % BUCKETS
  }

  #put(field: Field, value: FastValue, isCanonical: boolean): boolean {
    if (value === null) return this.#null(field)
    return isCanonical ? this.#putText(field, String(value)) : this.#putRead(field, value)
  }

  /** The next value of the array. */
  #putNext(field: Field): boolean {
    const array = this.#array
    const first = array[this.#taken]
    if (first === 110) {
      this.#taken += 5 // null and what is behind it
      return this.#null(field)
    }
    if (first !== 34) return field.kind !== 'text' && this.#putDigits(field)
    if (field.kind !== 'text') return false
    this.#reserve(this.#arrayEnd - this.#taken + smallValue)
    const bytes = this.#bytes
    const start = this.#at + 4
    let to = start
    for (let at = this.#taken + 1; ; at++) {
      const byte = array[at] ?? 0
      if (byte === 34) {
        this.#taken = at + 2
        return this.#field(to - start)
      }
      // An escape, or it may be U+FFFD.
      if (byte === 92 || byte === 0xef) return this.#putEscaped(field, at)
      bytes[to++] = byte
    }
  }

  #putEscaped(field: Field, from: number): boolean {
    const array = this.#array
    let end = from
    while (array[end] !== 34) end += array[end] === 92 ? 2 : 1
    const value: unknown = JSON.parse(array.toString('utf8', this.#taken, end + 1))
    this.#taken = end + 2
    return typeof value === 'string' && this.#putRead(field, value)
  }

  #putDigits(field: Field): boolean {
    const array = this.#array
    let at = this.#taken
    const isNegative = array[at] === 45
    if (isNegative) at++
    let size = 0
    let byte = array[at] ?? 0
    while (byte >= 48 && byte <= 57) {
      size = size * 10 + byte - 48
      byte = array[++at] ?? 0
    }
    // Whatever else a number has, it is not an integer.
    if (byte !== 44 && byte !== 93) return false
    this.#taken = at + 1
    return this.#putRead(field, isNegative ? -size : size)
  }

  #null({ nullable }: Field): boolean {
    if (!nullable) return false
    this.#reserve(smallValue)
    this.#view.setInt32(this.#at, -1)
    this.#at += 4
    hashed.high = hashed.low = 0
    return true
  }

  #putRead(field: Field, value: Exclude<FastValue, null>): boolean {
    switch (field.kind) {
      case 'text':
        if (typeof value !== 'string') return false
        if (this.#ascii(value)) return true
        return !value.includes('\0') && !value.includes('\ufffd') && this.#utf8(value)
      case 'integer':
        return (
          typeof value === 'number' &&
          Number.isInteger(value) &&
          value >= field.low &&
          value <= field.high &&
          this.#integer(field, value)
        )
      case 'float':
        return typeof value === 'number' && this.#float(value)
      case 'boolean':
        return (value === 1 || value === 0) && this.#boolean(value)
      case 'timestamp': {
        if (typeof value !== 'string') return false
        if (readTime(value)) return this.#time()
        const text = timestampText(value)
        return text !== undefined && readTime(text) && this.#time()
      }
      case 'json':
        return typeof value === 'string' && !value.includes('\ufffd') && this.#document(value)
      case 'bytes':
        return value instanceof Uint8Array && this.#raw(value)
    }
  }

  #putText(field: Field, text: string): boolean {
    switch (field.kind) {
      case 'text':
        return this.#ascii(text) || this.#utf8(text)
      case 'integer': {
        const value = Number(text)
        return Number.isSafeInteger(value) ? this.#integer(field, value) : this.#large(BigInt(text))
      }
      case 'float':
        return this.#float(Number(text))
      case 'boolean':
        return this.#boolean(text === 't' ? 1 : 0)
      case 'timestamp':
        return readTime(text) && this.#time()
      case 'json':
        return this.#printed(text)
      case 'bytes':
        return this.#raw(Buffer.from(text.slice(2), 'hex'))
    }
  }

  /** A short text of ASCII characters; false for others. */
  #ascii(text: string): boolean {
    const { length } = text
    if (length > shortText) return false
    this.#reserve(shortText + smallValue)
    const bytes = this.#bytes
    const start = this.#at + 4
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0 || code > 127) return false
      bytes[start + i] = code
    }
    return this.#field(length)
  }

  #utf8(text: string): boolean {
    this.#reserve(text.length * 3 + smallValue)
    return this.#field(this.#bytes.write(text, this.#at + 4))
  }

  #raw(value: Uint8Array): boolean {
    this.#reserve(value.length + smallValue)
    this.#bytes.set(value, this.#at + 4)
    return this.#field(value.length)
  }

  #integer({ isWide }: Field, value: number): boolean {
    this.#reserve(smallValue)
    if (isWide) return this.#halves(Math.floor(value / word), value)
    this.#view.setInt32(this.#at + 4, value)
    return this.#field(4)
  }

  #large(value: bigint): boolean {
    this.#reserve(smallValue)
    this.#view.setBigInt64(this.#at + 4, value)
    return this.#field(8)
  }

  #float(value: number): boolean {
    this.#reserve(smallValue)
    this.#view.setFloat64(this.#at + 4, value)
    return this.#field(8)
  }

  #boolean(value: number): boolean {
    this.#reserve(smallValue)
    this.#bytes[this.#at + 4] = value
    return this.#field(1)
  }

  /** What was read last as microseconds since 2000, which doubles do not hold. */
  #time(): boolean {
    this.#reserve(smallValue)
    const high = Math.floor(timeRead.seconds / word)
    const low = (timeRead.seconds - high * word) * 1e6 + timeRead.micros
    return this.#halves(high * 1e6 + Math.floor(low / word), low)
  }

  /** A number of eight bytes. */
  #halves(high: number, low: number): boolean {
    this.#view.setInt32(this.#at + 4, high)
    this.#view.setInt32(this.#at + 8, low)
    return this.#field(8)
  }

  /** A document in its normal form, behind the version of the format. What is none needs a second look. */
  #document(text: string): boolean {
    try {
      this.#json.print(text)
    } catch (error) {
      if (error instanceof Rejection) return false
      throw error
    }
    const { bytes, length } = this.#json
    this.#reserve(length + smallValue)
    this.#bytes[this.#at + 4] = 1
    bytes.copy(this.#bytes, this.#at + 5, 0, length)
    return this.#field(length + 1, 1)
  }

  #printed(document: string): boolean {
    this.#reserve(document.length * 3 + smallValue)
    this.#bytes[this.#at + 4] = 1
    return this.#field(this.#bytes.write(document, this.#at + 5) + 1, 1)
  }

  /** Ends a field whose bytes are behind the place of its length; `version` of them are not hashed. */
  #field(length: number, version = 0): boolean {
    const start = this.#at + 4
    this.#view.setInt32(this.#at, length)
    this.#at = start + length
    this.#view.setInt32(this.#at, 0)
    hashBytes(this.#view, start + version, length - version)
    return true
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow((this.#at + more) * 2)
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
