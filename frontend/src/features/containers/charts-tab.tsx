import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { useMetricHistory } from '../../lib/metrics/use-metric-history.ts'
import { useRangeSearch } from '../../lib/metrics/use-range-search.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { ErrorState } from '../../ui/states.tsx'
import { paletteColor } from '../../ui/time-chart/palette.ts'
import { RangePicker } from '../../ui/time-chart/range-picker.tsx'
import { TimeChart } from '../../ui/time-chart/time-chart.tsx'
import type { RangeSearch } from '../../ui/time-chart/time-range.ts'
import { eventMarks } from './event-marks.ts'

const t = fleetTexts.container
const route = getRouteApi('/app/containers/$endpointId/$containerName')

const METRICS = [
  'cpu.percent',
  'memory.used.bytes',
  'net.rx.bytes_per_second',
  'net.tx.bytes_per_second',
  'block.read.bytes_per_second',
  'block.write.bytes_per_second',
  'pids.count',
] as const

// In and read share a colour, and so do out and write: the same direction in every panel.
const INWARD = paletteColor(2)
const OUTWARD = paletteColor(1)

export function ChartsTab({ container }: { container: ContainerDetail }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const change = useCallback(
    (next: RangeSearch) => void navigate({ search: (before) => ({ ...before, ...next }) }),
    [navigate],
  )
  const { range, set, onZoom, onZoomOut } = useRangeSearch(search, '1h', change)
  const { endpointId, name } = container
  const subject = useMemo(() => ({ endpointId, subject: 'container' as const, name }), [endpointId, name])
  const history = useMetricHistory(subject, METRICS, range)
  const events = useQuery({
    queryKey: ['container', endpointId, name, 'marks'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/containers/{endpointId}/{containerId}/events', {
          params: { path: { endpointId, containerId: name }, query: { limit: 500 } },
          signal,
        }),
      ),
    refetchInterval: 30_000,
  })
  const marks = useMemo(() => eventMarks(events.data?.items ?? []), [events.data])
  const cpuLimits = useMemo(
    () =>
      container.limits.cpus === null
        ? []
        : [{ value: container.limits.cpus * 100, label: t.cpuLimit(container.limits.cpus) }],
    [container.limits.cpus],
  )
  const memoryLimits = useMemo(
    () =>
      container.limits.memoryBytes === null
        ? []
        : [{ value: container.limits.memoryBytes, label: t.memoryLimit }],
    [container.limits.memoryBytes],
  )
  const lines = useMemo(() => {
    const one = (metric: (typeof METRICS)[number], label: string, color: string) =>
      history.lines(metric, () => label).map((line) => ({ ...line, color }))
    return {
      cpu: one('cpu.percent', t.cpu, paletteColor(0)),
      memory: one('memory.used.bytes', t.usedSeries, paletteColor(5)),
      network: [
        ...one('net.rx.bytes_per_second', t.received, INWARD),
        ...one('net.tx.bytes_per_second', t.sent, OUTWARD),
      ],
      disk: [
        ...one('block.read.bytes_per_second', t.readSeries, INWARD),
        ...one('block.write.bytes_per_second', t.written, OUTWARD),
      ],
      pids: one('pids.count', t.pids, paletteColor(0)),
    }
  }, [history])

  if (history.error && history.loading) return <ErrorState error={history.error} onRetry={history.refetch} />
  const shared = {
    fromMs: history.fromMs,
    toMs: history.toMs,
    stepMs: history.stepMs,
    loading: history.loading,
    syncKey: 'container',
    marks,
    onZoom,
    onZoomOut: () => onZoomOut(history.fromMs, history.toMs),
  }
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <p className="text-ink-2 text-sm">{container.state === 'running' ? '' : t.notRunning}</p>
        <RangePicker range={range} onChange={set} />
      </div>
      <div className="grid gap-3 xl:grid-cols-2 xl:[&>:last-child:nth-child(odd)]:col-span-2">
        <TimeChart {...shared} title={t.cpuChart} unit="percent" series={lines.cpu} thresholds={cpuLimits} />
        <TimeChart
          {...shared}
          title={t.memoryChart}
          unit="bytes"
          series={lines.memory}
          thresholds={memoryLimits}
        />
        <TimeChart {...shared} title={t.netChart} unit="bytes_per_second" series={lines.network} />
        <TimeChart {...shared} title={t.diskChart} unit="bytes_per_second" series={lines.disk} />
        <TimeChart {...shared} title={t.pidsChart} unit="count" series={lines.pids} height={120} />
      </div>
    </>
  )
}
