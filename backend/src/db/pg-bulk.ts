import type { InsertManyOptions, SqlValue } from './app-db.ts'
import { DbError } from './db-errors.ts'
import { pgText } from './pg-values.ts'
import { conflictClause, quoteName } from './sql-text.ts'

type Rows = readonly (readonly SqlValue[])[]

/** One `$n` per column: an array literal with the column's value of each row. */
export function unnestParameters(rows: Rows, width: number): string[] {
  const literals: string[] = []
  for (let column = 0; column < width; column++) {
    let literal = '{'
    for (let i = 0; i < rows.length; i++) {
      const text = pgText(rows[i]?.[column] ?? null)
      if (i > 0) literal += ','
      literal += text === null ? 'NULL' : arrayElement(text)
    }
    literals.push(`${literal}}`)
  }
  return literals
}

const plainElement = /^[\w.:+-]+$/

function arrayElement(text: string): string {
  if (plainElement.test(text) && text.toUpperCase() !== 'NULL') return text
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** @param types SQL type of each column, as `format_type` gives it. */
export function unnestInsert(
  table: string,
  columns: readonly string[],
  types: readonly string[],
  onConflict: InsertManyOptions['onConflict'],
): string {
  const names = columns.map(quoteName)
  // An array type cannot be unnested without flattening it: such a column travels as text.
  const sent = types.map((type, i) => `$${i + 1}::${type.endsWith('[]') ? 'text' : type}[]`)
  const selected = names.map((name, i) => (types[i]?.endsWith('[]') ? `${name}::${types[i]}` : name))
  return (
    `INSERT INTO ${quoteName(table)} (${names.join(', ')}) ` +
    `SELECT ${selected.join(', ')} FROM unnest(${sent.join(', ')}) AS r (${names.join(', ')}) ` +
    conflictClause(onConflict)
  )
}

const rowsPerChunk = 100

/** Text-format COPY lines of `rows`, in chunks that let the server work while the next one is made. */
export function* copyChunks(rows: Rows): Generator<Buffer> {
  for (let start = 0; start < rows.length; start += rowsPerChunk) {
    let text = ''
    for (const row of rows.slice(start, start + rowsPerChunk)) {
      for (let i = 0; i < row.length; i++) {
        const value = pgText(row[i] ?? null)
        if (i > 0) text += '\t'
        text += value === null ? '\\N' : copyField(value)
      }
      text += '\n'
    }
    yield Buffer.from(text)
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function copyField(text: string): string {
  return /[\\\n\r\t]/.test(text) ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? '') : text
}

export function assertWidth(rows: Rows, width: number): void {
  for (const row of rows) {
    if (row.length !== width) {
      throw new DbError('invalid-value', `insertMany: a row has ${row.length} values for ${width} columns`)
    }
  }
}

/**
 * Splits `rows` so that no key comes twice in one part, in order. PostgreSQL refuses to update a row twice in
 * one statement, where SQLite updates it once for each.
 */
export function partsWithUniqueKeys(rows: Rows, columns: readonly string[], key: readonly string[]): Rows[] {
  const positions = key.map((column) => columns.indexOf(column))
  const seen = new Map<string, number>()
  const parts: (readonly SqlValue[])[][] = []
  for (const row of rows) {
    const id = positions.map((i) => pgText(row[i] ?? null)).join('\u0000')
    const index = seen.get(id) ?? 0
    seen.set(id, index + 1)
    const part = parts[index]
    if (part) part.push(row)
    else parts[index] = [row]
  }
  return parts
}

export function copyStatement(table: string, columns: readonly string[]): string {
  return `COPY ${quoteName(table)} (${columns.map(quoteName).join(', ')}) FROM STDIN`
}

/**
 * Statements that bring rows into `table` through a temporary table, within one transaction. The table stays
 * with its connection, empty between transactions: creating one each time costs more than a batch does.
 */
export function stagedInsert(
  table: string,
  staging: string,
  columns: readonly string[],
  onConflict: InsertManyOptions['onConflict'],
): { readonly create: string; readonly empty: string; readonly insert: string } {
  const names = columns.map(quoteName).join(', ')
  const from = quoteName(staging)
  return {
    create:
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${from} ON COMMIT DELETE ROWS ` +
      `AS SELECT ${names} FROM ${quoteName(table)} WITH NO DATA`,
    empty: `TRUNCATE ${from}`,
    insert: `INSERT INTO ${quoteName(table)} (${names}) SELECT ${names} FROM ${from} ${conflictClause(onConflict)}`,
  }
}
