import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { appendLive, type ChartSeries } from '../../ui/time-chart/chart-data.ts'
import { type ResolvedRange, rangeEnds, refreshEveryMs } from '../../ui/time-chart/time-range.ts'
import { api, unwrap } from '../api/client.ts'
import { useLiveEvent, useRoom } from '../use-live.ts'
import { createLiveStore, seriesKey, splitSeriesKey } from './live-series.ts'

export interface MetricSubject {
  endpointId: number
  subject: 'host' | 'container'
  /** '' for the host */
  name: string
}

export interface MetricHistory {
  fromMs: number
  toMs: number
  /** distance of two points of the history; live samples come closer together */
  stepMs: number
  /** lines of one metric, one per instance, ordered by instance as people count */
  lines: (metric: string, label: (instance: string) => string) => ChartSeries[]
  loading: boolean
  error: Error | null
  refetch: () => void
}

/** Room for a month of hours (720): a day's mean hides what a month is looked at for. */
const POINTS = 800
const LIVE_KEPT_MS = 3_600_000
const collator = new Intl.Collator('en', { numeric: true })

/** History of all given metrics in one request, with live samples appended where the range ends now and is short. */
export function useMetricHistory(
  subject: MetricSubject,
  metrics: readonly string[],
  range: ResolvedRange,
): MetricHistory {
  const { endpointId, name } = subject
  const wanted = metrics.join(',')
  const query = useQuery({
    queryKey: ['metrics', 'range', endpointId, subject.subject, name, wanted, range.preset ?? range.fixed],
    queryFn: async ({ signal }) => {
      const { fromMs, toMs } = rangeEnds(range, Date.now())
      const query = {
        endpointId,
        subject: subject.subject,
        name,
        metrics: wanted,
        from: fromMs,
        to: toMs,
        points: POINTS,
      }
      const result = await unwrap(api.GET('/api/metrics/range', { params: { query }, signal }))
      return { ...result, fromMs, toMs }
    },
    refetchInterval: refreshEveryMs(range),
    placeholderData: keepPreviousData,
  })

  const room = subject.subject === 'host' ? `host:${endpointId}` : `container:${endpointId}:${name}`
  useRoom(range.followsLive ? room : null)
  const store = useRef(createLiveStore(LIVE_KEPT_MS))
  const [newest, setNewest] = useState<number | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: samples of another host or container are not this one's.
  useEffect(() => {
    store.current.clear()
    setNewest(null)
  }, [room])
  useLiveEvent('sample', (sample) => {
    if (sample.endpointId !== endpointId || sample.subject !== subject.subject || sample.name !== name) return
    if (!range.followsLive) return
    store.current.add(sample.timeMs, sample.values)
    setNewest(sample.timeMs)
  })

  const { data } = query
  return useMemo(() => {
    const followed = range.followsLive && newest !== null
    const ends =
      range.fixed ??
      (followed
        ? rangeEnds(range, Math.max(newest, data?.toMs ?? 0))
        : (data ?? rangeEnds(range, Date.now())))
    const { fromMs, toMs } = ends
    const lines = (metric: string, label: (instance: string) => string): ChartSeries[] => {
      const found = new Map<string, ChartSeries>()
      for (const series of data?.series ?? []) {
        if (series.metric !== metric) continue
        found.set(series.instance, {
          key: seriesKey(metric, series.instance),
          label: label(series.instance),
          times: series.times,
          mean: series.mean,
          min: series.min,
          max: series.max,
        })
      }
      if (followed) {
        for (const key of store.current.keys()) {
          const live = splitSeriesKey(key)
          if (live.metric !== metric) continue
          const before = found.get(live.instance) ?? { key, label: label(live.instance), times: [], mean: [] }
          found.set(live.instance, appendLive(before, store.current.get(key), fromMs))
        }
      }
      return [...found.entries()].sort(([a], [b]) => collator.compare(a, b)).map(([, series]) => series)
    }
    return {
      fromMs,
      toMs,
      stepMs: data?.stepMs ?? 10_000,
      lines,
      loading: query.isPending,
      error: query.error,
      refetch: () => void query.refetch(),
    }
  }, [data, newest, range, query.isPending, query.error, query.refetch])
}
