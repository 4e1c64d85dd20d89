import { useQuery } from '@tanstack/react-query'
import { ListTree } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { ApiError } from '../../lib/api/problem.ts'
import type { HostDetail, HostProcess } from '../../lib/api/types.ts'
import { formatBytes, formatPercent } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { DataTable } from '../../ui/data-table/data-table.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import type { TableSort } from '../../ui/data-table/table-order.ts'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'

const t = fleetTexts.host

const cpu = (row: HostProcess) =>
  row.cpuPercent === null ? <span className="text-ink-3">–</span> : formatPercent(row.cpuPercent)

const COLUMNS: readonly TableColumn<HostProcess>[] = [
  {
    id: 'name',
    header: t.process,
    cell: (row) => <span className="font-medium">{row.name}</span>,
    value: (row) => row.name,
    minWidth: 120,
    grow: 1,
    priority: 1,
  },
  {
    id: 'cpu',
    header: t.cpu,
    cell: cpu,
    value: (row) => row.cpuPercent,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 76,
    priority: 1,
  },
  {
    id: 'memory',
    header: t.memory,
    cell: (row) => formatBytes(row.memoryBytes),
    value: (row) => row.memoryBytes,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 84,
    priority: 1,
  },
  {
    id: 'pid',
    header: t.pid,
    cell: (row) => row.pid,
    value: (row) => row.pid,
    align: 'right',
    minWidth: 72,
    priority: 3,
  },
  {
    id: 'user',
    header: t.user,
    cell: (row) => row.user,
    value: (row) => row.user,
    minWidth: 80,
    priority: 3,
  },
  {
    id: 'state',
    header: t.state,
    cell: (row) => row.state,
    value: (row) => row.state,
    minWidth: 64,
    priority: 5,
  },
  {
    id: 'started',
    header: t.started,
    cell: (row) => (row.startedAt === null ? null : <Time at={row.startedAt} className="text-ink-2" />),
    value: (row) => row.startedAt,
    descendingFirst: true,
    align: 'right',
    minWidth: 92,
    priority: 4,
  },
  {
    id: 'command',
    header: t.command,
    cell: (row) => (
      <code className="mono text-ink-2" title={row.command}>
        {row.command}
      </code>
    ),
    minWidth: 200,
    grow: 4,
    priority: 2,
  },
]
const rowKey = (row: HostProcess) => `${row.pid} ${row.startedAt ?? ''}`
const rowLabel = (row: HostProcess) => row.name
const card = (row: HostProcess) => (
  <>
    <div className="tabular flex justify-between gap-2 text-sm">
      <span className="truncate font-medium">{row.name}</span>
      <span className="whitespace-nowrap">
        {cpu(row)} · {formatBytes(row.memoryBytes)}
      </span>
    </div>
    <p className="mono truncate text-ink-3 text-xs">{row.command}</p>
  </>
)

export function ProcessesTab({ host }: { host: HostDetail }) {
  const { endpointId } = host
  const [sort, setSort] = useState<TableSort>({ id: 'cpu', descending: true })
  const { data, error, refetch } = useQuery({
    queryKey: ['host', endpointId, 'processes'],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/hosts/{endpointId}/processes', { params: { path: { endpointId } }, signal })),
    refetchInterval: 5_000,
  })
  const nothing = (
    <EmptyState icon={ListTree} title={t.noProcesses}>
      {t.noProcessesHint}
    </EmptyState>
  )
  if (error && !data) {
    const unsupported = error instanceof ApiError && (error.status === 404 || error.status === 409)
    return unsupported ? nothing : <ErrorState error={error} onRetry={() => void refetch()} />
  }
  if (!data) {
    return (
      <Loading>
        <Skeleton className="h-96" />
      </Loading>
    )
  }
  return (
    <DataTable
      name="host-processes"
      label={t.processes}
      rows={data.items}
      columns={COLUMNS}
      rowKey={rowKey}
      rowLabel={rowLabel}
      sort={sort}
      onSort={setSort}
      card={card}
      toolbar={<p className="text-ink-2 text-sm">{t.processCount(data.items.length, data.total)}</p>}
      empty={nothing}
    />
  )
}
