import type { RawValue } from '../sql-store.ts'
import { decodeTimestamp } from '../timestamps.ts'
import { floatText } from './float-text.ts'
import { jsonText } from './json-text.ts'
import { Rejection, suggestions } from './rejection.ts'
import { timestampText } from './timestamp-text.ts'
import type { CanonicalRow, ColumnShape, HeldValue, Key, Reject, RejectReason, TableShape } from './types.ts'

/** Text of SQLite whose bytes are no valid UTF-8. */
export class InvalidText {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** A value as SQLite gives it. A whole number may be a `number` too, in columns that hold no fractions. */
export type SourceValue = RawValue | InvalidText

export interface Codec {
  /** What SQLite holds → canonical text. @throws Rejection for what PostgreSQL cannot hold. */
  encode(value: SourceValue): string | null
  /** Canonical text → what SQLite holds. @throws Rejection for what SQLite cannot hold. */
  decode(text: string | null): RawValue
}

interface ValueCodec {
  encode(value: Exclude<SourceValue, null>): string
  decode(text: string): RawValue
}

/** The codec of one column. */
export function codecOf(column: ColumnShape): Codec {
  const codec = valueCodecOf(column)
  const missing = () => new Rejection('null', `${column.name} must have a value`)
  return {
    encode(value) {
      if (value !== null) return codec.encode(value)
      if (!column.nullable) throw missing()
      return null
    },
    decode(text) {
      if (text !== null) return codec.decode(text)
      if (!column.nullable) throw missing()
      return null
    },
  }
}

function valueCodecOf(column: ColumnShape): ValueCodec {
  switch (column.kind) {
    case 'text':
      return { encode: (value) => textOf(column, value), decode: (text) => text }
    case 'integer':
      return integerCodec(column)
    case 'float':
      return floatCodec(column)
    case 'boolean':
      return booleanCodec(column)
    case 'timestamp':
      return timestampCodec(column)
    case 'json':
      return { encode: (value) => jsonText(textOf(column, value)), decode: (text) => text }
    case 'bytes':
      return bytesCodec(column)
  }
}

function textOf(column: ColumnShape, value: Exclude<SourceValue, null>): string {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new Rejection('nul', `${column.name} has the NUL character`)
    return value
  }
  if (value instanceof InvalidText) throw new Rejection('utf8', `${column.name} is no valid UTF-8`)
  throw new Rejection('type', `${column.name} holds ${classOf(value)} and not text`)
}

function integerCodec(column: ColumnShape): ValueCodec {
  const { name, min = 0n, max = 0n } = column
  const isSmall = max < 2n ** 53n
  const [low, high] = isSmall
    ? [Number(min), Number(max)]
    : [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  const beyond = (value: string) =>
    new Rejection('range', `${name} is ${value}; ${column.pgType} ends at ${max}`)
  return {
    encode(value) {
      if (typeof value === 'number' && Number.isSafeInteger(value)) {
        if (value < low || value > high) throw beyond(String(value))
        return String(value)
      }
      if (typeof value === 'bigint') {
        if (value < min || value > max) throw beyond(String(value))
        return String(value)
      }
      throw new Rejection('integer', `${name} holds ${classOf(value)} and not a whole number`)
    },
    decode: (text) => BigInt(text),
  }
}

function floatCodec({ name }: ColumnShape): ValueCodec {
  return {
    encode(value) {
      if (typeof value === 'number') return floatText(value)
      // Whole numbers in a REAL column are kept as integers only where its declared type was not REAL.
      if (typeof value === 'bigint' && BigInt(Number(value)) === value) return floatText(Number(value))
      throw new Rejection('float', `${name} holds ${classOf(value)} and not a number`)
    },
    decode(text) {
      if (text === 'NaN') throw new Rejection('float', `${name} is NaN, which SQLite turns into NULL`)
      if (text === '-0') throw new Rejection('float', `${name} is -0, which SQLite turns into 0`)
      return Number(text)
    },
  }
}

function booleanCodec({ name }: ColumnShape): ValueCodec {
  return {
    encode(value) {
      if (value === 1 || value === 1n) return 't'
      if (value === 0 || value === 0n) return 'f'
      throw new Rejection(
        'boolean',
        `${name} is ${heldValue(value).text} (${classOf(value)}) and neither 0 nor 1`,
      )
    },
    decode: (text) => (text === 't' ? 1n : 0n),
  }
}

const written = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:\d{3})?Z$/

function timestampCodec({ name }: ColumnShape): ValueCodec {
  const refused = (text: string | null) =>
    new Rejection('timestamp', `${name} is no point in time: ${String(text).slice(0, 60)}`)
  return {
    encode(value) {
      if (typeof value === 'object') throw refused(heldValue(value).text)
      const text = timestampText(value)
      if (text === undefined) throw refused(String(value))
      return text
    },
    decode(text) {
      const time = decodeTimestamp(text)
      if (!written.test(time)) throw refused(text)
      return time
    },
  }
}

function bytesCodec(column: ColumnShape): ValueCodec {
  return {
    encode(value) {
      if (value instanceof Uint8Array) return `\\x${hex(value)}`
      throw new Rejection('type', `${column.name} holds ${classOf(value)} and not bytes`)
    },
    decode: (text) => Buffer.from(text.slice(2), 'hex'),
  }
}

const hex = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

function classOf(value: SourceValue): HeldValue['class'] {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return 'real'
  if (typeof value === 'string' || value instanceof InvalidText) return 'text'
  return 'blob'
}

/** A value for the books: nothing of it is lost. */
export function heldValue(value: SourceValue): HeldValue {
  if (value === null) return { class: 'null', text: null }
  if (value instanceof InvalidText) return { class: 'text', text: hex(value.bytes), hex: true }
  if (value instanceof Uint8Array) return { class: 'blob', text: hex(value) }
  if (typeof value === 'number') return { class: 'real', text: floatText(value) }
  if (typeof value === 'bigint') return { class: 'integer', text: String(value) }
  if (value.includes('\0')) return { class: 'text', text: hex(Buffer.from(value)), hex: true }
  return { class: 'text', text: value }
}

const codecsOf = new WeakMap<TableShape, readonly Codec[]>()

/** The codecs of a table's columns, in their order. */
export function codecs(shape: TableShape): readonly Codec[] {
  const known = codecsOf.get(shape)
  if (known) return known
  const made = shape.columns.map(codecOf)
  codecsOf.set(shape, made)
  return made
}

export function isReject(row: CanonicalRow | Reject): row is Reject {
  return !Array.isArray(row)
}

/** A row of SQLite in canonical form, or why PostgreSQL cannot hold it. */
export function encodeRow(shape: TableShape, raw: readonly SourceValue[]): CanonicalRow | Reject {
  const row: (string | null)[] = []
  for (const [i, codec] of codecs(shape).entries()) {
    try {
      row.push(codec.encode(raw[i] ?? null))
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
      return rejected(shape, raw, shape.columns[i]?.name ?? null, error.reason, error.message)
    }
  }
  return row
}

/** The same row of PostgreSQL, or why SQLite cannot hold it. */
export function checkRow(shape: TableShape, row: CanonicalRow): CanonicalRow | Reject {
  for (const [i, codec] of codecs(shape).entries()) {
    try {
      codec.decode(row[i] ?? null)
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
      return rejected(shape, row, shape.columns[i]?.name ?? null, error.reason, error.message)
    }
  }
  return row
}

/** A canonical row as SQLite holds it. @throws Rejection for what it cannot hold. */
export function decodeRow(shape: TableShape, row: CanonicalRow): RawValue[] {
  return codecs(shape).map((codec, i) => codec.decode(row[i] ?? null))
}

/** The key as SQLite holds it. */
export function decodeKey(shape: TableShape, key: Key): RawValue[] {
  return keyColumns(shape).map((column, i) => codecs(shape)[column]?.decode(key[i] ?? null) ?? null)
}

const positions = new WeakMap<TableShape, readonly number[]>()

/** Where the key's columns are among all columns. */
export function keyColumns(shape: TableShape): readonly number[] {
  const known = positions.get(shape)
  if (known) return known
  const made = shape.key.map((name) => shape.columns.findIndex((column) => column.name === name))
  positions.set(shape, made)
  return made
}

export function keyOf(shape: TableShape, row: CanonicalRow): Key {
  return keyColumns(shape).map((column) => row[column] ?? '')
}

/** A row for quarantine. `raw` is in the order of the shape's columns. */
export function rejected(
  shape: TableShape,
  raw: readonly SourceValue[],
  column: string | null,
  reason: RejectReason,
  message: string,
): Reject {
  const held = raw.map(heldValue)
  return {
    table: shape.table,
    key: JSON.stringify(keyColumns(shape).map((position) => held[position]?.text ?? null)),
    row: Object.fromEntries(shape.columns.map(({ name }, i) => [name, held[i] ?? heldValue(null)])),
    column,
    reason,
    message,
    suggestion: suggestions[reason],
  }
}
