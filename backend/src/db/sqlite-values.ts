import { type ColumnCodec, JsonParameter, type SqlValue } from './app-db.ts'
import { DbError } from './db-errors.ts'
import type { BoundValue, ColumnInfo } from './sqlite-protocol.ts'
import { decodeTimestamp } from './timestamps.ts'

/** @throws DbError `invalid-value` for what PostgreSQL would refuse too, or SQLite would change silently. */
export function encodeSqliteValue(value: SqlValue): BoundValue {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new DbError('invalid-value', 'Text must not contain the NUL character')
      return value
    case 'number':
      if (Number.isNaN(value)) throw new DbError('invalid-value', 'NaN cannot be stored') // SQLite makes it NULL
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'bigint':
      return value
    case 'object':
      if (value === null || value instanceof Uint8Array) return value
      if (value instanceof JsonParameter) return value.text
      break
    default:
  }
  throw new DbError('invalid-value', 'A parameter is neither a SQL value nor wrapped with json()')
}

export function encodeSqliteParams(params: readonly SqlValue[] | undefined): BoundValue[] {
  return params ? params.map(encodeSqliteValue) : []
}

type Codecs = Readonly<Record<string, ColumnCodec>>

/** Turns the arrays of the worker into the objects of the caller. */
export function sqliteRowDecoder<Row>(
  columns: ColumnInfo,
  codecs: Codecs | undefined,
): (values: readonly BoundValue[]) => Row {
  const { names } = columns
  const decoders = names.map((name, i) => decoderOf(codecs?.[name] ?? columns.codecs[i] ?? undefined))
  return (values) => {
    const row: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i]
      if (name === undefined) continue
      const value = values[i]
      const decode = decoders[i]
      row[name] = decode && value !== null && value !== undefined ? decode(value) : value
    }
    return row as Row
  }
}

function decoderOf(codec: ColumnCodec | undefined): ((value: BoundValue) => unknown) | undefined {
  switch (codec) {
    case 'boolean':
      return (value) =>
        typeof value === 'number' || typeof value === 'bigint' ? value !== 0 && value !== 0n : value
    case 'json':
      return (value) => parseJson(value)
    case 'timestamp':
      return (value) => (typeof value === 'string' ? decodeTimestamp(value) : value)
    case 'bigint':
    case 'bytes':
    case undefined:
      return undefined
  }
}

/** A column with its CHECK holds valid JSON only; a legacy row that does not is given as the text it is. */
function parseJson(value: BoundValue): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch (error) {
    if (error instanceof SyntaxError) return value
    throw error
  }
}
