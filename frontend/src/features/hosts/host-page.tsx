import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import type { HostDetail } from '../../lib/api/types.ts'
import { formatBytes, formatDuration } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { CardsSkeleton, ErrorState, Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Time } from '../../ui/time.tsx'
import { HOST_TABS, type HostTab } from './host-search.ts'

const t = fleetTexts.host
const route = getRouteApi('/app/hosts/$endpointId')

const ChartsTab = lazy(() => import('./charts-tab.tsx').then((module) => ({ default: module.ChartsTab })))
const ProcessesTab = lazy(() =>
  import('./processes-tab.tsx').then((module) => ({ default: module.ProcessesTab })),
)
const HardwareTab = lazy(() =>
  import('./hardware-tab.tsx').then((module) => ({ default: module.HardwareTab })),
)

const LABELS: Record<HostTab, string> = { charts: t.charts, processes: t.processes, hardware: t.hardware }
const TAB_ITEMS = HOST_TABS.map((value) => ({ value, label: LABELS[value] }))

export function HostPage() {
  const { endpointId } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const {
    data: host,
    error,
    refetch,
  } = useQuery({
    queryKey: ['host', endpointId],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/hosts/{endpointId}', { params: { path: { endpointId } }, signal })),
    refetchInterval: 5_000,
  })
  const endpoints = useQuery(endpointsQuery)
  const endpoint = endpoints.data?.items.find((each) => each.id === endpointId)
  const name = host?.name ?? endpoint?.name ?? texts.nav.hosts
  if (error && !host) {
    return (
      <>
        <PageHeader title={name} />
        <ErrorState error={error} onRetry={() => void refetch()} />
      </>
    )
  }
  const tab = search.tab ?? 'charts'
  return (
    <>
      <PageHeader
        title={name}
        status={host && <EndpointStatusBadge look="soft" status={host.status} />}
        hint={host ? <Facts host={host} /> : <Skeleton className="mt-1 h-5 w-80 max-w-full" />}
      />
      {host && (host.status === 'down' || endpoint?.status === 'down') && (
        <div role="alert" className="mb-4 rounded-md border border-line bg-critical-soft px-3 py-2 text-sm">
          <p className="font-medium text-critical">
            {host.status === 'down' ? t.down : t.engineDown}
            {host.status === 'down' && host.sampledAt !== null && (
              <span className="ml-2 font-normal">
                <Time at={host.sampledAt} />
              </span>
            )}
          </p>
          {endpoint?.error && <p className="break-words">{endpoint.error}</p>}
          {endpoint?.hint && <p className="break-words text-ink-2">{endpoint.hint}</p>}
        </div>
      )}
      <Tabs
        label={t.tabs}
        items={TAB_ITEMS}
        value={tab}
        onChange={(next) =>
          void navigate({ search: (before) => ({ ...before, tab: next === 'charts' ? undefined : next }) })
        }
      >
        {host ? (
          <Suspense fallback={<CardsSkeleton />}>
            {tab === 'charts' && <ChartsTab host={host} />}
            {tab === 'processes' && <ProcessesTab host={host} />}
            {tab === 'hardware' && <HardwareTab host={host} />}
          </Suspense>
        ) : (
          <CardsSkeleton />
        )}
      </Tabs>
    </>
  )
}

function Facts({ host }: { host: HostDetail }) {
  const facts = [
    host.os,
    host.kernel === null ? null : `${t.kernel} ${host.kernel}`,
    host.cpuModel,
    host.cpus === null ? null : t.cores(host.cpus),
    host.memoryBytes === null ? null : formatBytes(host.memoryBytes),
    host.engineVersion === null ? null : `${t.engine} ${host.engineVersion}`,
    host.uptimeSeconds === null ? null : `${t.uptime} ${formatDuration(host.uptimeSeconds * 1000)}`,
  ].filter((fact) => fact !== null)
  return (
    <span className="flex flex-wrap gap-x-3 gap-y-0.5">
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      <Link
        to="/containers"
        search={{ endpoint: host.endpointId }}
        className="text-accent hover:underline"
      >{`${t.running(host.running, host.containers)}`}</Link>
      {host.metricsFrom === 'containers' && <span className="text-ink-3">{t.fromContainers}</span>}
    </span>
  )
}
