import type { AppDb, AppDbSession } from '../db/app-db.ts'
import { type RollupState, readRollupState } from './metrics.store.ts'
import { ensurePartitions } from './metrics-partitions.ts'
import { bucketStart, MINUTE_MS, ROLLUPS, type Rollup, type RollupLevel, rollupOf } from './resolution.ts'

/** A sample this late still comes before its minute is rolled up; a later one has its buckets made again. */
const GRACE_MS = 30_000
/** Samples are moved in turns of at most this much time and this many rows, so that other writers get theirs. */
const TURN_MS = 5 * MINUTE_MS
const TURN_ROWS = 20_000
/** A rollup that is far behind catches up in turns of this many buckets per series. */
const TURN_BUCKETS = 288

export interface SettleReport {
  readonly movedSamples: number
}

/**
 * Keeps the rollups where no TimescaleDB does: moves recent samples into metrics, makes the one-minute
 * buckets they touch from all their samples there, and each coarser rollup from the one before as its
 * buckets end. Every step is one transaction and does nothing when done twice; a crash loses none.
 */
export function createMetricsRollup(db: AppDb) {
  return {
    /**
     * Brings everything up to `nowMs`. Safe to run in several processes at once.
     *
     * @param signal ends the run after the turn under way.
     */
    async settle(nowMs: number, signal?: AbortSignal): Promise<SettleReport> {
      const { keptBy, watermarks } = await readRollupState(db)
      const cutoff = bucketStart(nowMs - GRACE_MS, MINUTE_MS)
      if (keptBy === 'product') await ensurePartitions(db, nowMs)

      let movedSamples = 0
      // Each turn starts where there is something: between two samples may lie years of a wrong clock.
      for (
        let oldest = await oldestRecent(db);
        oldest !== undefined && oldest < cutoff && !signal?.aborted;
        oldest = await oldestRecent(db)
      ) {
        const from = Math.max(oldest, watermarks['1m'])
        movedSamples += await moveBefore(db, Math.min(cutoff, bucketStart(from, MINUTE_MS) + TURN_MS), keptBy)
      }
      if (keptBy === 'product' && !signal?.aborted) {
        await raiseWatermark(db, '1m', cutoff)
        for (const rollup of ROLLUPS.slice(1)) await advance(db, rollup, signal)
      }
      return { movedSamples }
    },
  }
}

async function oldestRecent(session: AppDbSession): Promise<number | undefined> {
  const row = await session.queryOne<{ time_ms: number }>(
    'SELECT r.time_ms FROM metrics_recent AS r ORDER BY r.time_ms LIMIT 1',
  )
  return row?.time_ms
}

/** Moves all recent samples before `cutoff`, some series at a time. */
async function moveBefore(db: AppDb, cutoff: number, keptBy: RollupState['keptBy']): Promise<number> {
  const extent = await db.queryOne<{
    rows: number
    first: number | null
    last: number | null
    oldest: number
  }>(
    `
    SELECT count(*) AS rows, min(r.series_id) AS first, max(r.series_id) AS last, min(r.time_ms) AS oldest
    FROM metrics_recent AS r
    WHERE r.time_ms < $1
    `,
    [cutoff],
  )
  if (!extent || extent.first === null || extent.last === null) return 0
  if (keptBy === 'product') await ensurePartitions(db, extent.oldest)
  const turns = Math.ceil(extent.rows / TURN_ROWS)
  const width = Math.ceil((extent.last - extent.first + 1) / turns)
  let moved = 0
  for (let first = extent.first; first <= extent.last; first += width) {
    moved += await db.transaction((tx) => moveTurn(tx, [cutoff, first, first + width - 1], keptBy))
  }
  return moved
}

type Turn = [cutoff: number, firstSeries: number, lastSeries: number]

const IN_TURN = 'n.time_ms < $1 AND n.series_id BETWEEN $2 AND $3'

async function moveTurn(tx: AppDbSession, turn: Turn, keptBy: RollupState['keptBy']): Promise<number> {
  // All statements see the same samples: one that arrives meanwhile is neither rolled up nor deleted.
  if (tx.dialect === 'postgres') await tx.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  const { watermarks } = await lockRollups(tx)
  await tx.execute(
    `
    INSERT INTO metrics (series_id, time_ms, value)
    SELECT n.series_id, n.time_ms, n.value
    FROM metrics_recent AS n
    WHERE ${IN_TURN}
    ORDER BY n.series_id, n.time_ms
    ON CONFLICT (series_id, time_ms) DO UPDATE SET value = excluded.value
    `,
    turn,
  )
  if (keptBy === 'product') {
    await remake(tx, rollupOf('1m'), turn)
    for (const rollup of ROLLUPS.slice(1)) {
      const watermark = watermarks[rollup.level]
      await remake(tx, rollup, [Math.min(turn[0], watermark), turn[1], turn[2]])
    }
  }
  const { rowCount } = await tx.execute(`DELETE FROM metrics_recent AS n WHERE ${IN_TURN}`, turn)
  return rowCount
}

async function lockRollups(tx: AppDbSession): Promise<RollupState> {
  if (tx.dialect === 'postgres') await tx.query('SELECT r.level FROM metric_rollups AS r FOR UPDATE')
  return readRollupState(tx)
}

/** Makes the buckets that the turn's samples touch from everything the finer table holds of them. */
async function remake(tx: AppDbSession, rollup: Rollup, turn: Turn): Promise<void> {
  const { stepMs, finer } = rollup
  const touched = `
    SELECT DISTINCT n.series_id, n.time_ms - n.time_ms % ${stepMs} AS bucket_ms
    FROM metrics_recent AS n
    WHERE ${IN_TURN}`
  await tx.execute(
    {
      sqlite: `
        INSERT INTO ${rollup.table} (series_id, time_ms, min, max, sum, count)
        SELECT t.series_id, t.bucket_ms, ${aggregates(finer)}
        FROM (${touched}) AS t
        CROSS JOIN ${finer} AS f
          ON f.series_id = t.series_id AND f.time_ms >= t.bucket_ms AND f.time_ms < t.bucket_ms + ${stepMs}
        GROUP BY t.series_id, t.bucket_ms
        ${OVERWRITE}`,
      postgres: `
        INSERT INTO ${rollup.table} (series_id, time_ms, min, max, sum, count)
        SELECT t.series_id, t.bucket_ms, a.min, a.max, a.sum, a.count
        FROM (${touched}) AS t
        CROSS JOIN LATERAL (
          SELECT ${aggregates(finer)}
          FROM ${finer} AS f
          WHERE f.series_id = t.series_id AND f.time_ms >= t.bucket_ms AND f.time_ms < t.bucket_ms + ${stepMs}
        ) AS a
        WHERE a.count > 0
        ${OVERWRITE}`,
    },
    turn,
  )
}

function aggregates(finer: Rollup['finer']): string {
  return finer === 'metrics'
    ? 'min(f.value) AS min, max(f.value) AS max, sum(f.value) AS sum, count(*) AS count'
    : 'min(f.min) AS min, max(f.max) AS max, sum(f.sum) AS sum, sum(f.count) AS count'
}

const OVERWRITE = `
        ON CONFLICT (series_id, time_ms)
        DO UPDATE SET min = excluded.min, max = excluded.max, sum = excluded.sum, count = excluded.count`

/** Rolls up the buckets that have ended since the watermark. */
async function advance(db: AppDb, rollup: Rollup, signal?: AbortSignal): Promise<void> {
  const finerLevel = ROLLUPS.find(({ table }) => table === rollup.finer)?.level
  if (!finerLevel) return
  for (;;) {
    const { watermarks } = await readRollupState(db)
    const goal = bucketStart(watermarks[finerLevel], rollup.strideMs)
    const watermark = watermarks[rollup.level]
    if (goal <= watermark || signal?.aborted) return
    // Skips what was never sampled: the years before the first start, and a long stop.
    const start = (await firstRowAt(db, rollup.finer, watermark, goal)) ?? goal
    const from = Math.max(watermark, bucketStart(start, rollup.stepMs))
    const until = Math.min(goal, from + TURN_BUCKETS * rollup.stepMs)
    await db.transaction(async (tx) => {
      const current = (await lockRollups(tx)).watermarks[rollup.level]
      if (current !== watermark) return
      if (until > from) await rollUp(tx, rollup, from, until)
      await raiseWatermark(tx, rollup.level, until)
    })
  }
}

async function firstRowAt(
  session: AppDbSession,
  table: Rollup['finer'],
  fromMs: number,
  toMs: number,
): Promise<number | undefined> {
  const row = await session.queryOne<{ first_ms: number | null }>(
    `
    SELECT min(p.first_ms) AS first_ms
    FROM (
      SELECT (
        SELECT f.time_ms FROM ${table} AS f
        WHERE f.series_id = s.id AND f.time_ms >= $1 AND f.time_ms < $2
        ORDER BY f.time_ms
        LIMIT 1
      ) AS first_ms
      FROM metric_series AS s
    ) AS p
    `,
    [fromMs, toMs],
  )
  return row?.first_ms ?? undefined
}

/** `from` and `to` are starts of buckets; the half-open range between them is made anew for all series. */
async function rollUp(tx: AppDbSession, rollup: Rollup, fromMs: number, toMs: number): Promise<void> {
  const { stepMs, finer } = rollup
  const bucket = `f.time_ms - f.time_ms % ${stepMs}`
  await tx.execute(
    {
      sqlite: `
        INSERT INTO ${rollup.table} (series_id, time_ms, min, max, sum, count)
        SELECT s.id, ${bucket}, ${aggregates(finer)}
        FROM metric_series AS s
        CROSS JOIN ${finer} AS f ON f.series_id = s.id AND f.time_ms >= $1 AND f.time_ms < $2
        GROUP BY s.id, ${bucket}
        ${OVERWRITE}`,
      postgres: `
        INSERT INTO ${rollup.table} (series_id, time_ms, min, max, sum, count)
        SELECT s.id, a.bucket_ms, a.min, a.max, a.sum, a.count
        FROM metric_series AS s
        CROSS JOIN LATERAL (
          SELECT ${bucket} AS bucket_ms, ${aggregates(finer)}
          FROM ${finer} AS f
          WHERE f.series_id = s.id AND f.time_ms >= $1 AND f.time_ms < $2
          GROUP BY ${bucket}
        ) AS a
        ${OVERWRITE}`,
    },
    [fromMs, toMs],
  )
}

/** Never lowers it: two processes may settle at once. */
async function raiseWatermark(session: AppDbSession, level: RollupLevel, watermarkMs: number): Promise<void> {
  await session.execute(
    'UPDATE metric_rollups SET watermark_ms = $2 WHERE level = $1 AND watermark_ms < $2',
    [level, watermarkMs],
  )
}
