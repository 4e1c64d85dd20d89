import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { EndpointLink } from '../../lib/fleet/endpoint-link.tsx'
import { ImageName } from '../../lib/fleet/image-name.tsx'
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
import { StackStatus } from './stack-status.tsx'
import type { StackTab } from './stacks-search.ts'

const t = fleetTexts.stack
const c = fleetTexts.container
const COLUMNS = 'gap-x-4 sm:grid-cols-[2fr_9rem_3fr_5rem_6rem]'
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
  return (
    <>
      <PageHeader
        title={stackName}
        status={
          members && members.length > 0 ? <StackStatus look="soft" stack={countStates(members)} /> : null
        }
        hint={members?.[0] ? <Facts members={members} of={members[0]} /> : null}
      />
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
              <p
                aria-hidden
                className={cn(
                  'hidden border-line border-b px-3 py-2 font-medium text-ink-3 text-xs sm:grid',
                  COLUMNS,
                )}
              >
                <span>{c.name}</span>
                <span>{c.status}</span>
                <span>{c.image}</span>
                <span className="text-right">{c.cpu}</span>
                <span className="text-right">{c.memory}</span>
              </p>
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

function Facts({ members, of }: { members: readonly ContainerSummary[]; of: ContainerSummary }) {
  const sum = (amount: (member: ContainerSummary) => number | null) =>
    members.reduce((total, member) => total + (amount(member) ?? 0), 0)
  return (
    <span className="tabular flex flex-wrap items-center gap-x-3">
      <EndpointLink of={of} />
      <span>{c.shown(members.length, members.length)}</span>
      <span>
        {c.cpu} {formatPercent(sum(({ cpuPercent }) => cpuPercent))}
      </span>
      <span>
        {c.memory} {formatBytes(sum(({ memoryUsedBytes }) => memoryUsedBytes))}
      </span>
    </span>
  )
}

function countStates(members: readonly ContainerSummary[]) {
  const count = (is: (member: ContainerSummary) => boolean) => members.filter(is).length
  return {
    containers: members.length,
    running: count(({ state }) => state === 'running'),
    unhealthy: count(({ health }) => health === 'unhealthy'),
    restarting: count(({ state }) => state === 'restarting'),
  }
}

function Member({ container }: { container: ContainerSummary }) {
  return (
    <li
      className={cn(
        'relative grid grid-cols-[1fr_max-content] items-center gap-y-0.5 border-line border-b px-3 py-2 text-sm last:border-0 hover:bg-raised',
        COLUMNS,
      )}
    >
      <Link
        to="/containers/$endpointId/$containerName"
        params={{ endpointId: container.endpointId, containerName: container.name }}
        className="min-w-0 truncate font-medium after:absolute after:inset-0 hover:text-accent"
      >
        {container.name}
      </Link>
      <span className="flex justify-end sm:justify-start">
        <ContainerStatus state={container.state} health={container.health} exitCode={container.exitCode} />
      </span>
      <span className="col-span-2 min-w-0 sm:col-span-1">
        <ImageName image={container.image} className="text-ink-2" />
      </span>
      <span className="tabular sm:text-right">
        <span className="text-ink-3 sm:sr-only">{c.cpu} </span>
        {container.cpuPercent === null ? '–' : formatPercent(container.cpuPercent)}
      </span>
      <span className="tabular text-right">
        <span className="text-ink-3 sm:sr-only">{c.memory} </span>
        {container.memoryUsedBytes === null ? '–' : formatBytes(container.memoryUsedBytes)}
      </span>
    </li>
  )
}
