import { getRouteApi, Link } from '@tanstack/react-router'
import { Layers } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { ApiError } from '../../lib/api/problem.ts'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { EndpointLink, HEAD_LINK } from '../../lib/fleet/endpoint-link.tsx'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ContainerStatus } from '../../ui/fleet-status.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { CardsSkeleton, EmptyState, ErrorState, Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { ActionButtons } from './action-buttons.tsx'
import { possibleActions, useMayAct } from './container-actions.ts'
import { CONTAINER_TABS, type ContainerTab } from './container-search.ts'
import { useContainer } from './use-container.ts'

const t = fleetTexts.container
const route = getRouteApi('/app/containers/$endpointId/$containerName')

// Each tab is its own piece: charts bring uPlot along, logs the viewer.
const ChartsTab = lazy(() => import('./charts-tab.tsx').then((module) => ({ default: module.ChartsTab })))
const LogsTab = lazy(() => import('./logs-tab.tsx').then((module) => ({ default: module.LogsTab })))
const EventsTab = lazy(() => import('./events-tab.tsx').then((module) => ({ default: module.EventsTab })))
const ConfigTab = lazy(() => import('./config-tab.tsx').then((module) => ({ default: module.ConfigTab })))
const ProcessesTab = lazy(() =>
  import('./processes-tab.tsx').then((module) => ({ default: module.ProcessesTab })),
)

const LABELS: Record<ContainerTab, string> = {
  charts: t.charts,
  logs: t.logs,
  events: t.events,
  config: t.config,
  processes: t.processes,
}
/** What the engine adds to its words on the state, and the badge beside the name says already. */
const HEALTH = / \((?:healthy|unhealthy|health: starting)\)$/
const TAB_ITEMS = CONTAINER_TABS.map((value) => ({ value, label: LABELS[value] }))

export function ContainerPage() {
  const { endpointId, containerName } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { data: container, error, refetch } = useContainer(endpointId, containerName)
  const tab = search.tab ?? 'charts'

  if (error && !container) {
    return (
      <>
        <PageHeader title={containerName} />
        {error instanceof ApiError && error.status === 404 ? (
          <EmptyState
            title={t.gone}
            actions={
              <Button asChild>
                <Link to="/containers">{texts.nav.containers}</Link>
              </Button>
            }
          />
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )}
      </>
    )
  }
  return (
    <>
      <PageHeader
        title={containerName}
        status={
          container && (
            <ContainerStatus
              look="soft"
              state={container.state}
              health={container.health}
              exitCode={container.exitCode}
            />
          )
        }
        hint={container ? <Facts container={container} /> : <Skeleton className="mt-1 h-5 w-80 max-w-full" />}
        actions={container && <Actions container={container} />}
      />
      <Tabs
        label={t.tabs}
        items={TAB_ITEMS}
        value={tab}
        onChange={(next) =>
          void navigate({ search: (before) => ({ ...before, tab: next === 'charts' ? undefined : next }) })
        }
      >
        {container ? (
          <Suspense fallback={<CardsSkeleton />}>
            {tab === 'charts' && <ChartsTab container={container} />}
            {tab === 'logs' && <LogsTab container={container} />}
            {tab === 'events' && <EventsTab container={container} />}
            {tab === 'config' && <ConfigTab container={container} />}
            {tab === 'processes' && <ProcessesTab container={container} />}
          </Suspense>
        ) : (
          <CardsSkeleton />
        )}
      </Tabs>
    </>
  )
}

function Facts({ container }: { container: ContainerDetail }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
      <span className="break-all">{container.image}</span>
      <EndpointLink of={container} />
      {container.stack !== null && (
        <Link
          to="/stacks/$endpointId/$stackName"
          params={{ endpointId: container.endpointId, stackName: container.stack }}
          title={t.stack}
          className={HEAD_LINK}
        >
          <Layers className="size-3.5 shrink-0 text-ink-3" aria-hidden />
          {container.stack}
        </Link>
      )}
      <span>{container.status.replace(HEALTH, '')}</span>
      <span className="inline-flex items-center text-ink-3">
        <code className="mono">{container.id.slice(0, 12)}</code>
        <CopyButton text={container.id} label={t.id} />
      </span>
    </span>
  )
}

function Actions({ container }: { container: ContainerDetail }) {
  const may = useMayAct()(container.endpointId)
  // Who may only look is not offered what would be refused.
  if (may === 'no') return null
  const refusal = may === 'off' ? t.actionsOff : container.protected ? t.protectedOne : undefined
  return <ActionButtons actions={possibleActions(container.state)} targets={[container]} refusal={refusal} />
}
