import { Turns } from '../core/turns.ts'
import type { AppDb } from '../db/app-db.ts'
import type { MetricsStore, SeriesRow, Subject } from './metrics.store.ts'
import { createMetricsStore } from './metrics.store.ts'
import {
  createMetricsReadStore,
  type LatestValue,
  type MetricsReadStore,
  type PackedOptions,
  type PackedSeries,
} from './metrics-read.store.ts'
import type { Recorder, Sample } from './recorder.ts'
import {
  bucketStart,
  bucketTimes,
  chooseResolution,
  DAY_MS,
  keptDays,
  type MetricsRetention,
  planSegments,
  type Reach,
  type Resolution,
  type RollupLevel,
  rollupOf,
  type Segment,
  tableOf,
} from './resolution.ts'
import { decimalsOf } from './units.ts'

export interface TimeRange {
  /** Epoch ms, inclusive. */
  readonly fromMs: number
  /** Epoch ms, exclusive. */
  readonly toMs: number
}

export interface RangeQuery extends TimeRange {
  readonly endpointId: number
  readonly subject: Subject
  readonly name: string
  /** All metrics of the subject when empty. */
  readonly metrics: readonly string[]
  /** Most points per series. */
  readonly maxPoints: number
}

export interface RangeSeries {
  readonly metric: string
  readonly instance: string
  readonly unit: string
  /** Starts of the buckets, or times of the samples at resolution `raw`; ascending. */
  readonly times: number[]
  /** One per time; null where there is no sample. */
  readonly mean: (number | null)[]
  /** Absent at resolution `raw`. */
  readonly min?: (number | null)[]
  readonly max?: (number | null)[]
}

export interface RangeResult {
  readonly resolution: Resolution
  readonly stepMs: number
  readonly series: RangeSeries[]
}

export interface RangeAllResult {
  readonly resolution: RollupLevel
  readonly stepMs: number
  readonly unit: string
  /** Starts of the buckets, the same for all series. */
  readonly times: number[]
  readonly series: {
    readonly endpointId: number
    readonly name: string
    readonly instance: string
    /** One per time, rounded to whole bytes or four decimals; null where there is no sample. */
    readonly mean: (number | null)[]
  }[]
}

export interface TopItem {
  readonly endpointId: number
  readonly name: string
  readonly instance: string
  readonly unit: string
  readonly mean: number
  readonly max: number
}

/** Buckets that a ranking looks at: enough for its ends to lie close to the asked ones. */
const TOP_POINTS = 120
/** A longer silence than this many usual distances between two samples is a gap. */
const GAP_INTERVALS = 3

export type MetricsService = ReturnType<typeof createMetricsService>

export function createMetricsService(deps: {
  db: AppDb
  recorder: Recorder
  clock: () => number
  /** Usual distance of two samples. */
  sampleIntervalMs: number
  retention: () => MetricsRetention
  /** What {@link MetricsReadStore.reach} said last. */
  reach: () => Reach
}) {
  const store: MetricsStore = createMetricsStore(deps.db)
  const reader: MetricsReadStore = createMetricsReadStore(deps.db)

  function choose(range: TimeRange, maxPoints: number, raw: boolean): Resolution {
    return chooseResolution({
      ...range,
      maxPoints,
      nowMs: deps.clock(),
      sampleIntervalMs: deps.sampleIntervalMs,
      retention: deps.retention(),
      reach: deps.reach(),
      raw,
    })
  }

  /** Nothing is older than the rollups are kept, and no grid of nulls is drawn for it. */
  function clamp({ fromMs, toMs }: TimeRange): TimeRange {
    const nowMs = deps.clock()
    const oldest = nowMs - keptDays('1d', deps.retention()) * DAY_MS
    return { fromMs: Math.max(fromMs, oldest), toMs: Math.min(toMs, nowMs + DAY_MS) }
  }

  async function segmentsAt(level: RollupLevel, fromMs: number, toMs: number): Promise<Segment[]> {
    if (toMs <= fromMs) return []
    return planSegments(level, fromMs, toMs, await store.watermarks(level))
  }

  async function readRollup(
    series: readonly SeriesRow[],
    level: RollupLevel,
    range: TimeRange,
    options: PackedOptions,
  ): Promise<{ times: number[]; columnsOf(seriesId: number): Columns<number | null> }> {
    const { stepMs } = rollupOf(level)
    const originMs = bucketStart(range.fromMs, stepMs)
    const times = bucketTimes(range.fromMs, range.toMs, stepMs)
    const segments = await segmentsAt(level, originMs, range.toMs)
    const main = segments.filter((segment) => segment.source === tableOf(level))
    const newer = segments.filter((segment) => segment.source !== tableOf(level))
    const ids = series.map((row) => row.id)
    const [packed, buckets] = await Promise.all([
      Promise.all(main.map(({ fromMs, toMs }) => reader.packed(ids, { level, fromMs, toMs }, options))),
      reader.buckets(ids, newer, stepMs),
    ])
    const scale = 10 ** (options.decimals ?? 0)
    const columns = new Map<number, Columns<number>>()
    const columnsOf = (seriesId: number): Columns<number> => {
      const known = columns.get(seriesId)
      if (known) return known
      const fresh = emptyColumns(times.length, options.extremes)
      columns.set(seriesId, fresh)
      return fresh
    }
    const turns = new Turns()
    for (const one of packed.flat()) {
      unpack(one, columnsOf(one.seriesId), { originMs, stepMs, scale })
      if (turns.isOver) await turns.next()
    }
    for (const { seriesId, timeMs, sum, count, min, max } of buckets) {
      const step = (timeMs - originMs) / stepMs
      const target = columnsOf(seriesId)
      target.mean[step] = roundTo(sum / count, options.decimals)
      if (target.min) target.min[step] = min
      if (target.max) target.max[step] = max
    }
    return { times, columnsOf: (seriesId) => withNulls(columnsOf(seriesId)) }
  }

  async function readRaw(series: readonly SeriesRow[], range: TimeRange): Promise<RangeSeries[]> {
    const ids = series.map((row) => row.id)
    const byId = new Map(
      series.map(({ id, metric, instance, unit }) => {
        const times: number[] = []
        const mean: (number | null)[] = []
        return [id, { metric, instance, unit, times, mean }]
      }),
    )
    for (const { seriesId, timeMs, value } of await reader.samples(ids, range.fromMs, range.toMs)) {
      const target = byId.get(seriesId)
      if (!target) continue
      const previous = target.times.at(-1)
      if (previous !== undefined && timeMs - previous > GAP_INTERVALS * deps.sampleIntervalMs) {
        target.times.push(previous + deps.sampleIntervalMs)
        target.mean.push(null)
      }
      target.times.push(timeMs)
      target.mean.push(value)
    }
    return [...byId.values()]
  }

  return {
    /** Takes samples; see {@link Recorder}. */
    record(samples: readonly Sample[]): void {
      deps.recorder.record(samples)
    },

    flush(): Promise<void> {
      return deps.recorder.flush()
    },

    close(): Promise<void> {
      return deps.recorder.close()
    },

    stats() {
      return deps.recorder.stats()
    },

    /** History of one host or container, at the finest resolution that fits `maxPoints` and is still kept. */
    async range(query: RangeQuery): Promise<RangeResult> {
      const range = clamp(query)
      const resolution = choose(range, query.maxPoints, true)
      const stepMs = resolution === 'raw' ? deps.sampleIntervalMs : rollupOf(resolution).stepMs
      const series = await store.seriesOf(query)
      if (resolution === 'raw') return { resolution, stepMs, series: await readRaw(series, range) }
      const { times, columnsOf } = await readRollup(series, resolution, range, { extremes: true })
      return {
        resolution,
        stepMs,
        series: series.map(({ id, metric, instance, unit }) => ({
          metric,
          instance,
          unit,
          times,
          ...columnsOf(id),
        })),
      }
    },

    /** Means of every series of one metric on one grid of times. Series without a sample in it are left out. */
    async rangeAll(
      query: TimeRange & { subject: Subject; metric: string; maxPoints: number },
    ): Promise<RangeAllResult> {
      const range = clamp(query)
      const chosen = choose(range, query.maxPoints, false)
      const resolution = chosen === 'raw' ? '1m' : chosen
      const series = await store.seriesOfMetric(query.subject, query.metric)
      const options = { extremes: false, decimals: decimalsOf(query.metric) }
      const { times, columnsOf } = await readRollup(series, resolution, range, options)
      return {
        resolution,
        stepMs: rollupOf(resolution).stepMs,
        unit: series[0]?.unit ?? '',
        times,
        series: series
          .map(({ id, endpointId, name, instance }) => ({
            endpointId,
            name,
            instance,
            mean: columnsOf(id).mean,
          }))
          .filter(({ mean }) => mean.some((value) => value !== null)),
      }
    },

    /** Newest samples, those older than `maxAgeMs` left out; of both subjects when undefined. */
    latest(query: { subject?: Subject; maxAgeMs?: number } = {}): Promise<LatestValue[]> {
      return reader.latest(query.subject, query.maxAgeMs === undefined ? 0 : deps.clock() - query.maxAgeMs)
    },

    /** The series of one metric with the highest mean of the range, highest first. Ends are those of buckets. */
    async top(query: TimeRange & { subject: Subject; metric: string; limit: number }): Promise<TopItem[]> {
      const range = clamp(query)
      const chosen = choose(range, TOP_POINTS, false)
      const level = chosen === 'raw' ? '1m' : chosen
      const segments = await segmentsAt(level, bucketStart(range.fromMs, rollupOf(level).stepMs), range.toMs)
      const series = await store.seriesOfMetric(query.subject, query.metric)
      const byId = new Map(series.map((row) => [row.id, row]))
      const highest = await reader.highestMeans([...byId.keys()], segments, query.limit)
      return highest.flatMap(({ seriesId, mean, max }) => {
        const row = byId.get(seriesId)
        return row
          ? [
              {
                endpointId: row.endpointId,
                name: row.name,
                instance: row.instance,
                unit: row.unit,
                mean,
                max,
              },
            ]
          : []
      })
    },

    /** What there is to ask for about one host or container. */
    async series(query: { endpointId: number; subject: Subject; name: string }) {
      const rows = await store.seriesOf({ ...query, metrics: [] })
      return rows.map(({ metric, instance, unit }) => ({ metric, instance, unit }))
    },
  }
}

interface Columns<Value> {
  readonly mean: Value[]
  readonly min?: Value[]
  readonly max?: Value[]
}

/** All NaN, which stands for null until everything is read: with a null among them, each number is an object of its own. */
function emptyColumns(length: number, extremes: boolean): Columns<number> {
  const column = () => new Array<number>(length).fill(Number.NaN)
  return extremes ? { mean: column(), min: column(), max: column() } : { mean: column() }
}

function withNulls({ mean, min, max }: Columns<number>): Columns<number | null> {
  const nulled = (column: number[]) =>
    column.some(Number.isNaN) ? column.map((value) => (Number.isNaN(value) ? null : value)) : column
  return { mean: nulled(mean), ...(min && { min: nulled(min) }), ...(max && { max: nulled(max) }) }
}

function unpack(
  { columns, firstMs, hasGaps }: PackedSeries,
  target: Columns<number>,
  { originMs, stepMs, scale }: { originMs: number; stepMs: number; scale: number },
): void {
  const read: number[][] = JSON.parse(columns)
  const steps = hasGaps ? read.shift() : undefined
  const [mean = [], min = [], max = []] = read
  const first = (firstMs - originMs) / stepMs
  for (let index = 0; index < mean.length; index++) {
    const step = first + (steps?.[index] ?? index)
    target.mean[step] = (mean[index] ?? Number.NaN) / scale
    if (target.min) target.min[step] = min[index] ?? Number.NaN
    if (target.max) target.max[step] = max[index] ?? Number.NaN
  }
}

function roundTo(value: number, decimals: number | undefined): number {
  if (decimals === undefined) return value
  const scale = 10 ** decimals
  return Math.floor(value * scale + 0.5) / scale
}
