import { type Domain, domains, type TableSpec } from '../db/domains.ts'
import { migrate } from '../db/migrate.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import type { CanonicalRow, ColumnKind, ColumnShape, TableShape } from '../db/transfer/index.ts'
import { codecOf } from '../db/transfer/index.ts'
import { quoted } from './legacy-file.ts'

/** The schema of this version, and the rows with which every installation starts. */
export interface Schema {
  readonly shapes: ReadonlyMap<string, TableShape>
  /** Rows that migrations put into `table`, by key. */
  readonly seeds: ReadonlyMap<string, ReadonlyMap<string, CanonicalRow>>
}

const kinds: Readonly<Record<string, { readonly kind: ColumnKind; readonly pgType: string }>> = {
  TEXT: { kind: 'text', pgType: 'text' },
  INTEGER: { kind: 'integer', pgType: 'integer' },
  BIGINT: { kind: 'integer', pgType: 'bigint' },
  BOOLEAN: { kind: 'boolean', pgType: 'boolean' },
  'DOUBLE PRECISION': { kind: 'float', pgType: 'double precision' },
  'TIMESTAMPTZ TEXT': { kind: 'timestamp', pgType: 'timestamp with time zone' },
  'JSONB TEXT': { kind: 'json', pgType: 'jsonb' },
}

/**
 * Reads the schema from a database that is made for it in memory: both engines have the same tables, and the
 * installation may have only one of them.
 */
export async function readSchema(tables: readonly string[]): Promise<Schema> {
  const store = await openSqliteStore({ path: ':memory:' })
  try {
    await migrate(store)
    return await store.connection(async (session) => {
      const shapes = new Map<string, TableShape>()
      const seeds = new Map<string, ReadonlyMap<string, CanonicalRow>>()
      for (const table of tables) {
        const shape = await readShape(session, table)
        shapes.set(table, shape)
        if (shape.seeded) seeds.set(table, await readAll(session, shape))
      }
      return { shapes, seeds }
    })
  } finally {
    await store.close()
  }
}

async function readShape(session: ScriptSession, table: string): Promise<TableShape> {
  const { domain, spec } = specOf(table)
  const columns = await session.query<{ name: string; type: string; notnull: number; pk: number }>(
    'SELECT c.name, c.type, c."notnull", c.pk FROM pragma_table_info($1) AS c ORDER BY c.cid',
    [table],
  )
  const parents = await session.query<{ parent: string }>(
    'SELECT DISTINCT f."table" AS parent FROM pragma_foreign_key_list($1) AS f ORDER BY 1',
    [table],
  )
  return {
    table,
    domain,
    columns: columns.map((column) => columnShape(table, column, spec.identity)),
    key: spec.key,
    parents: parents.map((row) => row.parent),
    uniques: [],
    ...(spec.identity === undefined ? {} : { identity: spec.identity }),
    ...(spec.time === undefined ? {} : { time: spec.time }),
    ...(spec.seeded ? { seeded: true } : {}),
  }
}

function specOf(table: string): { domain: Domain; spec: TableSpec } {
  for (const [domain, { tables }] of Object.entries(domains) as [Domain, (typeof domains)[Domain]][]) {
    const spec = tables[table]
    if (spec) return { domain, spec }
  }
  throw new Error(`No domain has the table ${table}`)
}

function columnShape(
  table: string,
  column: { name: string; type: string; notnull: number; pk: number },
  identity: string | undefined,
): ColumnShape {
  // The number of a row has 64 bits whatever it is called.
  const known = kinds[column.name === identity ? 'BIGINT' : column.type]
  if (!known) throw new Error(`${table}.${column.name} has a type that is not known here: ${column.type}`)
  const bits = known.pgType === 'integer' ? 31n : 63n
  return {
    name: column.name,
    ...known,
    ...(known.kind === 'integer' ? { min: -(2n ** bits), max: 2n ** bits - 1n } : {}),
    nullable: column.notnull === 0 && column.pk === 0,
  }
}

async function readAll(session: ScriptSession, shape: TableShape): Promise<Map<string, CanonicalRow>> {
  const names = shape.columns.map((column) => quoted(column.name)).join(', ')
  const codecs = shape.columns.map(codecOf)
  const rows = await session.rawQuery(`SELECT ${names} FROM ${quoted(shape.table)}`)
  const key = shape.columns.findIndex((column) => column.name === shape.key[0])
  return new Map(
    rows.map((raw) => {
      const row = raw.map((value, index) => codecs[index]?.encode(value) ?? null)
      return [row[key] ?? '', row]
    }),
  )
}
