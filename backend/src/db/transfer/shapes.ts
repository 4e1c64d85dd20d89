import type { AppDbSession } from '../app-db.ts'
import { type Domain, domains, type TableSpec } from '../domains.ts'
import type { SqlStore } from '../sql-store.ts'
import { quoteName } from '../sql-text.ts'
import { listSavedIndexes } from './ledger.ts'
import { isKeyText } from './pg-indexes.ts'
import { type ColumnKind, type ColumnShape, SchemaDriftError, type TableShape } from './types.ts'

const kinds: Readonly<Record<string, { readonly kind: ColumnKind; readonly sqlite: readonly string[] }>> = {
  text: { kind: 'text', sqlite: ['TEXT'] },
  integer: { kind: 'integer', sqlite: ['INTEGER'] },
  bigint: { kind: 'integer', sqlite: ['INTEGER', 'BIGINT'] },
  'double precision': { kind: 'float', sqlite: ['DOUBLE PRECISION'] },
  boolean: { kind: 'boolean', sqlite: ['BOOLEAN'] },
  'timestamp with time zone': { kind: 'timestamp', sqlite: ['TIMESTAMPTZ TEXT'] },
  jsonb: { kind: 'json', sqlite: ['JSONB TEXT'] },
  bytea: { kind: 'bytes', sqlite: ['BLOB'] },
}

const bounds: Readonly<Record<string, readonly [bigint, bigint]>> = {
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
}

/**
 * The tables of `names` as both live catalogs have them, parents before children. A table that PostgreSQL makes
 * out of others (a continuous aggregate of TimescaleDB) is left out: nothing can be written to it.
 *
 * @throws SchemaDriftError naming table and column where the two stores do not match each other.
 */
export async function readTableShapes(
  sqlite: SqlStore,
  postgres: SqlStore,
  names: readonly Domain[],
): Promise<TableShape[]> {
  const specs = names.flatMap((domain) =>
    Object.entries<TableSpec>(domains[domain].tables).map(([table, spec]) => ({ domain, table, spec })),
  )
  const tables = specs.map(({ table }) => table)
  const live = await readPostgres(postgres.db, tables)
  // A copy that is under way may have put a key aside.
  const isKeyless = [...live.values()].some(({ key, isView }) => !isView && key.length === 0)
  const saved = isKeyless ? await listSavedIndexes(postgres.db) : []
  const keyless = new Set(saved.flatMap(({ table, texts }) => (texts.some(isKeyText) ? [table] : [])))
  const shapes: TableShape[] = []
  for (const { domain, table, spec } of specs) {
    const found = live.get(table)
    if (!found) throw new SchemaDriftError(`PostgreSQL has no table ${table}: run the migrations`)
    if (found.isView) continue
    const columns = matchedColumns(table, await readSqlite(sqlite.db, table), found)
    if (!(keyless.has(table) && found.key.length === 0)) assertKey(table, spec.key, found.key)
    shapes.push({
      table,
      domain,
      columns,
      key: spec.key,
      parents: found.parents.filter((parent) => parent !== table && tables.includes(parent)),
      uniques: found.uniques,
      ...(spec.identity === undefined ? {} : { identity: spec.identity }),
      ...(spec.time === undefined ? {} : { time: spec.time }),
      ...(spec.partition !== undefined && found.isPartitioned ? { partition: spec.partition } : {}),
      ...(spec.seeded ? { seeded: true } : {}),
      ...(spec.transient ? { transient: true } : {}),
    })
  }
  return parentsFirst(shapes)
}

interface SqliteColumn {
  readonly name: string
  readonly type: string
  readonly required: boolean
}

async function readSqlite(db: AppDbSession, table: string): Promise<SqliteColumn[]> {
  const rows = await db.query<{ name: string; type: string; notnull: number; pk: number }>(
    'SELECT c.name, c.type, c."notnull", c.pk FROM pragma_table_info($1) AS c ORDER BY c.cid',
    [table],
  )
  if (rows.length === 0) throw new SchemaDriftError(`SQLite has no table ${table}: run the migrations`)
  const keys = rows.filter(({ pk }) => pk > 0)
  return rows.map(({ name, type, notnull, pk }) => ({
    name,
    type: type.toUpperCase(),
    // The number of a row is never null; SQLite does not say so of its column.
    required: notnull === 1 || (pk > 0 && keys.length === 1 && type.toUpperCase() === 'INTEGER'),
  }))
}

interface PostgresTable {
  readonly isView: boolean
  readonly isPartitioned: boolean
  readonly columns: readonly { readonly name: string; readonly type: string; readonly required: boolean }[]
  readonly key: readonly string[]
  readonly parents: readonly string[]
  readonly uniques: readonly (readonly string[])[]
}

async function readPostgres(
  db: AppDbSession,
  tables: readonly string[],
): Promise<Map<string, PostgresTable>> {
  const rows = await db.query<PostgresTable & { name: string }>(
    `
    SELECT c.relname AS name, c.relkind IN ('v', 'm') AS "isView", c.relkind = 'p' AS "isPartitioned",
      (
        SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'required', a.attnotnull) ORDER BY a.attnum)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      ) AS columns,
      COALESCE((
        SELECT json_agg(a.attname ORDER BY k.position)
        FROM pg_index AS i, unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, position)
        JOIN pg_attribute AS a ON a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
      ), '[]') AS key,
      COALESCE((
        SELECT json_agg(DISTINCT p.relname)
        FROM pg_constraint AS f
        JOIN pg_class AS p ON p.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f'
      ), '[]') AS parents,
      COALESCE((
        SELECT json_agg(u.columns ORDER BY u.name)
        FROM (
          SELECT x.relname AS name, json_agg(a.attname ORDER BY k.position) AS columns
          FROM pg_index AS i
          JOIN pg_class AS x ON x.oid = i.indexrelid
          CROSS JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, position)
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
          WHERE i.indrelid = c.oid AND i.indisunique AND NOT i.indisprimary
          GROUP BY x.relname
        ) AS u
      ), '[]') AS uniques
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY ($1::text[])
      AND c.relkind IN ('r', 'p', 'v', 'm')
    `,
    [`{${tables.map(quoteName).join(',')}}`],
  )
  return new Map(rows.map((row) => [row.name, row]))
}

function matchedColumns(
  table: string,
  sqlite: readonly SqliteColumn[],
  postgres: PostgresTable,
): ColumnShape[] {
  const known = new Set(postgres.columns.map(({ name }) => name))
  const extra = sqlite.find(({ name }) => !known.has(name))
  if (extra) throw new SchemaDriftError(`${table}.${extra.name} is in SQLite only`)
  return postgres.columns.map(({ name, type, required }) => {
    const twin = sqlite.find((column) => column.name === name)
    if (!twin) throw new SchemaDriftError(`${table}.${name} is in PostgreSQL only`)
    const known = kinds[type]
    if (!known?.sqlite.includes(twin.type)) {
      throw new SchemaDriftError(`${table}.${name} is ${type} in PostgreSQL and ${twin.type} in SQLite`)
    }
    if (postgres.key.includes(name) && !(required && twin.required)) {
      throw new SchemaDriftError(`${table}.${name} is part of the key and may be null`)
    }
    const range = bounds[type]
    return {
      name,
      kind: known.kind,
      pgType: type,
      ...(range ? { min: range[0], max: range[1] } : {}),
      nullable: !required && !twin.required,
    }
  })
}

function assertKey(table: string, wanted: readonly string[], found: readonly string[]): void {
  if (wanted.join() === found.join()) return
  throw new SchemaDriftError(
    `The key of ${table} is (${found.join(', ')}) in PostgreSQL and not (${wanted.join(', ')})`,
  )
}

/** Each table after those that it references, otherwise in the order given. */
function parentsFirst(shapes: readonly TableShape[]): TableShape[] {
  const sorted: TableShape[] = []
  let waiting = [...shapes]
  while (waiting.length > 0) {
    const placed = new Set(sorted.map(({ table }) => table))
    const present = new Set(waiting.map(({ table }) => table))
    const free = waiting.filter(({ parents }) =>
      parents.every((parent) => placed.has(parent) || !present.has(parent)),
    )
    if (free.length === 0) {
      throw new SchemaDriftError(
        `${waiting.map(({ table }) => table).join(', ')} reference each other in a circle`,
      )
    }
    sorted.push(...free)
    waiting = waiting.filter((shape) => !free.includes(shape))
  }
  return sorted
}
