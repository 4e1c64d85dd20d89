import type { AppDb } from '../db/app-db.ts'
import { readHistory } from '../db/migration-history.ts'

/** When the first and the last migration were applied; undefined where the database was never set up. */
export async function readMigrationTimes(
  db: AppDb,
): Promise<{ readonly firstMs: number; readonly lastMs: number } | undefined> {
  if ((await readHistory(db)).length === 0) return undefined
  const row = await db.queryOne<{ first: string; last: string }>(
    'SELECT min(m.applied_at) AS first, max(m.applied_at) AS last FROM _app_migrations AS m',
    [],
    { codecs: { first: 'timestamp', last: 'timestamp' } },
  )
  return row && { firstMs: Date.parse(row.first), lastMs: Date.parse(row.last) }
}
