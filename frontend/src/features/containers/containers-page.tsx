import { getRouteApi } from '@tanstack/react-router'
import { Boxes, SearchX } from 'lucide-react'
import { useCallback, useMemo } from 'react'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { useEndpointFilter } from '../../lib/endpoint-filter.ts'
import { containerKey } from '../../lib/fleet/patch-containers.ts'
import { useContainers } from '../../lib/fleet/use-containers.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { DataTable } from '../../ui/data-table/data-table.tsx'
import { formatSort, parseSort, type TableSort } from '../../ui/data-table/table-order.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { ActionButtons } from './action-buttons.tsx'
import { type ContainerAction, useMayAct } from './container-actions.ts'
import { ContainerCard } from './container-card.tsx'
import { CONTAINER_COLUMNS } from './container-columns.tsx'
import { ContainersFilters } from './containers-filters.tsx'
import type { ContainersSearch } from './containers-search.ts'
import { filterContainers, stackLabels } from './filter-containers.ts'

const t = fleetTexts.container
const route = getRouteApi('/app/containers')
const COLUMN_IDS = CONTAINER_COLUMNS.map((column) => column.id)
const ACTIONS: readonly ContainerAction[] = ['start', 'restart', 'stop']
const rowLabel = (row: ContainerSummary) => row.name
const card = (row: ContainerSummary) => <ContainerCard container={row} />

const summary = (rows: readonly ContainerSummary[]) => {
  const running = rows.filter((row) => row.state === 'running').length
  const unhealthy = rows.filter((row) => row.health === 'unhealthy').length
  return (
    <>
      <span className={running < rows.length ? 'text-warn' : undefined}>
        {t.groupRunning(running, rows.length)}
      </span>
      {unhealthy > 0 && <span className="text-critical">{t.groupUnhealthy(unhealthy)}</span>}
    </>
  )
}

export function ContainersPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const endpointId = useEndpointFilter()
  const { containers, total, error, refetch } = useContainers()
  const mayAct = useMayAct()
  const sort = useMemo(
    () => parseSort(search.sort, COLUMN_IDS) ?? { id: 'name', descending: false },
    [search.sort],
  )
  const { q, state, health, stack } = search
  const shown = useMemo(
    () => filterContainers(containers ?? [], { q, state, health, stack, endpointId }),
    [containers, q, state, health, stack, endpointId],
  )
  const group = useMemo(
    () => ({ of: stackLabels(containers ?? []), restLabel: t.noStack, summary }),
    [containers],
  )
  const change = useCallback(
    (next: Partial<ContainersSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...next }), replace: true }),
    [navigate],
  )
  const onSort = useCallback((next: TableSort) => change({ sort: formatSort(next) }), [change])
  const clear = () => change({ q: undefined, state: undefined, health: undefined, stack: undefined })

  const actable = shown.some((container) => mayAct(container.endpointId) === 'yes')
  const bulk = (rows: readonly ContainerSummary[], done: () => void) => {
    const allowed = rows.filter((row) => mayAct(row.endpointId) === 'yes')
    return (
      <ActionButtons
        size="sm"
        actions={ACTIONS}
        targets={allowed}
        refusal={allowed.length < rows.length ? t.actionsOff : undefined}
        onDone={done}
      />
    )
  }

  const all = containers?.length ?? 0
  const loading = total !== undefined && all < total
  return (
    <>
      <PageHeader
        title={texts.nav.containers}
        hint={containers && (loading ? t.stillLoading(all, total) : t.shown(shown.length, all))}
      />
      {error && !containers ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : !containers ? (
        <Loading className="space-y-2">
          <Skeleton className="h-8 w-full max-w-2xl" />
          <Skeleton className="h-[60dvh]" />
        </Loading>
      ) : (
        <DataTable
          name="containers"
          label={t.label}
          rows={shown}
          columns={CONTAINER_COLUMNS}
          rowKey={containerKey}
          rowLabel={rowLabel}
          sort={sort}
          onSort={onSort}
          card={card}
          group={search.flat ? undefined : group}
          bulk={actable ? bulk : undefined}
          toolbar={<ContainersFilters search={search} containers={containers} onChange={change} />}
          empty={
            all === 0 ? (
              <EmptyState icon={Boxes} title={t.empty} command={t.emptyCommand}>
                {t.emptyHint}
              </EmptyState>
            ) : (
              <EmptyState
                icon={SearchX}
                title={t.nothingFound}
                actions={<Button onClick={clear}>{t.clearFilters}</Button>}
              />
            )
          }
        />
      )}
    </>
  )
}
