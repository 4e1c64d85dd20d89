import type { AppDbSession } from './app-db.ts'
import { type Domain, domains, type TableSpec } from './domains.ts'
import { quoteName } from './sql-text.ts'

/**
 * Whether `db` holds rows of `domain` that would be missed in `other`: any row at all, or in a table that
 * migrations fill, a row that `other` does not have. Without `other`, such tables are left out.
 */
export async function hasOwnData(
  db: AppDbSession,
  other: AppDbSession | undefined,
  domain: Domain,
): Promise<boolean> {
  for (const [table, spec] of Object.entries(domains[domain].tables)) {
    if (spec.transient) continue
    if (!spec.seeded) {
      if (await hasRows(db, table)) return true
    } else if (other && (await differs(db, other, table, spec))) return true
  }
  return false
}

async function hasRows(db: AppDbSession, table: string): Promise<boolean> {
  return (await db.queryOne(`SELECT 1 AS found FROM ${quoteName(table)} LIMIT 1`)) !== undefined
}

async function differs(
  db: AppDbSession,
  other: AppDbSession,
  table: string,
  spec: TableSpec,
): Promise<boolean> {
  return (await contentOf(db, table, spec)) !== (await contentOf(other, table, spec))
}

/** All rows of a seeded table as one text, without the times at which they were written. */
async function contentOf(db: AppDbSession, table: string, spec: TableSpec): Promise<string> {
  const rows = await db.query(`SELECT * FROM ${quoteName(table)}`)
  const texts = rows.map((row) => {
    const timeless = Object.entries(row).filter(([name]) => !name.endsWith('_at'))
    return JSON.stringify([spec.key.map((column) => row[column]), sortKeys(Object.fromEntries(timeless))])
  })
  return texts.sort((a, b) => (a < b ? -1 : 1)).join('\n')
}

/** PostgreSQL keeps JSON keys in an order of its own. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, each]) => [key, sortKeys(each)]))
}
