interface LiveSeries {
  times: number[]
  values: number[]
}

/** Samples pushed by the server, by `metric` or `metric[instance]`, of the last `keepMs`. */
export interface LiveStore {
  add(timeMs: number, values: Readonly<Record<string, number>>): void
  get(key: string): LiveSeries | undefined
  keys(): string[]
  /** time of the newest sample, null before the first */
  newestMs(): number | null
  clear(): void
}

/** Old samples are cut off in pieces: shifting one by one would copy an hour of samples each second. */
const SLACK = 300

export function createLiveStore(keepMs: number): LiveStore {
  const all = new Map<string, LiveSeries>()
  let newest: number | null = null
  return {
    add(timeMs, values) {
      // A sample that arrives twice, or late, would bend the line backwards.
      if (newest !== null && timeMs <= newest) return
      newest = timeMs
      for (const [key, value] of Object.entries(values)) {
        let series = all.get(key)
        if (!series) {
          series = { times: [], values: [] }
          all.set(key, series)
        }
        series.times.push(timeMs)
        series.values.push(value)
        const old = series.times.findIndex((time) => time >= timeMs - keepMs)
        if (old > SLACK) {
          series.times.splice(0, old)
          series.values.splice(0, old)
        }
      }
    },
    get: (key) => all.get(key),
    keys: () => [...all.keys()],
    newestMs: () => newest,
    clear() {
      all.clear()
      newest = null
    },
  }
}

export const seriesKey = (metric: string, instance: string): string =>
  instance === '' ? metric : `${metric}[${instance}]`

/** The inverse of seriesKey; an instance may itself contain brackets. */
export function splitSeriesKey(key: string): { metric: string; instance: string } {
  const open = key.indexOf('[')
  return open === -1 || !key.endsWith(']')
    ? { metric: key, instance: '' }
    : { metric: key.slice(0, open), instance: key.slice(open + 1, -1) }
}
