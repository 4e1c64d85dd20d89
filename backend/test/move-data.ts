import { type AppDb, type AppDbSession, json, type SqlValue } from '../src/db/app-db.ts'
import type { Domain } from '../src/db/domains.ts'
import { quoteName } from '../src/db/sql-text.ts'
import type { ColumnShape, TableShape } from '../src/db/transfer/index.ts'

/** Numbers in [0, 1) that are the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export const pick = <T>(random: () => number, from: readonly T[]): T => {
  const found = from[Math.floor(random() * from.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

/** A table with what its rows must obey, as the PostgreSQL catalog says. */
export interface RowRules {
  readonly shape: TableShape
  /** Allowed values of a column with a CHECK (… IN …). */
  readonly allowed: ReadonlyMap<string, readonly string[]>
  /** Column → the table and column that it refers to. */
  readonly references: ReadonlyMap<string, { readonly table: string; readonly column: string }>
}

interface ConstraintRow {
  type: string
  definition: string
}

/** Reads what rows of `shapes` must obey; `postgres` is the migrated database of the test. */
export async function readRules(postgres: AppDb, shapes: readonly TableShape[]): Promise<RowRules[]> {
  const rules: RowRules[] = []
  for (const shape of shapes) {
    const constraints = await postgres.query<ConstraintRow>(
      `
      SELECT c.contype AS type, pg_get_constraintdef(c.oid) AS definition
      FROM pg_constraint AS c
      WHERE c.conrelid = $1::TEXT::REGCLASS AND c.contype IN ('c', 'f')
      `,
      [shape.table],
    )
    const allowed = new Map<string, string[]>()
    const references = new Map<string, { table: string; column: string }>()
    for (const { type, definition } of constraints) {
      if (type === 'f') {
        const found = /FOREIGN KEY \((\w+)\) REFERENCES (\w+)\((\w+)\)/.exec(definition)
        if (found?.[1] && found[2] && found[3])
          references.set(found[1], { table: found[2], column: found[3] })
        continue
      }
      const column = /CHECK \(\(\(?(\w+) = ANY/.exec(definition)?.[1]
      const values = [...definition.matchAll(/'([^']*)'::text/g)].map((match) => match[1] ?? '')
      if (column && values.length > 0) allowed.set(column, values)
    }
    rules.push({ shape, allowed, references })
  }
  return rules
}

let counter = 0

/** A row that its table takes. `keysOf` gives existing values of a column that others refer to. */
export function randomRow(
  random: () => number,
  { shape, allowed, references }: RowRules,
  valuesOf: (table: string, column: string) => readonly SqlValue[],
): SqlValue[] {
  const unique = new Set([...shape.key, ...shape.uniques.flat()])
  return shape.columns.map((column) => {
    const choices = allowed.get(column.name)
    if (choices) return pick(random, choices)
    const reference = references.get(column.name)
    if (reference) {
      const values = valuesOf(reference.table, reference.column)
      if (values.length > 0 && (!column.nullable || random() < 0.8)) return pick(random, values)
      if (column.nullable) return null
      throw new Error(`${shape.table}.${column.name} has nothing to refer to`)
    }
    if (column.nullable && !unique.has(column.name) && random() < 0.2) return null
    // Partitions exist for a day or two around now.
    if (column.kind === 'integer' && column.name === shape.time) return Date.now() - ++counter * 7
    return randomValue(random, column, unique.has(column.name))
  })
}

function randomValue(random: () => number, column: ColumnShape, unique: boolean): SqlValue {
  switch (column.kind) {
    case 'text':
      return unique ? `${column.name}-${++counter}-${Math.floor(random() * 1e9)}` : randomText(random)
    case 'integer':
      if (unique) return ++counter
      return column.pgType === 'bigint' && random() < 0.2
        ? Math.floor(random() * 2 ** 52)
        : Math.floor(random() * 100_000)
    case 'float':
      return pick(random, [0, 1, -1.5, 1e300, 1e-300, 0.1 + 0.2, random() * 1e6, 2 ** 53 + 2])
    case 'boolean':
      return random() < 0.5
    case 'timestamp':
      return new Date(1_600_000_000_000 + Math.floor(random() * 2e11)).toISOString()
    case 'json':
      return json(randomJson(random, 0))
    case 'bytes':
      return Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256))
  }
}

const WORDS = [
  '',
  'a',
  'web-1',
  "it's",
  'Ünïcode 🦦',
  'tab\tand\nline',
  'back\\slash',
  '\\N',
  '%s',
  '{"a":1}',
  '  ',
] as const

function randomText(random: () => number): string {
  const word = pick(random, WORDS)
  return random() < 0.02
    ? word + 'x'.repeat(Math.floor(random() * 20_000))
    : `${word}${Math.floor(random() * 1_000)}`
}

function randomJson(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 2 ? 5 : 7))
  switch (kind) {
    case 0:
      return null
    case 1:
      return random() < 0.5
    case 2:
      return pick(random, [0, 1.5, -7, 1e21, 1e-7, 123456789012345, 0.1])
    case 3:
    case 4:
      return randomText(random)
    case 5:
      return Array.from({ length: Math.floor(random() * 4) }, () => randomJson(random, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 4) }, () => [
          pick(random, ['b', 'a', 'aa', 'B', 'ä', 'key with space']),
          randomJson(random, depth + 1),
        ]),
      )
  }
}

/** Puts `perTable` rows into each table, parents first. */
export async function fillTables(
  random: () => number,
  rules: readonly RowRules[],
  dbOf: (domain: Domain) => AppDb,
  perTable: number,
): Promise<void> {
  for (const rule of rules) {
    const { shape } = rule
    const db = dbOf(shape.domain)
    const known = await referencedValues(db, rule)
    const rows = Array.from({ length: perTable }, () => randomRow(random, rule, known))
    await db.insertMany(
      shape.table,
      shape.columns.map(({ name }) => name),
      rows,
      { onConflict: 'nothing' },
    )
  }
}

/** Values that the columns of `rule` may refer to. */
export async function referencedValues(
  session: AppDbSession,
  rule: RowRules,
): Promise<(table: string, column: string) => readonly SqlValue[]> {
  const values = new Map<string, SqlValue[]>()
  for (const { table, column } of rule.references.values()) {
    const rows = await session.query<{ value: SqlValue }>(
      `SELECT t.${quoteName(column)} AS value FROM ${quoteName(table)} AS t ORDER BY 1 LIMIT 200`,
    )
    values.set(
      `${table}.${column}`,
      rows.map((row) => row.value),
    )
  }
  return (table, column) => values.get(`${table}.${column}`) ?? []
}
