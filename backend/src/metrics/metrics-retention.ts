import type { AppDb } from '../db/app-db.ts'
import { readRollupState } from './metrics.store.ts'
import { dropPartitions } from './metrics-partitions.ts'
import { applyTimescalePolicies } from './metrics-timescale.ts'
import { DAY_MS, keptDays, type MetricsRetention, type Resolution } from './resolution.ts'

/**
 * `seriesPerDelete`: series whose rows one statement deletes. It holds up other writers, and after a setting was
 * lowered there are months of rows: 20,000 to 200,000 are well under a second.
 */
const TABLES = [
  { resolution: 'raw', table: 'metrics', seriesPerDelete: 2 },
  { resolution: '1m', table: 'metrics_1m', seriesPerDelete: 4 },
  { resolution: '5m', table: 'metrics_5m', seriesPerDelete: 20 },
  { resolution: '1h', table: 'metrics_1h', seriesPerDelete: 20 },
  { resolution: '1d', table: 'metrics_1d', seriesPerDelete: 200 },
] as const satisfies readonly { resolution: Resolution; table: string; seriesPerDelete: number }[]

/**
 * Removes what `retention` no longer keeps: chunked deletes in SQLite, whole partitions in PostgreSQL, the
 * policies of the store in TimescaleDB (changed where they differ). Then forgets series that have no rows left.
 *
 * @param signal ends the run between two statements.
 */
export async function applyRetention(
  db: AppDb,
  retention: MetricsRetention,
  nowMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { keptBy } = await readRollupState(db)
  if (keptBy === 'timescaledb') await applyTimescalePolicies(db, retention)
  else {
    for (const { resolution, table, seriesPerDelete } of TABLES) {
      const beforeMs = nowMs - keptDays(resolution, retention) * DAY_MS
      const isDropped = table !== 'metrics_1d' && (await dropPartitions(db, table, beforeMs))
      if (!isDropped) await deleteBefore(db, { table, seriesPerDelete, beforeMs }, signal)
    }
  }
  if (signal?.aborted) return
  await db.execute(
    `
    DELETE FROM metric_series
    WHERE id IN (SELECT l.series_id FROM metric_latest AS l WHERE l.time_ms < $1)
    `,
    [nowMs - keptDays('1d', retention) * DAY_MS],
  )
}

async function deleteBefore(
  db: AppDb,
  { table, seriesPerDelete, beforeMs }: { table: string; seriesPerDelete: number; beforeMs: number },
  signal?: AbortSignal,
): Promise<void> {
  let after = 0
  while (!signal?.aborted) {
    const page = await db.query<{ id: number }>(
      'SELECT s.id FROM metric_series AS s WHERE s.id > $1 ORDER BY s.id LIMIT $2',
      [after, seriesPerDelete],
    )
    const last = page.at(-1)
    if (!last) return
    after = last.id
    // A list of ids, not a range: the key's second column can then bound each series by time.
    await db.execute(
      {
        sqlite: `DELETE FROM ${table} WHERE series_id IN (SELECT value FROM json_each($1)) AND time_ms < $2`,
        postgres: `
          DELETE FROM ${table}
          WHERE series_id IN (SELECT json_array_elements_text($1::JSON)::INTEGER) AND time_ms < $2`,
      },
      [JSON.stringify(page.map((row) => row.id)), beforeMs],
    )
  }
}
