import type { Dialect, InsertManyOptions } from './app-db.ts'

const schemaVerb = /^\s*(?:--[^\n]*\n\s*)*(?:create|alter|drop)\b/i

/** True for DDL: what is known about column types is out of date afterwards. */
export function changesSchema(sql: string): boolean {
  return schemaVerb.test(sql)
}

const readingVerb = /^\s*(?:--[^\n]*\n\s*)*(?:select|values|(with))\b/i
const writingVerb = /\b(?:insert|update|delete|merge)\b/i
/** Texts are constants of the code, with a few that are put together. */
const knownTexts = 2_000
const reading = new Map<string, boolean>()

/** True for a statement that certainly writes nothing. WITH may hold a statement that does. */
export function readsOnly(sql: string): boolean {
  let reads = reading.get(sql)
  if (reads === undefined) {
    const verb = readingVerb.exec(sql)
    reads = verb !== null && (verb[1] === undefined || !writingVerb.test(sql))
    if (reading.size === knownTexts) reading.clear()
    reading.set(sql, reads)
  }
  return reads
}

/** A SELECT whose rows nobody else changes before the transaction ends. SQLite has one writer: its transaction does. */
export const forUpdate = (sql: string): Readonly<Record<Dialect, string>> => ({
  sqlite: sql,
  postgres: `${sql} FOR UPDATE`,
})

/** `schema.table` or `column` as quoted identifiers. */
export function quoteName(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.')
}

/** The ON CONFLICT clause of an INSERT, the same text for both engines; empty when conflicts are errors. */
export function conflictClause(onConflict: InsertManyOptions['onConflict']): string {
  if (onConflict === undefined) return ''
  if (onConflict === 'nothing') return 'ON CONFLICT DO NOTHING'
  const key = onConflict.key.map(quoteName).join(', ')
  const update = onConflict.update.map((column) => `${quoteName(column)} = excluded.${quoteName(column)}`)
  return `ON CONFLICT (${key}) DO UPDATE SET ${update.join(', ')}`
}
