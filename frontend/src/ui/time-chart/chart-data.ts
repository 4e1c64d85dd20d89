/** A line as it comes from the API or the live feed: `times` ascending in epoch ms, arrays of equal length. */
export interface ChartSeries {
  /** identifies the line across panels and renders; also picks its colour */
  key: string
  label: string
  times: readonly number[]
  mean: readonly (number | null)[]
  min?: readonly (number | null)[] | undefined
  max?: readonly (number | null)[] | undefined
  /** CSS colour; by default the palette gives one by `key` */
  color?: string | undefined
}

/** Columns on one shared time axis. `min`/`max` are null for a line without a band. */
export interface AlignedChart {
  times: number[]
  columns: {
    mean: (number | null)[]
    min: (number | null)[] | null
    max: (number | null)[] | null
  }[]
}

/** A distance above this many steps between neighbours means that samples are missing. */
const GAP_STEPS = 3

function sharedTimes(series: readonly ChartSeries[]): number[] {
  const all = new Set<number>()
  for (const line of series) for (const time of line.times) all.add(time)
  return [...all].sort((a, b) => a - b)
}

function sameTimes(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((time, index) => time === b[index]))
}

/** Puts a line's values at the shared times; holes of up to `GAP_STEPS` steps are bridged, wider ones stay null. */
function place(
  times: readonly number[],
  line: ChartSeries,
  values: readonly (number | null)[],
  gapMs: number,
): (number | null)[] {
  const out = new Array<number | null>(times.length).fill(null)
  let cursor = 0
  let previous: { index: number; time: number; value: number } | null = null
  for (let index = 0; index < times.length; index += 1) {
    if (line.times[cursor] !== times[index]) continue
    const value = values[cursor] ?? null
    const time = times[index] ?? 0
    cursor += 1
    out[index] = value
    if (value === null) {
      previous = null
      continue
    }
    // Another line's time between two of this line's samples is not a gap of this line.
    if (previous !== null && index - previous.index > 1 && time - previous.time <= gapMs) {
      for (let hole = previous.index + 1; hole < index; hole += 1) {
        const share = ((times[hole] ?? 0) - previous.time) / (time - previous.time)
        out[hole] = previous.value + (value - previous.value) * share
      }
    }
    previous = { index, time, value }
  }
  return out
}

/** Adds a time in the middle of every hole wider than `gapMs`, so that the line breaks there. */
function withGapTimes(times: readonly number[], gapMs: number): number[] {
  const out: number[] = []
  times.forEach((time, index) => {
    const before = times[index - 1]
    if (before !== undefined && time - before > gapMs) out.push(Math.round((time + before) / 2))
    out.push(time)
  })
  return out
}

/**
 * One time axis for all lines, with a null wherever samples are missing.
 *
 * @param stepMs expected distance between two samples of a line.
 */
export function alignSeries(series: readonly ChartSeries[], stepMs: number): AlignedChart {
  const first = series[0]
  if (first === undefined) return { times: [], columns: [] }
  const gapMs = Math.max(stepMs, 1) * GAP_STEPS
  const alike = series.every((line) => sameTimes(first.times, line.times))
  const times = withGapTimes(alike ? first.times : sharedTimes(series), gapMs)
  const columns = series.map((line) => ({
    mean: place(times, line, line.mean, gapMs),
    min: line.min === undefined ? null : place(times, line, line.min, gapMs),
    max: line.max === undefined ? null : place(times, line, line.max, gapMs),
  }))
  return { times, columns }
}

/** History followed by the live samples that are newer than its last point, without what lies before `fromMs`. */
export function appendLive(
  history: ChartSeries,
  live: { times: readonly number[]; values: readonly number[] } | undefined,
  fromMs: number,
): ChartSeries {
  if (live === undefined || live.times.length === 0) return history
  const last = history.times.at(-1) ?? Number.NEGATIVE_INFINITY
  const start = live.times.findIndex((time) => time > last && time >= fromMs)
  if (start === -1) return history
  const times = live.times.slice(start)
  const values = live.values.slice(start)
  return {
    ...history,
    times: [...history.times, ...times],
    mean: [...history.mean, ...values],
    min: history.min === undefined ? undefined : [...history.min, ...values],
    max: history.max === undefined ? undefined : [...history.max, ...values],
  }
}

export interface SeriesSummary {
  last: number | null
  mean: number | null
  max: number | null
}

/** Figures for the legend and for screen readers; all null for a line without samples. */
export function summarize(line: ChartSeries): SeriesSummary {
  let sum = 0
  let count = 0
  let max: number | null = null
  let last: number | null = null
  line.mean.forEach((value, index) => {
    if (value === null) return
    sum += value
    count += 1
    last = value
    const peak = line.max?.[index] ?? value
    if (max === null || peak > max) max = peak
  })
  return { last, mean: count === 0 ? null : sum / count, max }
}

/** Largest value to draw between two times, bands included, of the lines that `isShown`; 0 when there is none. */
export function chartMaximum(
  chart: AlignedChart,
  fromMs: number,
  toMs: number,
  isShown: (column: number) => boolean = () => true,
): number {
  let maximum = 0
  chart.columns.forEach((column, index) => {
    if (!isShown(index)) return
    for (const values of [column.mean, column.max ?? []]) {
      values.forEach((value, position) => {
        const time = chart.times[position] ?? 0
        if (value !== null && value > maximum && time >= fromMs && time <= toMs) maximum = value
      })
    }
  })
  return maximum
}
