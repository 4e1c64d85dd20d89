import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import type { HostDetail } from '../../lib/api/types.ts'
import { type MetricHistory, useMetricHistory } from '../../lib/metrics/use-metric-history.ts'
import { useRangeSearch } from '../../lib/metrics/use-range-search.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { ErrorState } from '../../ui/states.tsx'
import type { ChartSeries } from '../../ui/time-chart/chart-data.ts'
import { createColorMap, paletteColor } from '../../ui/time-chart/palette.ts'
import { RangePicker } from '../../ui/time-chart/range-picker.tsx'
import { TimeChart, type TimeChartProps } from '../../ui/time-chart/time-chart.tsx'
import type { RangeSearch } from '../../ui/time-chart/time-range.ts'

const t = fleetTexts.host
const route = getRouteApi('/app/hosts/$endpointId')

const METRICS = [
  'cpu.percent',
  'cpu.core.percent',
  'load.1',
  'load.5',
  'load.15',
  'memory.used.bytes',
  'memory.cached.bytes',
  'swap.used.bytes',
  'disk.read.bytes_per_second',
  'disk.write.bytes_per_second',
  'disk.busy.percent',
  'fs.used.bytes',
  'net.rx.bytes_per_second',
  'net.tx.bytes_per_second',
  'temperature.celsius',
  'processes.count',
] as const
type Metric = (typeof METRICS)[number]

type Panel = Pick<TimeChartProps, 'title' | 'unit' | 'series' | 'maximum' | 'thresholds'>

/** Panels of this host; those without any line (no sensor, no swap) are left out. */
function panels(history: MetricHistory, host: HostDetail, colorOf: (key: string) => string): Panel[] {
  const plain = (metric: Metric, label: string, color: string): ChartSeries[] =>
    history.lines(metric, () => label).map((line) => ({ ...line, color }))
  // A device, interface or mount has one colour in every panel it is in.
  const each = (
    metric: Metric,
    kind: string,
    label = (instance: string) => instance || t.total,
  ): ChartSeries[] =>
    history.lines(metric, label).map((line) => ({ ...line, color: colorOf(`${kind} ${line.label}`) }))
  const cores = history.lines('cpu.core.percent', t.core)
  const net = (metric: Metric) => each(metric, 'net', (name) => name || t.allInterfaces)
  const all: Panel[] = [
    {
      title: t.cpuChart,
      unit: 'percent',
      maximum: 100,
      series: plain('cpu.percent', t.cpu, paletteColor(0)),
    },
    {
      title: t.memoryChart,
      unit: 'bytes',
      maximum: host.memoryBytes ?? 0,
      series: [
        ...plain('memory.used.bytes', t.used, paletteColor(5)),
        ...plain('memory.cached.bytes', t.cached, paletteColor(7)),
      ],
    },
    {
      title: t.loadChart,
      unit: 'load',
      series: [
        ...plain('load.1', t.load1, paletteColor(0)),
        ...plain('load.5', t.load5, paletteColor(1)),
        ...plain('load.15', t.load15, paletteColor(2)),
      ],
      thresholds: host.cpus === null ? [] : [{ value: host.cpus, label: t.cores(host.cpus) }],
    },
    {
      title: t.coresChart,
      unit: 'percent',
      maximum: 100,
      series: cores.map((line, index) => ({ ...line, color: paletteColor(index) })),
    },
    { title: t.networkIn, unit: 'bytes_per_second', series: net('net.rx.bytes_per_second') },
    { title: t.networkOut, unit: 'bytes_per_second', series: net('net.tx.bytes_per_second') },
    { title: t.diskRead, unit: 'bytes_per_second', series: each('disk.read.bytes_per_second', 'disk') },
    { title: t.diskWrite, unit: 'bytes_per_second', series: each('disk.write.bytes_per_second', 'disk') },
    { title: t.diskBusy, unit: 'percent', maximum: 100, series: each('disk.busy.percent', 'disk') },
    { title: t.filesystems, unit: 'bytes', series: each('fs.used.bytes', 'fs') },
    { title: t.swapChart, unit: 'bytes', series: plain('swap.used.bytes', t.swap, paletteColor(3)) },
    { title: t.temperatures, unit: 'celsius', series: each('temperature.celsius', 'sensor') },
    {
      title: t.processChart,
      unit: 'count',
      series: plain('processes.count', t.processChart, paletteColor(0)),
    },
  ]
  return all.filter((panel, index) => panel.series.length > 0 || (history.loading && index < 4))
}

export function ChartsTab({ host }: { host: HostDetail }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const change = useCallback(
    (next: RangeSearch) => void navigate({ search: (before) => ({ ...before, ...next }) }),
    [navigate],
  )
  const { range, set, onZoom, onZoomOut } = useRangeSearch(search, 'live', change)
  const { endpointId, cpus, memoryBytes } = host
  const subject = useMemo(() => ({ endpointId, subject: 'host' as const, name: '' }), [endpointId])
  const history = useMetricHistory(subject, METRICS, range)
  const [colorOf] = useState(createColorMap)
  // biome-ignore lint/correctness/useExhaustiveDependencies: of the host only these two are drawn; it is another object every 5 s.
  const shown = useMemo(() => panels(history, host, colorOf), [history, cpus, memoryBytes, colorOf])
  if (history.error && history.loading) return <ErrorState error={history.error} onRetry={history.refetch} />
  return (
    <>
      <div className="mb-3 flex justify-end">
        <RangePicker range={range} onChange={set} />
      </div>
      <div className="grid grid-flow-dense gap-3 xl:grid-cols-2">
        {shown.map((panel) => (
          <TimeChart
            key={panel.title}
            {...panel}
            fromMs={history.fromMs}
            toMs={history.toMs}
            stepMs={history.stepMs}
            loading={history.loading}
            syncKey="host"
            onZoom={onZoom}
            onZoomOut={() => onZoomOut(history.fromMs, history.toMs)}
          />
        ))}
      </div>
      {shown.every((panel) => panel.series.length === 0) && !history.loading && (
        <p className="py-12 text-center text-ink-3">{fleetTexts.noSamples}</p>
      )}
    </>
  )
}
