import type { AppDb } from '../db/app-db.ts'
import { type Domain, domainNames, domains, type TableSpec } from '../db/domains.ts'
import { quoteName } from '../db/sql-text.ts'
import type { BackupLoss } from './backups.schema.ts'
import type { Manifest } from './manifest.ts'

type TableLoss = BackupLoss['tables'][number]

/**
 * What going back to a backup would lose, table by table: rows whose time is after it, and how many there are now and were
 * then. Tables in which nothing differs are left out.
 */
export async function countLoss(
  getAppDbFor: (domain: Domain) => AppDb,
  manifest: Manifest,
): Promise<TableLoss[]> {
  const tables = domainNames.flatMap((domain) =>
    Object.entries<TableSpec>(domains[domain].tables)
      .filter(([, spec]) => !spec.transient)
      .map(([table, spec]) => ({ domain, table, spec })),
  )
  const losses: TableLoss[] = []
  for (const { domain, table, spec } of tables) {
    const placement = manifest.placements.find((each) => each.domain === domain)?.placement
    const restored = placement && manifest[placement]?.tables.find((each) => each.table === table)?.rows
    const { current, newer } = await countNow(getAppDbFor(domain), table, spec.time, manifest.createdAt)
    if (newer || current !== (restored ?? 0)) {
      losses.push({ table, domain, newer, current, restored: restored ?? 0 })
    }
  }
  return losses
}

async function countNow(
  db: AppDb,
  table: string,
  time: string | undefined,
  since: string,
): Promise<{ current: number; newer: number | null }> {
  const name = quoteName(table)
  if (time === undefined) {
    const row = await db.queryOne<{ current: number }>(`SELECT count(*) AS current FROM ${name}`)
    return { current: Number(row?.current ?? 0), newer: null }
  }
  const after = time.endsWith('_ms') ? Date.parse(since) : since
  const row = await db.queryOne<{ current: number; newer: number }>(
    `SELECT count(*) AS current, count(CASE WHEN ${quoteName(time)} > $1 THEN 1 END) AS newer FROM ${name}`,
    [after],
  )
  return { current: Number(row?.current ?? 0), newer: Number(row?.newer ?? 0) }
}
