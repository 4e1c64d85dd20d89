import { conflictClause, quoteName } from '../sql-text.ts'
import type { TableShape } from './types.ts'

// Texts of the statements on the rows of a table. `schema` is another place in PostgreSQL than the search path's.

export function tableName(shape: TableShape, schema?: string): string {
  return quoteName(schema === undefined ? shape.table : `${schema}.${shape.table}`)
}

export const columnNames = (shape: TableShape): readonly string[] => shape.columns.map(({ name }) => name)

/** The columns, qualified: an alias of the select list must not be taken for one. */
export const columnList = (shape: TableShape): string =>
  shape.columns.map(({ name }) => `t.${quoteName(name)}`).join(', ')

export const keyList = (shape: TableShape): string =>
  shape.key.map((name) => `t.${quoteName(name)}`).join(', ')

/** ON CONFLICT (key) DO UPDATE of everything else. */
export function upsertClause(shape: TableShape): string {
  const update = columnNames(shape).filter((name) => !shape.key.includes(name))
  return update.length === 0
    ? `ON CONFLICT (${shape.key.map(quoteName).join(', ')}) DO NOTHING`
    : conflictClause({ key: shape.key, update })
}

/** One row, its values as `?`. */
export function sqliteUpsert(shape: TableShape): string {
  const names = columnNames(shape).map(quoteName)
  const places = names.map(() => '?')
  return `INSERT INTO ${quoteName(shape.table)} (${names.join(', ')}) VALUES (${places.join(', ')}) ${upsertClause(shape)}`
}

const pgTypeOf = (shape: TableShape, name: string) =>
  shape.columns.find((column) => column.name === name)?.pgType ?? 'text'

/** Rows as one text array for each column, `$1` and on. */
export function pgUpsert(shape: TableShape, schema?: string): string {
  const names = columnNames(shape).map(quoteName).join(', ')
  const arrays = shape.columns.map(({ pgType }, i) => `$${i + 1}::${pgType}[]`).join(', ')
  return (
    `INSERT INTO ${tableName(shape, schema)} (${names}) ` +
    `SELECT ${names} FROM unnest(${arrays}) AS r (${names}) ${upsertClause(shape)}`
  )
}

/** Keys as one text array for each key column: `FROM …` and the condition that joins them to `t`. */
export function pgKeys(shape: TableShape): { readonly from: string; readonly match: string } {
  const arrays = shape.key.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const names = shape.key.map((_, i) => `k${i}`)
  const match = shape.key.map((name, i) => `t.${quoteName(name)} = k.k${i}::${pgTypeOf(shape, name)}`)
  return { from: `unnest(${arrays}) AS k (${names.join(', ')})`, match: match.join(' AND ') }
}
