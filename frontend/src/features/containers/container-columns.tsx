import type { ContainerSummary } from '../../lib/api/types.ts'
import { createdColumn, endpointColumn } from '../../lib/fleet/columns.tsx'
import { ImageName } from '../../lib/fleet/image-name.tsx'
import { shortId } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { ContainerStatus, containerLook } from '../../ui/fleet-status.tsx'
import { Time } from '../../ui/time.tsx'
import { CpuCell, MemoryCell, NameLink, portTexts } from './container-cells.tsx'

const t = fleetTexts.container

/** What is worst comes first when one sorts by state. */
const GRAVITY = { critical: 0, warn: 1, info: 2, ok: 3, unknown: 4 } as const

const muted = (text: string | null) => <span className="text-ink-2">{text}</span>

export const CONTAINER_COLUMNS: readonly TableColumn<ContainerSummary>[] = [
  {
    id: 'name',
    header: t.name,
    cell: (row) => <NameLink container={row} />,
    value: (row) => row.name,
    minWidth: 150,
    grow: 2.8,
    priority: 1,
  },
  {
    id: 'state',
    header: t.status,
    cell: (row) => (
      <span className="flex" title={row.status}>
        <ContainerStatus state={row.state} health={row.health} exitCode={row.exitCode} />
      </span>
    ),
    value: (row) => {
      const look = containerLook(row.state, row.health, row.exitCode)
      return `${GRAVITY[look.tone]} ${look.label}`
    },
    minWidth: 100,
    priority: 1,
  },
  {
    id: 'cpu',
    header: t.cpu,
    cell: (row) => <CpuCell container={row} />,
    value: (row) => row.cpuPercent,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 72,
    priority: 2,
  },
  {
    id: 'memory',
    header: t.memory,
    cell: (row) => <MemoryCell container={row} />,
    value: (row) => row.memoryUsedBytes,
    live: true,
    descendingFirst: true,
    align: 'right',
    minWidth: 124,
    priority: 2,
  },
  {
    id: 'image',
    header: t.image,
    cell: (row) => <ImageName image={row.image} className="text-ink-2" />,
    value: (row) => row.image,
    minWidth: 140,
    grow: 3.6,
    priority: 4,
  },
  endpointColumn(5),
  {
    id: 'ports',
    header: t.ports,
    cell: (row) => {
      const ports = portTexts(row)
      return (
        <span className="tabular text-ink-2" title={ports.join('\n')}>
          {ports.join(', ')}
        </span>
      )
    },
    minWidth: 100,
    grow: 1.2,
    priority: 6,
  },
  {
    id: 'started',
    header: t.started,
    cell: (row) => (row.startedAt === null ? null : <Time at={row.startedAt} className="text-ink-2" />),
    value: (row) => row.startedAt,
    descendingFirst: true,
    align: 'right',
    minWidth: 80,
    priority: 3,
  },
  {
    id: 'restarts',
    header: t.restarts,
    cell: (row) => (
      <span className={row.restartCount > 0 ? 'text-warn' : 'text-ink-3'}>{row.restartCount}</span>
    ),
    value: (row) => row.restartCount,
    descendingFirst: true,
    align: 'right',
    minWidth: 60,
    priority: 7,
  },
  {
    id: 'stack',
    header: t.stack,
    cell: (row) => muted(row.stack),
    value: (row) => row.stack,
    minWidth: 110,
    priority: 8,
    offByDefault: true,
  },
  {
    id: 'networks',
    header: t.networks,
    cell: (row) => muted(row.networks.join(', ')),
    value: (row) => row.networks.join(', '),
    minWidth: 120,
    priority: 9,
    offByDefault: true,
  },
  { ...createdColumn(9), offByDefault: true },
  {
    id: 'id',
    header: t.id,
    cell: (row) => <code className="mono text-ink-2">{shortId(row.id)}</code>,
    minWidth: 104,
    priority: 9,
    offByDefault: true,
  },
]
