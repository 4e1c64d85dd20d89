import { isUtf8 } from 'node:buffer'
import { unnestParameters } from '../pg-bulk.ts'
import type { RawValue, ScriptSession } from '../sql-store.ts'
import { quoteName } from '../sql-text.ts'
import {
  checkRow,
  decodeKey,
  decodeRow,
  encodeRow,
  InvalidText,
  isReject,
  keyColumns,
  type SourceValue,
} from './codecs.ts'
import { columnList, pgKeys, pgUpsert, sqliteUpsert, tableName } from './rows-sql.ts'
import type { CanonicalRow, Key, Reject, TableShape } from './types.ts'

/** Rows or keys of one statement. */
const perStatement = 500

export interface ReadRows {
  readonly rows: CanonicalRow[]
  /** Rows that are there and that the other store cannot hold. */
  readonly rejects: Reject[]
}

/** The rows that have these keys, in no order; a key without a row is passed over. */
export async function rowsByKeys(
  session: ScriptSession,
  shape: TableShape,
  keys: readonly Key[],
): Promise<ReadRows> {
  const found: ReadRows = { rows: [], rejects: [] }
  for (const part of parts(keys)) {
    const read =
      session.dialect === 'sqlite' ? fromSqlite(session, shape, part) : fromPg(session, shape, part)
    for (const row of await read) {
      if (isReject(row)) found.rejects.push(row)
      else found.rows.push(row)
    }
  }
  return found
}

async function fromPg(
  session: ScriptSession,
  shape: TableShape,
  keys: readonly Key[],
): Promise<(CanonicalRow | Reject)[]> {
  const { from, match } = pgKeys(shape)
  const rows = await session.rawQuery(
    `SELECT ${columnList(shape)} FROM ${from} JOIN ${tableName(shape)} AS t ON ${match}`,
    unnestParameters(keys, shape.key.length),
  )
  return rows.map((row) => checkRow(shape, row.map(textOf)))
}

async function fromSqlite(
  session: ScriptSession,
  shape: TableShape,
  keys: readonly Key[],
): Promise<(CanonicalRow | Reject)[]> {
  const match = shape.key.map((name, i) => `t.${quoteName(name)} = (k.value ->> ${i})`)
  const rows = await session.rawQuery(
    `SELECT ${columnList(shape)} FROM json_each($1) AS k CROSS JOIN ${tableName(shape)} AS t ON ${match.join(' AND ')}`,
    [JSON.stringify(keys)],
  )
  return Promise.all(rows.map(async (row) => encodeRow(shape, await checkedText(session, shape, row))))
}

const textOf = (value: RawValue): string | null => (value === null ? null : String(value))

/** SQLite's driver gives U+FFFD for bytes that are no UTF-8: such texts are read once more, as bytes. */
async function checkedText(
  session: ScriptSession,
  shape: TableShape,
  row: readonly RawValue[],
): Promise<readonly SourceValue[]> {
  const suspects = row.flatMap((value, i) => (isSuspect(value) ? [i] : []))
  if (suspects.length === 0) return row
  const key = keyColumns(shape).map((position) => row[position] ?? null)
  const bytes = suspects.map((i) => `CAST(t.${quoteName(shape.columns[i]?.name ?? '')} AS BLOB)`)
  const match = shape.key.map((name, i) => `t.${quoteName(name)} = $${i + 1}`)
  const [read] = await session.rawQuery(
    `SELECT ${bytes.join(', ')} FROM ${tableName(shape)} AS t WHERE ${match.join(' AND ')}`,
    key,
  )
  const checked: SourceValue[] = [...row]
  for (const [n, i] of suspects.entries()) {
    const value = read?.[n]
    if (value instanceof Uint8Array && !isUtf8(value)) checked[i] = new InvalidText(value)
  }
  return checked
}

export const isSuspect = (value: SourceValue): boolean =>
  typeof value === 'string' && value.includes('\ufffd')

/**
 * Writes rows over those that have the same key. Keys must be distinct.
 *
 * @throws Rejection where SQLite cannot hold a value (rows that {@link rowsByKeys} gave have been checked).
 */
export async function upsertRows(
  tx: ScriptSession,
  shape: TableShape,
  rows: readonly CanonicalRow[],
): Promise<void> {
  for (const part of parts(rows)) {
    if (tx.dialect === 'sqlite') {
      await tx.rawMany(
        sqliteUpsert(shape),
        part.map((row) => decodeRow(shape, row)),
      )
    } else {
      await tx.rawExecute(pgUpsert(shape), unnestParameters(part, shape.columns.length))
    }
  }
}

/** Deletes the rows that have these keys. Returns how many there were. */
export async function deleteKeys(
  tx: ScriptSession,
  shape: TableShape,
  keys: readonly Key[],
): Promise<number> {
  let deleted = 0
  for (const part of parts(keys)) {
    const { rowCount } = await (tx.dialect === 'sqlite'
      ? tx.rawMany(
          `DELETE FROM ${tableName(shape)} WHERE ${shape.key.map((name) => `${quoteName(name)} = ?`).join(' AND ')}`,
          part.map((key) => decodeKey(shape, key)),
        )
      : deleteInPg(tx, shape, part))
    deleted += rowCount
  }
  return deleted
}

function deleteInPg(
  tx: ScriptSession,
  shape: TableShape,
  keys: readonly Key[],
): Promise<{ rowCount: number }> {
  const { from, match } = pgKeys(shape)
  return tx.rawExecute(
    `DELETE FROM ${tableName(shape)} AS t USING ${from} WHERE ${match}`,
    unnestParameters(keys, shape.key.length),
  )
}

function* parts<T>(values: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < values.length; start += perStatement)
    yield values.slice(start, start + perStatement)
}
