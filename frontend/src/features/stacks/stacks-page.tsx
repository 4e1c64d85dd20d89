import { Link } from '@tanstack/react-router'
import { Layers } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { StackSummary } from '../../lib/api/types.ts'
import { endpointColumn } from '../../lib/fleet/columns.tsx'
import { ListPage, type ListSpec } from '../../lib/fleet/list-page.tsx'
import { useList } from '../../lib/fleet/use-list.ts'
import { formatBytes, formatPercent } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { StackStatus } from './stack-status.tsx'

const t = fleetTexts.stack
const c = fleetTexts.container
const dash = <span className="text-ink-3">–</span>

function StackLink({ stack }: { stack: StackSummary }) {
  return (
    <Link
      to="/stacks/$endpointId/$stackName"
      params={{ endpointId: stack.endpointId, stackName: stack.name }}
      title={stack.name}
      className="font-medium after:absolute after:inset-0 hover:text-accent"
    >
      {stack.name}
    </Link>
  )
}

const COLUMNS: readonly TableColumn<StackSummary>[] = [
  {
    id: 'name',
    header: t.name,
    cell: (row) => <StackLink stack={row} />,
    value: (row) => row.name,
    minWidth: 140,
    grow: 2,
    priority: 1,
  },
  {
    id: 'state',
    header: t.state,
    cell: (row) => (
      <span className="flex">
        <StackStatus stack={row} />
      </span>
    ),
    value: (row) => (row.unhealthy > 0 ? 0 : row.running < row.containers ? 1 : 2),
    minWidth: 150,
    priority: 1,
  },
  {
    id: 'containers',
    header: t.containers,
    cell: (row) => row.containers,
    value: (row) => row.containers,
    descendingFirst: true,
    align: 'right',
    minWidth: 84,
    priority: 3,
  },
  {
    id: 'cpu',
    header: c.cpu,
    cell: (row) => (row.cpuPercent === null ? dash : formatPercent(row.cpuPercent)),
    value: (row) => row.cpuPercent,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 76,
    priority: 2,
  },
  {
    id: 'memory',
    header: c.memory,
    cell: (row) => (row.memoryUsedBytes === null ? dash : formatBytes(row.memoryUsedBytes)),
    value: (row) => row.memoryUsedBytes,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 88,
    priority: 2,
  },
  {
    id: 'services',
    header: t.services,
    cell: (row) => (
      <span className="text-ink-2" title={row.services.join('\n')}>
        {row.services.join(', ')}
      </span>
    ),
    minWidth: 160,
    grow: 4,
    priority: 4,
  },
  endpointColumn(5),
]
const rowKey = (row: StackSummary) => `${row.endpointId}/${row.name}`
const rowLabel = (row: StackSummary) => row.name
const searched = (row: StackSummary) => [row.name, row.endpointName, ...row.services]
const card = (row: StackSummary) => (
  <>
    <div className="flex justify-between gap-2">
      <div className="min-w-0 truncate">
        <StackLink stack={row} />
      </div>
      <StackStatus stack={row} />
    </div>
    <p className="tabular truncate text-ink-3 text-xs">{`${row.endpointName} · ${row.services.join(', ')}`}</p>
  </>
)
const fetchList = (signal: AbortSignal) => unwrap(api.GET('/api/stacks', { signal }))

const LIST: ListSpec<StackSummary> = {
  name: 'stacks',
  title: texts.nav.stacks,
  icon: Layers,
  texts: t,
  hint: (rows) => t.count(rows.length),
  columns: COLUMNS,
  defaultSort: { id: 'name', descending: false },
  rowKey,
  rowLabel,
  card,
  searched,
}

export function StacksPage() {
  return <ListPage list={LIST} query={useList('stacks', fetchList, ['container'])} />
}
