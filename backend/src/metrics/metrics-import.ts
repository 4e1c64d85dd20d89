import type { AppDb, SqlValue } from '../db/app-db.ts'
import { createMetricsStore, readRollupState, type SeriesKey } from './metrics.store.ts'
import { ensurePartitions } from './metrics-partitions.ts'
import { createMetricsRollup } from './metrics-rollup.ts'
import { bucketStart, ROLLUPS, type RollupLevel, rollupOf } from './resolution.ts'
import { unitOf } from './units.ts'

/** One series' value over a bucket, or at an instant where `min`, `max` and `mean` are the same. */
export interface ImportedPoint {
  readonly seriesId: number
  /** Start of the bucket, or the instant. */
  readonly timeMs: number
  readonly min: number
  readonly max: number
  readonly mean: number
  /** Samples that the bucket stands for. */
  readonly count: number
}

/** Rows per statement: what one transaction may hold up other writers for. */
const BATCH = 20_000

/**
 * Puts history measured elsewhere, or invented, in its place: rollups as rollups, so that a year does not
 * need a year of samples. Only while nothing is recorded: before the first sample, or between two runs of the product.
 */
export function createMetricsImport(db: AppDb) {
  const store = createMetricsStore(db)

  async function insert(
    table: string,
    columns: readonly string[],
    rows: readonly SqlValue[][],
  ): Promise<void> {
    for (let i = 0; i < rows.length; i += BATCH) {
      await db.insertMany(table, columns, rows.slice(i, i + BATCH), { onConflict: 'nothing' })
    }
  }

  const samples = (points: readonly ImportedPoint[]) =>
    insert(
      'metrics',
      ['series_id', 'time_ms', 'value'],
      points.map(({ seriesId, timeMs, mean }) => [seriesId, timeMs, mean]),
    )

  return {
    /** Series ids of `keys`, in their order; those that are missing are made. */
    async series(keys: readonly SeriesKey[]): Promise<number[]> {
      const text = (key: SeriesKey) =>
        JSON.stringify([key.endpointId, key.subject, key.name, key.metric, key.instance])
      const known = await store.ensureSeries(keys.map((key) => ({ ...key, unit: unitOf(key.metric) })))
      const ids = new Map(known.map((row) => [text(row), row.id]))
      return keys.map((key) => {
        const id = ids.get(text(key))
        if (id === undefined) throw new Error(`no series was made for ${text(key)}`)
        return id
      })
    },

    /** Time of the newest sample of an endpoint's containers, in epoch ms; undefined before the first. */
    async newestSampleMs(endpointId: number): Promise<number | undefined> {
      const row = await db.queryOne<{ newest: number | null }>(
        `
        SELECT max(l.time_ms) AS newest
        FROM metric_latest AS l
        JOIN metric_series AS s ON s.id = l.series_id
        WHERE s.endpoint_id = $1 AND s.subject = 'container'
        `,
        [endpointId],
      )
      return row?.newest ?? undefined
    },

    /** Makes room from `fromMs` on, and puts what was recorded before in its place; to be called once, first. */
    async prepare(fromMs: number, nowMs: number): Promise<void> {
      await createMetricsRollup(db).settle(nowMs)
      const { keptBy } = await readRollupState(db)
      if (keptBy === 'product') await ensurePartitions(db, fromMs, nowMs)
    },

    samples,

    /**
     * Writes finished buckets of one resolution. Where TimescaleDB makes the rollups, which cannot be written
     * to, they become one sample each, in the middle of their bucket.
     */
    async buckets(level: RollupLevel, points: readonly ImportedPoint[]): Promise<void> {
      const { table, stepMs } = rollupOf(level)
      const { keptBy } = await readRollupState(db)
      if (keptBy === 'timescaledb') {
        await samples(points.map((point) => ({ ...point, timeMs: point.timeMs + stepMs / 2 })))
        return
      }
      await insert(
        table,
        ['series_id', 'time_ms', 'min', 'max', 'sum', 'count'],
        points.map(({ seriesId, timeMs, min, max, mean, count }) => [
          seriesId,
          timeMs,
          min,
          max,
          mean * count,
          count,
        ]),
      )
    },

    /** Declares all buckets that have ended by `nowMs` complete: the rollup job goes on from there. */
    async finish(fromMs: number, nowMs: number): Promise<void> {
      const { keptBy } = await readRollupState(db)
      for (const { level, table, stepMs } of ROLLUPS) {
        if (keptBy === 'timescaledb') {
          await db.execute(`CALL refresh_continuous_aggregate('${table}', $1::BIGINT, $2::BIGINT)`, [
            bucketStart(fromMs, stepMs),
            bucketStart(nowMs, stepMs),
          ])
        } else {
          await db.execute(
            'UPDATE metric_rollups SET watermark_ms = $2 WHERE level = $1 AND watermark_ms < $2',
            [level, bucketStart(nowMs, stepMs)],
          )
        }
      }
    },
  }
}

export type MetricsImport = ReturnType<typeof createMetricsImport>
