import type { AppDb, AppDbSession } from '../db/app-db.ts'
import { type Rollup, type RollupLevel, rollupOf, type Watermarks } from './resolution.ts'

export type Subject = 'host' | 'container'

export interface SeriesKey {
  readonly endpointId: number
  readonly subject: Subject
  readonly name: string
  readonly metric: string
  readonly instance: string
}

export interface SeriesRow extends SeriesKey {
  readonly id: number
  readonly unit: string
}

/** A series with the time of its newest sample; null before the first. */
export interface KnownSeries extends SeriesRow {
  readonly latestMs: number | null
}

export interface SampleRow {
  readonly seriesId: number
  readonly timeMs: number
  readonly value: number
}

export interface RollupState {
  /** Who keeps the rollups: the product's own job, or TimescaleDB's continuous aggregates. */
  readonly keptBy: 'product' | 'timescaledb'
  readonly watermarks: Watermarks
}

interface SeriesRecord {
  id: number
  endpoint_id: number
  subject: Subject
  name: string
  metric: string
  instance: string
  unit: string
}

const SERIES_COLUMNS = ['endpoint_id', 'subject', 'name', 'metric', 'instance', 'unit']

export type MetricsStore = ReturnType<typeof createMetricsStore>

export function createMetricsStore(db: AppDb) {
  return {
    /**
     * Finds the series of `keys` and makes those that are missing.
     *
     * @param keys distinct, with the unit that a new series gets.
     * @returns one row per key, in no particular order.
     */
    async ensureSeries(keys: readonly (SeriesKey & { unit: string })[]): Promise<KnownSeries[]> {
      if (keys.length === 0) return []
      return db.transaction(async (tx) => {
        const known = await findSeries(tx, keys)
        if (known.length === keys.length) return known
        const found = new Set(known.map(keyText))
        const missing = keys.filter((key) => !found.has(keyText(key)))
        await tx.insertMany(
          'metric_series',
          SERIES_COLUMNS,
          missing.map((key) => [key.endpointId, key.subject, key.name, key.metric, key.instance, key.unit]),
          { onConflict: 'nothing' },
        )
        return [...known, ...(await findSeries(tx, missing))]
      })
    },

    /**
     * Writes samples, and `latest` as the newest of their series, together.
     *
     * @param samples distinct by series and time; one that is there already gets the new value.
     * @param latest distinct by series, each newer than what the series has.
     */
    async write(samples: readonly SampleRow[], latest: readonly SampleRow[]): Promise<void> {
      if (samples.length === 0) return
      await db.transaction(async (tx) => {
        const { keptBy } = await readRollupState(tx)
        if (keptBy === 'timescaledb') {
          await tx.insertMany(
            'metrics',
            ['series_id', 'time_ms', 'value'],
            samples.map((sample) => [sample.seriesId, sample.timeMs, sample.value]),
            { onConflict: { key: ['series_id', 'time_ms'], update: ['value'] } },
          )
        } else {
          await tx.insertMany(
            'metrics_recent',
            ['time_ms', 'series_id', 'value'],
            samples.map((sample) => [sample.timeMs, sample.seriesId, sample.value]),
            { onConflict: { key: ['time_ms', 'series_id'], update: ['value'] } },
          )
        }
        await tx.insertMany(
          'metric_latest',
          ['series_id', 'time_ms', 'value'],
          latest.map((sample) => [sample.seriesId, sample.timeMs, sample.value]),
          { onConflict: { key: ['series_id'], update: ['time_ms', 'value'] } },
        )
      })
    },

    /** How far `level` and the finer rollups may be read; what is newer is in the finer ones. */
    async watermarks(level: RollupLevel): Promise<Watermarks> {
      const { keptBy, watermarks } = await readRollupState(db)
      return keptBy === 'timescaledb' ? readMaterialized(db, level) : watermarks
    },

    /** Series of one host or container, by metric and instance; all metrics when `metrics` is empty. */
    async seriesOf(query: {
      endpointId: number
      subject: Subject
      name: string
      metrics: readonly string[]
    }): Promise<SeriesRow[]> {
      const rows = await db.query<SeriesRecord>(
        {
          sqlite: seriesOfSql("s.metric IN (SELECT value FROM json_each($4)) OR $4 = '[]'"),
          postgres: seriesOfSql("s.metric IN (SELECT json_array_elements_text($4::JSON)) OR $4::TEXT = '[]'"),
        },
        [query.endpointId, query.subject, query.name, JSON.stringify(query.metrics)],
      )
      return rows.map(toSeries)
    },

    /** Every series of one metric, by endpoint, name and instance. */
    async seriesOfMetric(subject: Subject, metric: string): Promise<SeriesRow[]> {
      const rows = await db.query<SeriesRecord>(
        `
        SELECT s.id, s.endpoint_id, s.subject, s.name, s.metric, s.instance, s.unit
        FROM metric_series AS s
        WHERE s.subject = $1 AND s.metric = $2
        ORDER BY s.endpoint_id, s.name, s.instance
        `,
        [subject, metric],
      )
      return rows.map(toSeries)
    },
  }
}

function seriesOfSql(metricCondition: string): string {
  return `
    SELECT s.id, s.endpoint_id, s.subject, s.name, s.metric, s.instance, s.unit
    FROM metric_series AS s
    WHERE s.endpoint_id = $1 AND s.subject = $2 AND s.name = $3 AND (${metricCondition})
    ORDER BY s.metric, s.instance`
}

export async function readRollupState(session: AppDbSession): Promise<RollupState> {
  const rows = await session.query<{
    level: RollupLevel
    watermark_ms: number
    kept_by: RollupState['keptBy']
  }>('SELECT r.level, r.watermark_ms, r.kept_by FROM metric_rollups AS r')
  const watermarks = { '1m': 0, '5m': 0, '1h': 0, '1d': 0 }
  for (const row of rows) watermarks[row.level] = row.watermark_ms
  return { keptBy: rows.some((row) => row.kept_by === 'timescaledb') ? 'timescaledb' : 'product', watermarks }
}

/**
 * Continuous aggregates of minutes put what is not materialized yet on top by themselves. Those of hours and
 * days do not, because it would cost every long chart dear: they end with their last bucket.
 */
async function readMaterialized(session: AppDbSession, level: RollupLevel): Promise<Watermarks> {
  const fine = { '1m': Number.MAX_SAFE_INTEGER, '5m': Number.MAX_SAFE_INTEGER }
  if (level === '1m' || level === '5m') return { ...fine, '1h': 0, '1d': 0 }
  const row = await session.queryOne<{ hours: number | null; days: number | null }>(`
    SELECT (SELECT max(h.time_ms) FROM metrics_1h AS h) AS hours, (SELECT max(d.time_ms) FROM metrics_1d AS d) AS days`)
  const after = (time: number | null | undefined, { stepMs }: Rollup) => (time == null ? 0 : time + stepMs)
  return { ...fine, '1h': after(row?.hours, rollupOf('1h')), '1d': after(row?.days, rollupOf('1d')) }
}

async function findSeries(session: AppDbSession, keys: readonly SeriesKey[]): Promise<KnownSeries[]> {
  const wanted = keys.map((key) => [key.endpointId, key.subject, key.name, key.metric, key.instance])
  const rows = await session.query<SeriesRecord & { latest_ms: number | null }>(
    {
      sqlite: `
        SELECT s.id, s.endpoint_id, s.subject, s.name, s.metric, s.instance, s.unit, l.time_ms AS latest_ms
        FROM json_each($1) AS k
        CROSS JOIN metric_series AS s
          ON s.endpoint_id = k.value ->> 0 AND s.subject = k.value ->> 1 AND s.name = k.value ->> 2
          AND s.metric = k.value ->> 3 AND s.instance = k.value ->> 4
        LEFT JOIN metric_latest AS l ON l.series_id = s.id`,
      postgres: `
        SELECT s.id, s.endpoint_id, s.subject, s.name, s.metric, s.instance, s.unit, l.time_ms AS latest_ms
        FROM json_array_elements($1::JSON) AS k
        JOIN metric_series AS s
          ON s.endpoint_id = (k ->> 0)::INTEGER AND s.subject = k ->> 1 AND s.name = k ->> 2
          AND s.metric = k ->> 3 AND s.instance = k ->> 4
        LEFT JOIN metric_latest AS l ON l.series_id = s.id`,
    },
    [JSON.stringify(wanted)],
  )
  return rows.map((row) => ({ ...toSeries(row), latestMs: row.latest_ms }))
}

function toSeries(row: SeriesRecord): SeriesRow {
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    subject: row.subject,
    name: row.name,
    metric: row.metric,
    instance: row.instance,
    unit: row.unit,
  }
}

/** One text per series, for maps. NUL cannot occur in a name: PostgreSQL's text has none. */
export function keyText(key: SeriesKey): string {
  return `${key.endpointId}\0${key.subject}\0${key.name}\0${key.metric}\0${key.instance}`
}
