import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Server } from 'lucide-react'
import { useMemo } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { HostSummary } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { useEndpointFilter } from '../../lib/endpoint-filter.ts'
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { useLiveEvent } from '../../lib/use-live.ts'
import { Button } from '../../ui/button.tsx'
import { DataTable } from '../../ui/data-table/data-table.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { formatSort, parseSort } from '../../ui/data-table/table-order.ts'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { Meter } from '../../ui/meter.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'

const t = fleetTexts.host
const route = getRouteApi('/app/hosts')
// Of a host that does not answer: what is shown is what was.
const STALE = 'text-ink-3 italic'
const none = <span className="text-ink-3">{fleetTexts.noSamples}</span>
const notTold = (
  <span className="text-ink-3" title={t.notTold}>
    –
  </span>
)

function HostLink({ host }: { host: HostSummary }) {
  return (
    <Link
      to="/hosts/$endpointId"
      params={{ endpointId: host.endpointId }}
      title={host.name}
      className="font-medium after:absolute after:inset-0 hover:text-accent"
    >
      {host.name}
    </Link>
  )
}

const memoryRatio = (host: HostSummary) =>
  host.memoryUsedBytes === null || !host.memoryBytes ? null : host.memoryUsedBytes / host.memoryBytes

function CpuCell({ host }: { host: HostSummary }) {
  if (host.cpuPercent === null) return none
  return (
    <span className={cn('flex items-center justify-end gap-2', host.status !== 'up' && STALE)}>
      {formatPercent(host.cpuPercent)}
      <Meter className="w-16" ratio={host.cpuPercent / 100} label={t.cpu} />
    </span>
  )
}

function MemoryCell({ host }: { host: HostSummary }) {
  const ratio = memoryRatio(host)
  if (ratio === null || host.memoryUsedBytes === null || host.memoryBytes === null) return none
  return (
    <span className={cn('flex items-center justify-end gap-2', host.status !== 'up' && STALE)}>
      <span>
        {formatBytes(host.memoryUsedBytes)}{' '}
        <span className="text-ink-3">/ {formatBytes(host.memoryBytes)}</span>
      </span>
      <Meter className="w-16" ratio={ratio} label={t.memory} />
    </span>
  )
}

const COLUMNS: readonly TableColumn<HostSummary>[] = [
  {
    id: 'name',
    header: t.name,
    cell: (row) => <HostLink host={row} />,
    value: (row) => row.name,
    minWidth: 160,
    grow: 3,
    priority: 1,
  },
  {
    id: 'status',
    header: t.status,
    cell: (row) => (
      <span className="flex">
        <EndpointStatusBadge status={row.status} />
      </span>
    ),
    value: (row) => row.status,
    minWidth: 110,
    priority: 1,
  },
  {
    id: 'cpu',
    header: t.cpu,
    cell: (row) => <CpuCell host={row} />,
    value: (row) => row.cpuPercent,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 130,
    priority: 2,
  },
  {
    id: 'memory',
    header: t.memory,
    cell: (row) => <MemoryCell host={row} />,
    value: memoryRatio,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 230,
    priority: 2,
  },
  {
    id: 'load',
    header: t.load,
    cell: (row) => (row.load1 === null ? notTold : formatNumber(row.load1)),
    value: (row) => row.load1,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 64,
    priority: 4,
  },
  {
    id: 'containers',
    header: t.containers,
    cell: (row) => t.running(row.running, row.containers),
    value: (row) => row.containers,
    descendingFirst: true,
    align: 'right',
    minWidth: 130,
    priority: 3,
  },
  {
    id: 'uptime',
    header: t.uptime,
    cell: (row) => (row.uptimeSeconds === null ? notTold : formatDuration(row.uptimeSeconds * 1000)),
    value: (row) => row.uptimeSeconds,
    descendingFirst: true,
    align: 'right',
    minWidth: 90,
    priority: 5,
  },
  {
    id: 'os',
    header: t.os,
    cell: (row) => <span className="text-ink-2">{row.os ?? ''}</span>,
    value: (row) => row.os,
    minWidth: 120,
    grow: 2,
    priority: 6,
  },
  {
    id: 'cores',
    header: t.coresHeader,
    cell: (row) => <span className="text-ink-2">{row.cpus === null ? '' : t.cores(row.cpus)}</span>,
    value: (row) => row.cpus,
    descendingFirst: true,
    align: 'right',
    minWidth: 80,
    priority: 7,
  },
]
const IDS = COLUMNS.map((column) => column.id)
const rowKey = (row: HostSummary) => String(row.endpointId)
const rowLabel = (row: HostSummary) => row.name

function HostCard({ host }: { host: HostSummary }) {
  return (
    <>
      <div className="flex items-start justify-between gap-2">
        <div className="min-w-0 truncate">
          <HostLink host={host} />
        </div>
        <EndpointStatusBadge status={host.status} />
      </div>
      <dl className="tabular mt-1 grid grid-cols-[1fr_auto] gap-1 text-ink-2 text-xs">
        <dt className="text-ink-3">{t.cpu}</dt>
        <dd className="text-right">
          <CpuCell host={host} />
        </dd>
        <dt className="text-ink-3">{t.memory}</dt>
        <dd className="text-right">
          <MemoryCell host={host} />
        </dd>
        <dt className="text-ink-3">{t.containers}</dt>
        <dd className="text-right">{t.running(host.running, host.containers)}</dd>
      </dl>
    </>
  )
}
const card = (row: HostSummary) => <HostCard host={row} />

export function HostsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const endpointId = useEndpointFilter()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: ['hosts'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/hosts', { signal })),
    refetchInterval: 5_000,
  })
  useLiveEvent('fleet:changes', (changes) => {
    if (changes.endpoints.length > 0) void queries.invalidateQueries({ queryKey: ['hosts'] })
  })
  const sort = useMemo(() => parseSort(search.sort, IDS) ?? { id: 'name', descending: false }, [search.sort])
  const hosts = useMemo(
    () => data?.items.filter((host) => endpointId === undefined || host.endpointId === endpointId),
    [data, endpointId],
  )
  return (
    <>
      <PageHeader title={texts.nav.hosts} hint={hosts && t.count(hosts.length)} />
      {error && !hosts ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : !hosts ? (
        <Loading>
          <Skeleton className="h-64" />
        </Loading>
      ) : (
        // Its tools stand beside the title: there is nothing else to fill a line with.
        <div className="-mt-10">
          <DataTable
            name="hosts"
            label={texts.nav.hosts}
            rows={hosts}
            columns={COLUMNS}
            rowKey={rowKey}
            rowLabel={rowLabel}
            sort={sort}
            onSort={(next) =>
              void navigate({ search: (before) => ({ ...before, sort: formatSort(next) }), replace: true })
            }
            card={card}
            empty={
              <EmptyState
                icon={Server}
                title={t.empty}
                actions={
                  <Button asChild>
                    <Link to="/settings">{t.addEndpoint}</Link>
                  </Button>
                }
              >
                {t.emptyHint}
              </EmptyState>
            }
          />
        </div>
      )}
    </>
  )
}
