import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { HostSummary } from '../../lib/api/types.ts'
import { formatBytes, formatDuration, formatNumber } from '../../lib/format.ts'
import { useMetricHistory } from '../../lib/metrics/use-metric-history.ts'
import { texts } from '../../lib/texts.ts'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { TimeChart } from '../../ui/time-chart/time-chart.tsx'
import { resolveRange } from '../../ui/time-chart/time-range.ts'

const t = texts.overview.hosts
const RANGE = resolveRange({}, 'live')
const HEIGHT = 92
const METRICS = [
  'cpu.percent',
  'memory.used.bytes',
  'net.rx.bytes_per_second',
  'net.tx.bytes_per_second',
] as const

/** CPU, memory and network of one host, moving with every sample. */
export function HostCharts({ host }: { host: HostSummary }) {
  const { endpointId } = host
  const subject = useMemo(() => ({ endpointId, subject: 'host' as const, name: '' }), [endpointId])
  const history = useMetricHistory(subject, METRICS, RANGE)
  const { lines } = history
  const cpu = useMemo(() => lines('cpu.percent', () => t.cpu), [lines])
  const memory = useMemo(() => lines('memory.used.bytes', () => t.used), [lines])
  const network = useMemo(
    () => [
      // '' is the sum of the physical interfaces; the single ones are on the host's page.
      ...lines('net.rx.bytes_per_second', (name) => (name === '' ? t.received : name)).filter(
        (line) => line.label === t.received,
      ),
      ...lines('net.tx.bytes_per_second', (name) => (name === '' ? t.sent : name)).filter(
        (line) => line.label === t.sent,
      ),
    ],
    [lines],
  )
  const frame = {
    fromMs: history.fromMs,
    toMs: history.toMs,
    stepMs: history.stepMs,
    height: HEIGHT,
    syncKey: 'overview',
    loading: history.loading,
  }
  return (
    <section aria-labelledby="featured-host" className="grid gap-2">
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h2 id="featured-host" className="text-base">
          <Link
            to="/hosts/$endpointId"
            params={{ endpointId }}
            search={{}}
            className="hover:text-accent hover:underline"
          >
            {host.name}
          </Link>
        </h2>
        <EndpointStatusBadge status={host.status} />
        <p className="tabular text-ink-2 text-sm">{describeHost(host)}</p>
      </header>
      <div className="grid gap-3 md:grid-cols-2 lg:grid-cols-3">
        <TimeChart {...frame} title={t.cpu} unit="percent" series={cpu} maximum={100} />
        <TimeChart {...frame} title={t.memory} unit="bytes" series={memory} maximum={host.memoryBytes ?? 0} />
        <TimeChart {...frame} title={t.network} unit="bytes_per_second" series={network} />
      </div>
    </section>
  )
}

function describeHost(host: HostSummary): string {
  return [
    host.cpus === null ? null : t.cores(host.cpus),
    host.memoryBytes === null ? null : formatBytes(host.memoryBytes),
    host.os,
    host.load1 === null ? null : t.load(formatNumber(host.load1)),
    host.uptimeSeconds === null ? null : t.up(formatDuration(host.uptimeSeconds * 1000)),
  ]
    .filter((part) => part !== null && part !== '')
    .join(' · ')
}
