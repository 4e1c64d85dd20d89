import type { AppDb } from '../db/app-db.ts'
import { readRollupState } from './metrics.store.ts'
import { dropPartitions } from './metrics-partitions.ts'
import { applyTimescalePolicies } from './metrics-timescale.ts'
import { DAY_MS, keptDays, type MetricsRetention, type Resolution } from './resolution.ts'

/** Series whose rows are deleted by one statement: at 20 a year of hours is 175,000 rows, well under a second. */
const SERIES_PER_DELETE = 20

const TABLES = [
  { resolution: 'raw', table: 'metrics' },
  { resolution: '1m', table: 'metrics_1m' },
  { resolution: '5m', table: 'metrics_5m' },
  { resolution: '1h', table: 'metrics_1h' },
  { resolution: '1d', table: 'metrics_1d' },
] as const satisfies readonly { resolution: Resolution; table: string }[]

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
    for (const { resolution, table } of TABLES) {
      const beforeMs = nowMs - keptDays(resolution, retention) * DAY_MS
      if (db.dialect === 'postgres' && table !== 'metrics_1d') await dropPartitions(db, table, beforeMs)
      else await deleteBefore(db, table, beforeMs, signal)
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

async function deleteBefore(db: AppDb, table: string, beforeMs: number, signal?: AbortSignal): Promise<void> {
  let after = 0
  while (!signal?.aborted) {
    const page = await db.query<{ id: number }>(
      'SELECT s.id FROM metric_series AS s WHERE s.id > $1 ORDER BY s.id LIMIT $2',
      [after, SERIES_PER_DELETE],
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
