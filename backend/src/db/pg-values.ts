import pg from 'pg'
import { JsonParameter, type SqlValue } from './app-db.ts'
import { DbError } from './db-errors.ts'
import { decodeTimestamp } from './timestamps.ts'

const { builtins } = pg.types

function wholeNumber(text: string): number | bigint {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

/** COUNT and SUM are int8 and numeric: whole numbers stay exact, others become the nearest double. */
function numeric(text: string): number | bigint {
  return /^-?\d+$/.test(text) ? wholeNumber(text) : Number(text)
}

/** bytea as `\x…` hex, the only form PostgreSQL has sent since 9.0 unless it is told otherwise. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'))
}

const parsers = new Map<number, (text: string) => unknown>([
  [builtins.INT8, wholeNumber],
  [builtins.NUMERIC, numeric],
  [builtins.TIMESTAMPTZ, decodeTimestamp],
  [builtins.TIMESTAMP, decodeTimestamp],
  [builtins.DATE, (text) => text],
  [builtins.BYTEA, bytes],
  [builtins.JSON, (text) => JSON.parse(text)],
  [builtins.JSONB, (text) => JSON.parse(text)],
])

/** Decoders of one pool; pg's own defaults, shared by the whole process, stay as they are. */
export const pgTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format !== 'binary' && parsers.get(oid)) ||
    pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/** A parameter as pg sends it. */
export function encodePgValue(value: SqlValue): string | Buffer | null {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new DbError('invalid-value', 'Text must not contain the NUL character')
      return value
    case 'number':
      if (Number.isNaN(value)) throw new DbError('invalid-value', 'NaN cannot be stored') // as on SQLite
      return String(value) // -0 becomes 0, which is all that SQLite can store
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return String(value)
    case 'object':
      if (value === null) return null
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      if (value instanceof JsonParameter) return value.text
      break
    default:
  }
  throw new DbError('invalid-value', 'A parameter is neither a SQL value nor wrapped with json()')
}

/** The text form of a value inside an array literal or a COPY line; null is null. */
export function pgText(value: SqlValue): string | null {
  const encoded = encodePgValue(value)
  return Buffer.isBuffer(encoded) ? `\\x${encoded.toString('hex')}` : encoded
}
