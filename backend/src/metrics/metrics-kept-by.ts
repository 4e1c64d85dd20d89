import type { AppDbSession } from '../db/app-db.ts'
import { ensurePartitions } from '../db/pg-partitions.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { readRollupState } from './metrics.store.ts'
import { DAY_MS, ROLLUPS } from './resolution.ts'

const TABLES = ['metrics', ...ROLLUPS.map(({ table }) => table)] as const
/** Read from their keys alone by long charts of all containers: see migration 021. */
const COVERED = new Set<string>(['metrics_1h', 'metrics_1d'])
const NOT_PARTITIONED = new Set<string>(['metrics_1d'])

/**
 * Makes TimescaleDB's hypertable and continuous aggregates plain tables again, with all their rows, kept by the
 * product's own job from then on. An aggregate takes no rows from elsewhere and logs no changes, so metrics that
 * move, in either direction, are such tables in both stores. Samples that arrive meanwhile wait in metrics_recent.
 * Does nothing where they are tables already.
 */
export async function keepByProduct(store: SqlStore): Promise<void> {
  if (store.db.dialect === 'sqlite' || (await readRollupState(store.db)).keptBy === 'product') return
  await store.transaction(async (tx) => {
    await tx.execute('SET LOCAL statement_timeout = 0')
    await tx.query('SELECT r.level FROM metric_rollups AS r FOR UPDATE')
    if ((await readRollupState(tx)).keptBy === 'product') return
    for (const table of TABLES) {
      const kind = table === 'metrics' ? 'TABLE' : 'MATERIALIZED VIEW'
      await tx.execute(`ALTER ${kind} ${table} RENAME TO ${old(table)}`)
    }
    for (const table of TABLES) await takeOver(tx, table)
    // Each aggregate is made from the one before.
    for (const { table } of ROLLUPS.toReversed()) await tx.execute(`DROP MATERIALIZED VIEW ${old(table)}`)
    await tx.execute(`DROP TABLE ${old('metrics')}`)
    await tx.execute('DROP FUNCTION IF EXISTS metrics_now_ms()')
    await tx.execute(`UPDATE metric_rollups SET kept_by = 'product'`)
  })
}

const old = (table: string) => `_old_${table}`

/** What the old one shows, the newest included, which an aggregate makes while it is read. */
async function takeOver(tx: AppDbSession, table: (typeof TABLES)[number]): Promise<void> {
  const values =
    table === 'metrics'
      ? 'value DOUBLE PRECISION NOT NULL'
      : `min DOUBLE PRECISION NOT NULL, max DOUBLE PRECISION NOT NULL, sum DOUBLE PRECISION NOT NULL,
         count BIGINT NOT NULL`
  const include = COVERED.has(table) ? ' INCLUDE (min, max, sum, count)' : ''
  const partitions = NOT_PARTITIONED.has(table) ? '' : ' PARTITION BY RANGE (time_ms)'
  await tx.execute(
    `CREATE TABLE ${table} (
       series_id INTEGER NOT NULL, time_ms BIGINT NOT NULL, ${values}, PRIMARY KEY (series_id, time_ms)${include}
     )${partitions}`,
  )
  const extent = await tx.queryOne<{ first: number | null; last: number | null }>(
    `SELECT min(o.time_ms) AS first, max(o.time_ms) AS last FROM ${old(table)} AS o`,
  )
  if (extent?.first === null || extent?.first === undefined || extent.last === null) return
  await ensurePartitions(tx, [table], extent.first, extent.last + DAY_MS)
  const columns =
    table === 'metrics' ? 'series_id, time_ms, value' : 'series_id, time_ms, min, max, sum, count'
  await tx.execute(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${old(table)}`)
  // The newest bucket is made once more by the next settling, from whatever it has by then.
  const level = ROLLUPS.find((rollup) => rollup.table === table)?.level
  if (level) {
    await tx.execute('UPDATE metric_rollups SET watermark_ms = $2 WHERE level = $1', [level, extent.last])
  }
}
