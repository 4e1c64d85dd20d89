/** How finely a stretch of history is read: samples as they came, or one of the rollups. */
export type Resolution = 'raw' | '1m' | '5m' | '1h' | '1d'
export type RollupLevel = Exclude<Resolution, 'raw'>

export const DAY_MS = 86_400_000
export const MINUTE_MS = 60_000

export interface Rollup {
  readonly level: RollupLevel
  readonly table: string
  readonly stepMs: number
  /** Where its buckets are aggregated from. */
  readonly finer: 'metrics' | 'metrics_1m' | 'metrics_5m' | 'metrics_1h'
  /** Its watermark moves in strides of this many ms: a page per series is written each time. */
  readonly strideMs: number
}

/** Finest first; each is aggregated from the one before. */
export const ROLLUPS: readonly Rollup[] = [
  { level: '1m', table: 'metrics_1m', stepMs: MINUTE_MS, finer: 'metrics', strideMs: MINUTE_MS },
  { level: '5m', table: 'metrics_5m', stepMs: 5 * MINUTE_MS, finer: 'metrics_1m', strideMs: 30 * MINUTE_MS },
  { level: '1h', table: 'metrics_1h', stepMs: 60 * MINUTE_MS, finer: 'metrics_5m', strideMs: 60 * MINUTE_MS },
  { level: '1d', table: 'metrics_1d', stepMs: DAY_MS, finer: 'metrics_1h', strideMs: DAY_MS },
]

/** Days that each resolution is kept, as the settings say it. */
export interface MetricsRetention {
  readonly rawDays: number
  readonly rollup1mDays: number
  readonly rollup5mDays: number
  /** Of the 1 h and 1 d rollups. */
  readonly rollupDays: number
}

/**
 * A year of every rollup of 300 containers would be 60 GB at one minute and 1 GB at one hour, and no chart
 * has room for a year of minutes: the fine rollups end sooner.
 */
export const DEFAULT_RETENTION: MetricsRetention = {
  rawDays: 7,
  rollup1mDays: 30,
  rollup5mDays: 120,
  rollupDays: 365,
}

/** Rollups outlive the samples by this much, so that a late sample always finds its neighbours. */
const ROLLUP_MARGIN_DAYS = 3

/** Days that `resolution` is really kept: a rollup never ends before the samples it is made of. */
export function keptDays(resolution: Resolution, retention: MetricsRetention): number {
  const least = retention.rawDays + ROLLUP_MARGIN_DAYS
  switch (resolution) {
    case 'raw':
      return retention.rawDays
    case '1m':
      return Math.max(least, Math.min(retention.rollup1mDays, retention.rollupDays))
    case '5m':
      return Math.max(least, Math.min(retention.rollup5mDays, retention.rollupDays))
    case '1h':
    case '1d':
      return Math.max(least, retention.rollupDays)
  }
}

/**
 * Samples older than this are refused: a day before their neighbours go (half a day where they are kept for
 * one), so that no bucket is made of half.
 */
export function oldestSampleMs(nowMs: number, retention: MetricsRetention): number {
  return nowMs - Math.max(0.5, retention.rawDays - 1) * DAY_MS
}

export const bucketStart = (timeMs: number, stepMs: number) => timeMs - (timeMs % stepMs)

/**
 * Time of the oldest row that each resolution really has; absent where it has none. It is later than the retention
 * says after that was raised, since what was removed does not come back.
 */
export type Reach = Readonly<Partial<Record<Resolution, number>>>

export interface ResolutionRequest {
  readonly fromMs: number
  readonly toMs: number
  /** Most points per series that the reader has room for. */
  readonly maxPoints: number
  readonly nowMs: number
  /** Usual distance of two samples. */
  readonly sampleIntervalMs: number
  readonly retention: MetricsRetention
  readonly reach?: Reach
  /** False where samples as they came are never wanted, as for all series at once. */
  readonly raw?: boolean
}

/**
 * The finest resolution that fits the budget and still holds the beginning of the range, or all there is where
 * that begins later. What is older than every rollup does not count. 1d when none fits: it is the coarsest
 * there is, and nothing is thinned after the choice.
 */
export function chooseResolution(request: ResolutionRequest): Resolution {
  const { toMs, maxPoints, nowMs, retention } = request
  const fromMs = Math.max(request.fromMs, nowMs - keptDays('1d', retention) * DAY_MS)
  const candidates: { resolution: Resolution; stepMs: number }[] = ROLLUPS.map(({ level, stepMs }) => ({
    resolution: level,
    stepMs,
  }))
  candidates.unshift({ resolution: 'raw', stepMs: request.sampleIntervalMs })
  const { reach = {}, raw = true } = request
  // By the end of its first bucket every resolution has begun that was never cut.
  const begun = Math.min(
    ...candidates.map(({ resolution, stepMs }) => (reach[resolution] ?? Infinity) + stepMs),
  )
  const neededMs = begun === Infinity ? fromMs : Math.max(fromMs, begun)
  for (const { resolution, stepMs } of raw ? candidates : candidates.slice(1)) {
    const fits = Math.ceil((toMs - fromMs) / stepMs) <= maxPoints
    const isKept = fromMs >= nowMs - keptDays(resolution, retention) * DAY_MS
    if (fits && isKept && (reach[resolution] ?? 0) <= neededMs) return resolution
  }
  return '1d'
}

/** Starts of all buckets that the half-open range touches, in order. */
export function bucketTimes(fromMs: number, toMs: number, stepMs: number): number[] {
  const times: number[] = []
  for (let time = bucketStart(fromMs, stepMs); time < toMs; time += stepMs) times.push(time)
  return times
}

/** One part of a read: the rows of `source` from `fromMs` (inclusive) to `toMs` (exclusive). */
export interface Segment {
  readonly source: 'recent' | 'metrics' | 'metrics_1m' | 'metrics_5m' | 'metrics_1h' | 'metrics_1d'
  readonly fromMs: number
  readonly toMs: number
}

/** Per rollup: buckets that start before this are complete in its table. */
export type Watermarks = Readonly<Record<RollupLevel, number>>

/**
 * Where a range at `level` is read: its own table as far as that is rolled up, then ever finer ones, so that
 * the newest minutes show. Empty parts are left out; the parts never overlap.
 */
export function planSegments(
  level: RollupLevel,
  fromMs: number,
  toMs: number,
  watermarks: Watermarks,
): Segment[] {
  const segments: Segment[] = []
  let reached = fromMs
  for (const rollup of ROLLUPS.slice(0, ROLLUPS.findIndex((other) => other.level === level) + 1).reverse()) {
    const until = Math.min(toMs, watermarks[rollup.level])
    if (until > reached) {
      segments.push({ source: tableOf(rollup.level), fromMs: reached, toMs: until })
      reached = until
    }
  }
  if (toMs > reached) {
    segments.push({ source: 'metrics', fromMs: reached, toMs }, { source: 'recent', fromMs: reached, toMs })
  }
  return segments
}

export function tableOf(level: RollupLevel): 'metrics_1m' | 'metrics_5m' | 'metrics_1h' | 'metrics_1d' {
  return `metrics_${level}`
}

export function rollupOf(level: RollupLevel): Rollup {
  const rollup = ROLLUPS.find((other) => other.level === level)
  if (!rollup) throw new RangeError(`no rollup ${level}`)
  return rollup
}
