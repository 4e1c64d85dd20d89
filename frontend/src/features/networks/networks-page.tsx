import { Link } from '@tanstack/react-router'
import { Network } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { NetworkSummary } from '../../lib/api/types.ts'
import { createdColumn, endpointColumn } from '../../lib/fleet/columns.tsx'
import { ListPage, type ListSpec } from '../../lib/fleet/list-page.tsx'
import { useList } from '../../lib/fleet/use-list.ts'
import { shortId } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'

const t = fleetTexts.network
const SHOWN = 4

function Attached({ network }: { network: NetworkSummary }) {
  const { containers } = network
  if (containers.length === 0) return <span className="text-ink-3">{t.none}</span>
  return (
    <span
      className="flex min-w-0 items-center gap-2"
      title={containers.map((container) => `${container.name} ${container.ip ?? ''}`).join('\n')}
    >
      <span className="tabular text-ink-3">{containers.length}</span>
      <span className="truncate">
        {containers.slice(0, SHOWN).map((container, index) => (
          <span key={container.id}>
            {index > 0 && ', '}
            <Link
              to="/containers/$endpointId/$containerName"
              params={{ endpointId: network.endpointId, containerName: container.name }}
              className="hover:text-accent hover:underline"
            >
              {container.name}
            </Link>
          </span>
        ))}
        {containers.length > SHOWN && (
          <span className="text-ink-3"> {t.more(containers.length - SHOWN)}</span>
        )}
      </span>
    </span>
  )
}

function Name({ network }: { network: NetworkSummary }) {
  return (
    <span className="flex min-w-0 items-center gap-1.5" title={`${network.name}\n${shortId(network.id)}`}>
      <span className="truncate font-medium">{network.name}</span>
      {network.internal && <Badge>{t.internal}</Badge>}
    </span>
  )
}

const subnets = (row: NetworkSummary) => row.subnets.map(({ subnet }) => subnet).join(', ')

const COLUMNS: readonly TableColumn<NetworkSummary>[] = [
  {
    id: 'name',
    header: t.name,
    cell: (row) => <Name network={row} />,
    value: (row) => row.name,
    minWidth: 160,
    grow: 2,
    priority: 1,
  },
  {
    id: 'driver',
    header: t.driver,
    cell: (row) => <span className="text-ink-2">{row.driver}</span>,
    value: (row) => row.driver,
    minWidth: 76,
    priority: 2,
  },
  {
    id: 'subnets',
    header: t.subnets,
    cell: (row) => <code className="mono text-ink-2">{subnets(row)}</code>,
    value: subnets,
    minWidth: 140,
    grow: 1,
    priority: 2,
  },
  {
    id: 'containers',
    header: t.containers,
    cell: (row) => <Attached network={row} />,
    value: (row) => row.containers.length,
    descendingFirst: true,
    minWidth: 180,
    grow: 4,
    priority: 1,
  },
  {
    id: 'stack',
    header: t.stack,
    cell: (row) => <span className="text-ink-2">{row.stack}</span>,
    value: (row) => row.stack,
    minWidth: 110,
    priority: 4,
  },
  endpointColumn(3),
  {
    id: 'scope',
    header: t.scope,
    cell: (row) => <span className="text-ink-2">{row.scope}</span>,
    value: (row) => row.scope,
    minWidth: 70,
    priority: 6,
    offByDefault: true,
  },
  createdColumn(5),
]
const rowKey = (row: NetworkSummary) => `${row.endpointId}/${row.id}`
const rowLabel = (row: NetworkSummary) => row.name
const searched = (row: NetworkSummary) => [
  row.name,
  subnets(row),
  row.driver,
  ...row.containers.map(({ name }) => name),
]
const card = (row: NetworkSummary) => (
  <>
    <div className="flex justify-between gap-2">
      <Name network={row} />
      <span className="text-ink-3 text-xs">{`${row.driver} · ${row.endpointName}`}</span>
    </div>
    <code className="mono block truncate text-ink-3 text-xs">{subnets(row)}</code>
    <div className="text-sm">
      <Attached network={row} />
    </div>
  </>
)
const fetchList = (signal: AbortSignal) => unwrap(api.GET('/api/networks', { signal }))

const LIST: ListSpec<NetworkSummary> = {
  name: 'networks',
  title: texts.nav.networks,
  icon: Network,
  texts: t,
  hint: (rows) => t.count(rows.length),
  columns: COLUMNS,
  defaultSort: { id: 'name', descending: false },
  rowKey,
  rowLabel,
  card,
  searched,
}

export function NetworksPage() {
  return <ListPage list={LIST} query={useList('networks', fetchList, ['network', 'container'])} />
}
