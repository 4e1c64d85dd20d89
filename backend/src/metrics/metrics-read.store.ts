import type { AppDb, Dialect } from '../db/app-db.ts'
import type { SampleRow, SeriesKey, Subject } from './metrics.store.ts'
import {
  DAY_MS,
  type Reach,
  type Resolution,
  ROLLUPS,
  type RollupLevel,
  rollupOf,
  type Segment,
  tableOf,
} from './resolution.ts'

/**
 * Buckets of one series, ascending, with their columns as JSON text: `[[means]]` or `[[means],[mins],[maxs]]`.
 * Text, because 300 rows of it come to this process many times faster than 216,000 rows of numbers.
 */
export interface PackedSeries {
  readonly seriesId: number
  /** Start of the first bucket. */
  readonly firstMs: number
  /** True when buckets are missing in between; the first column is then how many steps each is after the first. */
  readonly hasGaps: boolean
  readonly columns: string
}

export interface Bucket {
  readonly seriesId: number
  /** Start of the bucket. */
  readonly timeMs: number
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly count: number
}

export interface LatestValue extends SeriesKey {
  readonly unit: string
  readonly timeMs: number
  readonly value: number
}

export interface PackedOptions {
  /** Least and greatest value of each bucket too. */
  readonly extremes: boolean
  /**
   * Decimals that means are rounded to, half up; exact when undefined. Rounded means come as whole numbers of the last
   * decimal (12.3456 as 123456): a store prints those several times faster than fractions.
   */
  readonly decimals?: number
}

interface PackedRange {
  readonly level: RollupLevel
  readonly fromMs: number
  readonly toMs: number
}

export type MetricsReadStore = ReturnType<typeof createMetricsReadStore>

export function createMetricsReadStore(db: AppDb) {
  return {
    /** Rolled-up buckets that start in the half-open range. Series without any are left out. */
    async packed(
      seriesIds: readonly number[],
      range: PackedRange,
      options: PackedOptions,
    ): Promise<PackedSeries[]> {
      if (range.toMs <= range.fromMs) return []
      const { stepMs } = rollupOf(range.level)
      const read = async (ids: readonly number[], hasGaps: boolean) => {
        if (ids.length === 0) return []
        const rows = await db.query<{ series_id: number; columns: string | null }>(
          forBoth((dialect) => packedSql(dialect, range.level, options, hasGaps)),
          [JSON.stringify(ids), range.fromMs, range.toMs],
        )
        return rows.flatMap((row) => splitHeader(row.columns ?? EMPTY, row.series_id))
      }
      const all = await read(seriesIds, false)
      const isWhole = ({ count, firstMs, lastMs }: (typeof all)[number]) =>
        count === (lastMs - firstMs) / stepMs + 1
      // Where each bucket lies is a third of the work, and only a series with gaps needs to be told.
      const broken = all.filter((series) => !isWhole(series)).map(({ seriesId }) => seriesId)
      return [
        ...all.filter(isWhole).map((series) => ({ ...series, hasGaps: false })),
        ...(await read(broken, true)).map((series) => ({ ...series, hasGaps: true })),
      ]
    },

    /** The rows of all segments, merged into buckets of `stepMs`; by series, then time. */
    async buckets(
      seriesIds: readonly number[],
      segments: readonly Segment[],
      stepMs: number,
    ): Promise<Bucket[]> {
      if (segments.length === 0 || seriesIds.length === 0) return []
      const bucket = `r.time_ms - r.time_ms % ${stepMs}`
      const rows = await db.query<
        Record<'series_id' | 'bucket_ms' | 'min' | 'max' | 'sum' | 'count', number>
      >(
        forBoth(
          (dialect) => `
          SELECT r.series_id, ${bucket} AS bucket_ms, min(r.min) AS min, max(r.max) AS max,
            sum(r.sum) AS sum, sum(r.count) AS count
          FROM (${unionSql(dialect, segments, 2)}) AS r
          GROUP BY r.series_id, ${bucket}
          ORDER BY r.series_id, bucket_ms`,
        ),
        [JSON.stringify(seriesIds), ...bounds(segments)],
      )
      return rows.map(({ series_id, bucket_ms, ...values }) => ({
        seriesId: series_id,
        timeMs: bucket_ms,
        ...values,
      }))
    },

    /** Time of the oldest row of each resolution, seen in the 100 oldest series that still get samples. */
    async reach(): Promise<Reach> {
      const levels = [{ level: 'raw', table: 'metrics' } as const, ...ROLLUPS]
      const firsts = levels.map(
        ({ level, table }) =>
          `min((SELECT min(m.time_ms) FROM ${table} AS m WHERE m.series_id = s.series_id)) AS "${level}"`,
      )
      const row = await db.queryOne<Record<Resolution, number | null>>(
        `
        SELECT ${firsts.join(', ')}
        FROM (
          SELECT l.series_id
          FROM metric_latest AS l
          WHERE l.time_ms >= (SELECT max(n.time_ms) FROM metric_latest AS n) - $1
          ORDER BY l.series_id
          LIMIT 100
        ) AS s
        `,
        [DAY_MS],
      )
      return Object.fromEntries(Object.entries(row ?? {}).filter(([, firstMs]) => firstMs !== null))
    },

    /** The series with the highest mean over all segments, highest first, ties by id. */
    async highestMeans(
      seriesIds: readonly number[],
      segments: readonly Segment[],
      limit: number,
    ): Promise<{ seriesId: number; mean: number; max: number }[]> {
      if (segments.length === 0 || seriesIds.length === 0) return []
      const rows = await db.query<{ series_id: number; mean: number; max: number }>(
        forBoth(
          (dialect) => `
          SELECT r.series_id, ${meanSql(dialect, 'sum(r.sum)', 'sum(r.count)')} AS mean, max(r.max) AS max
          FROM (${unionSql(dialect, segments, 3)}) AS r
          GROUP BY r.series_id
          ORDER BY mean DESC, r.series_id
          LIMIT $2`,
        ),
        [JSON.stringify(seriesIds), limit, ...bounds(segments)],
      )
      return rows.map(({ series_id, mean, max }) => ({ seriesId: series_id, mean, max }))
    },

    /** Samples as they came that lie in the half-open range; by series, then time. */
    async samples(seriesIds: readonly number[], fromMs: number, toMs: number): Promise<SampleRow[]> {
      if (seriesIds.length === 0) return []
      const rows = await db.query<{ series_id: number; time_ms: number; value: number }>(
        forBoth(
          (dialect) => `
          SELECT r.series_id, r.time_ms, r.value
          FROM (
            ${segmentSql(dialect, 'metrics', 'm.time_ms, m.value, 0 AS resent', 2)}
            UNION ALL
            ${segmentSql(dialect, 'recent', 'm.time_ms, m.value, 1 AS resent', 2)}
          ) AS r
          ORDER BY r.series_id, r.time_ms, r.resent`,
        ),
        [JSON.stringify(seriesIds), fromMs, toMs],
      )
      const samples: SampleRow[] = []
      for (const { series_id: seriesId, time_ms: timeMs, value } of rows) {
        const last = samples.at(-1)
        // A sample that was sent again waits in metrics_recent while its first version is in metrics.
        if (last?.seriesId === seriesId && last.timeMs === timeMs) samples.pop()
        samples.push({ seriesId, timeMs, value })
      }
      return samples
    },

    /**
     * The newest sample of every series of `subject` (of both when undefined) that is not older than `sinceMs`.
     * In no particular order.
     */
    async latest(subject: Subject | undefined, sinceMs: number): Promise<LatestValue[]> {
      const columns = await db.queryOne<LatestColumns>(
        { sqlite: latestSql('json_group_array', subject), postgres: latestSql('json_agg', subject) },
        subject ? [sinceMs, subject] : [sinceMs],
        { codecs: LATEST_CODECS },
      )
      // PostgreSQL's aggregates of no rows are null.
      if (!columns?.name) return []
      return columns.name.map((name, index) => ({
        endpointId: at(columns.endpointId, index),
        subject: at(columns.subject, index),
        name,
        metric: at(columns.metric, index),
        instance: at(columns.instance, index),
        unit: at(columns.unit, index),
        timeMs: at(columns.timeMs, index),
        value: at(columns.value, index),
      }))
    },
  }
}

const LATEST_COLUMNS: Readonly<Record<keyof LatestValue, string>> = {
  endpointId: 's.endpoint_id',
  subject: 's.subject',
  name: 's.name',
  metric: 's.metric',
  instance: 's.instance',
  unit: 's.unit',
  timeMs: 'l.time_ms',
  value: 'l.value',
}
type LatestColumns = { readonly [Name in keyof LatestValue]: readonly LatestValue[Name][] }
const LATEST_CODECS = Object.fromEntries(Object.keys(LATEST_COLUMNS).map((name) => [name, 'json' as const]))

/** One row of JSON arrays, one array per column: it comes here several times faster than a row per series. */
function latestSql(aggregate: string, subject: Subject | undefined): string {
  const columns = Object.entries(LATEST_COLUMNS).map(([name, sql]) => `${aggregate}(${sql}) AS "${name}"`)
  return `
    SELECT ${columns.join(', ')}
    FROM metric_latest AS l
    JOIN metric_series AS s ON s.id = l.series_id
    WHERE l.time_ms >= $1${subject ? ' AND s.subject = $2' : ''}`
}

function at<T>(column: readonly T[], index: number): T {
  const value = column[index]
  if (value === undefined) throw new RangeError('The columns are not of one length')
  return value
}

function forBoth(sql: (dialect: Dialect) => string): Record<Dialect, string> {
  return { sqlite: sql('sqlite'), postgres: sql('postgres') }
}

/** The relation of the wanted series, whose ids are `$1` as a JSON array. */
function wantedSql(dialect: Dialect): string {
  return dialect === 'sqlite'
    ? 'json_each($1)'
    : '(SELECT json_array_elements_text($1::JSON)::INTEGER AS value)'
}

/**
 * Rows of one source within `$first … $(first + 1)`. Everything but metrics_recent is looked up series by
 * series (CROSS JOIN in SQLite and OFFSET 0 in PostgreSQL hold the planner to it): a scan of a time range
 * over all series would read whole tables, which are in the order of series.
 */
function segmentSql(dialect: Dialect, source: Segment['source'], columns: string, first: number): string {
  const range = `m.time_ms >= $${first} AND m.time_ms < $${first + 1}`
  if (source === 'recent') {
    return `
      SELECT m.series_id, ${columns} FROM metrics_recent AS m
      WHERE ${range} AND m.series_id IN (SELECT s.value FROM ${wantedSql(dialect)} AS s)`
  }
  if (dialect === 'sqlite') {
    return `
      SELECT m.series_id, ${columns} FROM ${wantedSql(dialect)} AS s
      CROSS JOIN ${source} AS m ON m.series_id = s.value AND ${range}`
  }
  return `
      SELECT m.series_id, ${columns} FROM ${wantedSql(dialect)} AS s
      CROSS JOIN LATERAL (SELECT * FROM ${source} AS m WHERE m.series_id = s.value AND ${range} OFFSET 0) AS m`
}

/** All segments as rollup rows; the bounds of the first segment are parameters `$first` and `$(first + 1)`. */
function unionSql(dialect: Dialect, segments: readonly Segment[], first: number): string {
  return segments
    .map(({ source }, index) => {
      const isRaw = source === 'metrics' || source === 'recent'
      const values = isRaw
        ? 'm.time_ms, m.value AS min, m.value AS max, m.value AS sum, 1 AS count'
        : 'm.time_ms, m.min, m.max, m.sum, m.count'
      return segmentSql(dialect, source, values, first + 2 * index)
    })
    .join(' UNION ALL ')
}

function bounds(segments: readonly Segment[]): number[] {
  return segments.flatMap(({ fromMs, toMs }) => [fromMs, toMs])
}

const EMPTY = '[[0,0,0]]'

/** Takes `[[count,first,last],…columns]` apart; nothing where there is no bucket. */
function splitHeader(text: string, seriesId: number) {
  const end = text.indexOf(']')
  const [count = 0, firstMs = 0, lastMs = 0]: number[] = JSON.parse(text.slice(1, end + 1))
  return count === 0 ? [] : [{ seriesId, count, firstMs, lastMs, columns: `[${text.slice(end + 2)}` }]
}

/** PostgreSQL refuses a quotient that is too small for a double, where SQLite gives 0. */
const meanSql = (dialect: Dialect, sum: string, count: string): string =>
  dialect === 'sqlite'
    ? `${sum} / ${count}`
    : `CASE WHEN abs(${sum}) < 1e-305 THEN 0 ELSE ${sum} / ${count} END`

function packedSql(
  dialect: Dialect,
  level: RollupLevel,
  { extremes, decimals }: PackedOptions,
  withSteps: boolean,
): string {
  const exact = meanSql(dialect, 'm.sum', 'm.count')
  const mean = decimals === undefined ? exact : `floor(${exact} * 1e${decimals} + 0.5)`
  const step = `(m.time_ms - m.first_ms) / ${rollupOf(level).stepMs}`
  const columns = [...(withSteps ? [step] : []), mean, ...(extremes ? ['m.min', 'm.max'] : [])]
  const header = ['count(*)', 'min(m.time_ms)', 'max(m.time_ms)']
  const range = `m.series_id = s.value AND m.time_ms >= $2 AND m.time_ms < $3`
  // The window is over one series in the order it is read in.
  const first = withSteps ? ', min(m.time_ms) OVER () AS first_ms' : ''
  const rows = `SELECT m.*${first} FROM ${tableOf(level)} AS m WHERE ${range} ORDER BY m.series_id, m.time_ms`
  if (dialect === 'sqlite') {
    return `
      SELECT s.value AS series_id, (
        SELECT json_array(json_array(${header.join(', ')}), ${columns.map((sql) => `json_group_array(${sql})`).join(', ')})
        FROM (${rows}) AS m
      ) AS columns
      FROM ${wantedSql(dialect)} AS s`
  }
  return `
      SELECT s.value AS series_id, p.columns
      FROM ${wantedSql(dialect)} AS s
      CROSS JOIN LATERAL (
        SELECT '[[' || ${header.join(" || ',' || ")} || '],['
          || ${columns.map((sql) => `string_agg((${sql})::TEXT, ',')`).join(" || '],[' || ")} || ']]' AS columns
        FROM (${rows}) AS m
      ) AS p`
}
