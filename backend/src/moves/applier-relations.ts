import { unnestParameters } from '../db/pg-bulk.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import { codecOf, type Key, type TableShape } from '../db/transfer/index.ts'

/** A foreign key, its columns in the order of the parent's key. */
export interface Reference {
  readonly child: TableShape
  readonly parent: TableShape
  readonly columns: readonly string[]
}

/** Foreign keys among tables, as the live catalog has them. */
export async function readReferences(
  session: ScriptSession,
  shapes: readonly TableShape[],
): Promise<Reference[]> {
  const byName = new Map(shapes.map((shape) => [shape.table, shape]))
  const rows =
    session.dialect === 'sqlite'
      ? await sqliteReferences(session, shapes)
      : await pgReferences(session, shapes)
  return rows.flatMap(({ child, parent, from, to }) => {
    const [childShape, parentShape] = [byName.get(child), byName.get(parent)]
    if (!childShape || !parentShape) return []
    const columns = parentShape.key.flatMap((name) => from[to.indexOf(name)] ?? [])
    return columns.length === parentShape.key.length
      ? [{ child: childShape, parent: parentShape, columns }]
      : []
  })
}

interface CatalogReference {
  readonly child: string
  readonly parent: string
  readonly from: readonly string[]
  readonly to: readonly string[]
}

function pgReferences(session: ScriptSession, shapes: readonly TableShape[]): Promise<CatalogReference[]> {
  const names = (table: string, numbers: string) => `(
    SELECT jsonb_agg(a.attname ORDER BY k.place)
    FROM unnest(c.${numbers}) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute AS a ON a.attrelid = c.${table} AND a.attnum = k.number)`
  return session.query<CatalogReference>(
    `SELECT child.relname AS child, parent.relname AS parent,
       ${names('conrelid', 'conkey')} AS "from", ${names('confrelid', 'confkey')} AS "to"
     FROM pg_constraint AS c
     JOIN pg_class AS child ON child.oid = c.conrelid
     JOIN pg_class AS parent ON parent.oid = c.confrelid
     JOIN pg_namespace AS n ON n.oid = child.relnamespace
     WHERE c.contype = 'f' AND n.nspname = current_schema() AND child.relname = ANY ($1::TEXT[])
     ORDER BY c.oid`,
    unnestParameters(
      shapes.map(({ table }) => [table]),
      1,
    ),
  )
}

async function sqliteReferences(
  session: ScriptSession,
  shapes: readonly TableShape[],
): Promise<CatalogReference[]> {
  const found: CatalogReference[] = []
  for (const { table } of shapes) {
    const rows = await session.query<{ id: number; parent: string; from: string; to: string | null }>(
      `SELECT id, "table" AS parent, "from", "to" FROM pragma_foreign_key_list($1) ORDER BY id, seq`,
      [table],
    )
    for (const id of new Set(rows.map((row) => row.id))) {
      const columns = rows.filter((row) => row.id === id)
      const parent = columns[0]?.parent ?? ''
      // Without names it is the parent's key.
      const key = shapes.find((shape) => shape.table === parent)?.key ?? []
      const to = columns.map((column, i) => column.to ?? key[i] ?? '')
      found.push({ child: table, parent, from: columns.map((column) => column.from), to })
    }
  }
  return found
}

/** Values of some columns of a row, in their order; undefined when one of them is NULL. */
export function valuesOf(
  shape: TableShape,
  row: readonly (string | null)[],
  columns: readonly string[],
): string[] | undefined {
  const values = columns.map((name) => row[shape.columns.findIndex((column) => column.name === name)] ?? null)
  return values.every((value) => value !== null) ? values : undefined
}

/** Keys of the rows whose `columns` are one of `tuples` (canonical text), with the place of that tuple. */
export async function keysWhere(
  session: ScriptSession,
  shape: TableShape,
  columns: readonly string[],
  tuples: readonly (readonly string[])[],
): Promise<{ key: Key; place: number }[]> {
  if (tuples.length === 0) return []
  const held = shape.columns
  const codecs = (names: readonly string[]) =>
    names.flatMap((name) => {
      const column = held.find((each) => each.name === name)
      return column ? [{ ...codecOf(column), pgType: column.pgType }] : []
    })
  const keys = shape.key.map((name) => `t.${quoteName(name)}`).join(', ')
  const types = codecs(columns)
  if (session.dialect === 'sqlite') {
    const match = columns.map((name, i) => `t.${quoteName(name)} = (k.value ->> ${i})`).join(' AND ')
    const texts = tuples.map((tuple) => tuple.map((text, i) => String(types[i]?.decode(text))))
    const rows = await session.rawQuery(
      `SELECT k.key, ${keys} FROM json_each($1) AS k CROSS JOIN ${quoteName(shape.table)} AS t ON ${match}`,
      [JSON.stringify(texts)],
    )
    const keyCodecs = codecs(shape.key)
    return rows.map(([place, ...key]) => ({
      key: key.map((value, i) => keyCodecs[i]?.encode(value) ?? ''),
      place: Number(place),
    }))
  }
  const arrays = columns.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const names = columns.map((_, i) => `k${i}`).join(', ')
  const match = columns.map((name, i) => `t.${quoteName(name)} = k.k${i}::${types[i]?.pgType}`).join(' AND ')
  const rows = await session.rawQuery(
    `SELECT k.place, ${keys} FROM unnest(${arrays}) WITH ORDINALITY AS k (${names}, place)
     JOIN ${quoteName(shape.table)} AS t ON ${match}`,
    unnestParameters(tuples, columns.length),
  )
  return rows.map(([place, ...key]) => ({ key: key.map(String), place: Number(place) - 1 }))
}
