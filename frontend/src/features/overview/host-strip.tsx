import { Link } from '@tanstack/react-router'
import type { HostSummary } from '../../lib/api/types.ts'
import { formatBytes, formatPercent } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { Meter } from '../../ui/meter.tsx'

const t = texts.overview.hosts
/** More would push the containers off the first screen. */
const SHOWN = 11

export function HostStrip({ hosts }: { hosts: readonly HostSummary[] }) {
  if (hosts.length === 0) return null
  const ordered = [...hosts].sort((a, b) => Number(a.status === 'up') - Number(b.status === 'up'))
  const hidden = ordered.length - SHOWN
  return (
    <ul aria-label={t.title} className="grid grid-cols-[repeat(auto-fit,minmax(12rem,1fr))] gap-3">
      {ordered.slice(0, SHOWN).map((host) => (
        <li key={host.endpointId}>
          <HostCard host={host} />
        </li>
      ))}
      {hidden > 0 ? (
        <li>
          <Link
            to="/hosts"
            search={{}}
            className="flex h-full min-h-16 items-center justify-center rounded-lg border border-line border-dashed text-ink-2 text-sm hover:bg-raised hover:text-ink"
          >
            {t.more(hidden)}
          </Link>
        </li>
      ) : null}
    </ul>
  )
}

function HostCard({ host }: { host: HostSummary }) {
  const memory =
    host.memoryUsedBytes === null || !host.memoryBytes ? null : host.memoryUsedBytes / host.memoryBytes
  return (
    <Link
      to="/hosts/$endpointId"
      params={{ endpointId: host.endpointId }}
      search={{}}
      className="grid gap-1.5 rounded-lg border border-line bg-card px-3 py-2 hover:bg-raised"
    >
      <span className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium text-sm" title={host.name}>
          {host.name}
        </span>
        <EndpointStatusBadge status={host.status} />
      </span>
      <Usage
        label={t.cpu}
        ratio={host.cpuPercent === null ? null : host.cpuPercent / 100}
        text={host.cpuPercent === null ? texts.common.noSamples : formatPercent(host.cpuPercent)}
      />
      <Usage
        label={t.memory}
        ratio={memory}
        text={host.memoryUsedBytes === null ? texts.common.noSamples : formatBytes(host.memoryUsedBytes)}
      />
    </Link>
  )
}

function Usage({ label, ratio, text }: { label: string; ratio: number | null; text: string }) {
  return (
    <span className="grid grid-cols-[3.25rem_1fr_auto] items-center gap-2 text-xs">
      <span className="text-ink-2">{label}</span>
      <Meter ratio={ratio ?? 0} label={label} className="group-hover:bg-line" />
      <span className="tabular min-w-13 whitespace-nowrap text-right">{text}</span>
    </span>
  )
}
