import { migrate } from '../db/migrate.ts'
import type { ScriptSession, SqlStore } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { type CanonicalRow, encodeRow, isReject, keyOf, type TableShape } from '../db/transfer/index.ts'
import { type Side, storeTitle } from './unit.ts'

const KEYS_NAMED = 3

/** Why a mirror cannot be made where the target holds rows of its own: none when it does not. */
export async function reasonsOfRows(target: Side, shapes: readonly TableShape[]): Promise<string[]> {
  const occupied = await occupiedTables(target.store, shapes)
  if (occupied.length === 0) return []
  return [
    `${storeTitle[target.name]} holds rows of its own in ${occupied.join(', ')}: they would be overwritten. ` +
      'Empty these tables, or delete the rows that are named, first',
  ]
}

/**
 * Tables of the target that hold rows of their own, for people. Rows that migrations put there are none while they
 * are untouched; of a table with others, their keys are named.
 */
async function occupiedTables(store: SqlStore, shapes: readonly TableShape[]): Promise<string[]> {
  const occupied: string[] = []
  for (const { table, seeded, transient } of shapes) {
    if (seeded || transient) continue
    const row = await store.db.queryOne(`SELECT 1 AS found FROM ${quoteName(table)} LIMIT 1`)
    if (row) occupied.push(table)
  }
  const filled = shapes.filter(({ seeded, transient }) => seeded && !transient)
  if (filled.length === 0) return occupied
  const seeds = await seedsOf(filled)
  const held = await store.snapshot((session) => textsOf(session, filled))
  for (const { table } of filled) {
    const own = [...(held.get(table) ?? [])].filter(([key, text]) => seeds.get(table)?.get(key) !== text)
    if (own.length > 0) occupied.push(`${table} (${named(own.map(([key]) => key))})`)
  }
  return occupied
}

function named(keys: readonly string[]): string {
  const more = keys.length > KEYS_NAMED ? ` and ${keys.length - KEYS_NAMED} more` : ''
  return keys.slice(0, KEYS_NAMED).join(', ') + more
}

/** Rows by table and key, each as one text without the times at which it was written. */
type Texts = ReadonlyMap<string, ReadonlyMap<string, string>>

/** What every installation of this version starts with: read from a database that is made for it in memory. */
async function seedsOf(shapes: readonly TableShape[]): Promise<Texts> {
  const store = await openSqliteStore({ path: ':memory:' })
  try {
    await migrate(store)
    return await store.connection((session) => textsOf(session, shapes))
  } finally {
    await store.close()
  }
}

async function textsOf(session: ScriptSession, shapes: readonly TableShape[]): Promise<Texts> {
  const tables = new Map<string, Map<string, string>>()
  for (const shape of shapes) {
    const columns = shape.columns.map(({ name }) => quoteName(name)).join(', ')
    const rows = await session.rawQuery(`SELECT ${columns} FROM ${quoteName(shape.table)}`)
    const texts = new Map<string, string>()
    for (const raw of rows) {
      // PostgreSQL prints its values in canonical form. A row that has none is nobody's seed.
      const row = session.dialect === 'sqlite' ? encodeRow(shape, raw) : raw.map(asText)
      if (isReject(row)) texts.set(row.key, 'none')
      else texts.set(keyOf(shape, row).join(' '), timeless(shape, row))
    }
    tables.set(shape.table, texts)
  }
  return tables
}

const asText = (value: unknown) => (typeof value === 'string' ? value : null)

const timeless = (shape: TableShape, row: CanonicalRow) =>
  JSON.stringify(row.filter((_, i) => shape.columns[i]?.kind !== 'timestamp'))
