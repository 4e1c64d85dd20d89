import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { Time } from '../../ui/time.tsx'
import { fleetTexts } from '../texts/fleet.ts'

const t = fleetTexts.container

/** The endpoint that a row is of. */
export const endpointColumn = <T extends { endpointName: string }>(priority: number): TableColumn<T> => ({
  id: 'endpoint',
  header: t.endpoint,
  cell: (row) => <span className="text-ink-2">{row.endpointName}</span>,
  value: (row) => row.endpointName,
  minWidth: 110,
  grow: 1,
  priority,
})

/** How long ago what a row shows was made. */
export const createdColumn = <T extends { createdAt: string }>(priority: number): TableColumn<T> => ({
  id: 'created',
  header: t.created,
  cell: (row) => <Time at={row.createdAt} className="text-ink-2" />,
  value: (row) => row.createdAt,
  descendingFirst: true,
  align: 'right',
  minWidth: 96,
  priority,
})
