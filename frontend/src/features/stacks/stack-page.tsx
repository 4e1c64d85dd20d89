import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { useContainers } from '../../lib/fleet/use-containers.ts'
import { formatBytes, formatPercent } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { ContainerStatus } from '../../ui/fleet-status.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import type { StackTab } from './stacks-search.ts'

const t = fleetTexts.stack
const route = getRouteApi('/app/stacks/$endpointId/$stackName')
const LogsTab = lazy(() => import('./logs-tab.tsx').then((module) => ({ default: module.LogsTab })))
const TAB_ITEMS: readonly { value: StackTab; label: string }[] = [
  { value: 'containers', label: t.containersTab },
  { value: 'logs', label: t.logs },
]

export function StackPage() {
  const { endpointId, stackName } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { containers, error, refetch } = useContainers()
  const members = useMemo(
    () =>
      containers
        ?.filter((container) => container.endpointId === endpointId && container.stack === stackName)
        .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
    [containers, endpointId, stackName],
  )
  const where = members?.[0]?.endpointName
  return (
    <>
      <PageHeader title={stackName} hint={where} />
      {error && !members ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : !members ? (
        <Loading>
          <Skeleton className="h-64" />
        </Loading>
      ) : members.length === 0 ? (
        <EmptyState
          title={t.gone}
          actions={
            <Button asChild>
              <Link to="/stacks">{texts.nav.stacks}</Link>
            </Button>
          }
        />
      ) : (
        <Tabs
          label={t.tabs}
          items={TAB_ITEMS}
          value={search.tab ?? 'containers'}
          onChange={(tab) =>
            void navigate({
              search: (before) => ({ ...before, tab: tab === 'containers' ? undefined : tab }),
            })
          }
        >
          {search.tab === 'logs' ? (
            <Suspense fallback={<Skeleton className="h-96" />}>
              <LogsTab containers={members} />
            </Suspense>
          ) : (
            <Card>
              <ul>
                {members.map((container) => (
                  <Member key={container.id} container={container} />
                ))}
              </ul>
            </Card>
          )}
        </Tabs>
      )}
    </>
  )
}

function Member({ container }: { container: ContainerSummary }) {
  return (
    <li className="relative grid grid-cols-[1fr_max-content] items-center gap-x-4 gap-y-0.5 border-line border-b px-3 py-2 text-sm last:border-0 hover:bg-raised sm:grid-cols-[2fr_9rem_3fr_5rem_6rem]">
      <Link
        to="/containers/$endpointId/$containerName"
        params={{ endpointId: container.endpointId, containerName: container.name }}
        className="min-w-0 truncate font-medium after:absolute after:inset-0 hover:text-accent"
      >
        {container.service ?? container.name}
      </Link>
      <ContainerStatus state={container.state} health={container.health} exitCode={container.exitCode} />
      <span className="col-span-2 truncate text-ink-2 sm:col-span-1" title={container.image}>
        {container.image}
      </span>
      <span className="tabular text-right">
        {container.cpuPercent === null ? '–' : formatPercent(container.cpuPercent)}
      </span>
      <span className="tabular text-right">
        {container.memoryUsedBytes === null ? '–' : formatBytes(container.memoryUsedBytes)}
      </span>
    </li>
  )
}
