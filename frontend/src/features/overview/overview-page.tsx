import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazyRouteComponent } from '@tanstack/react-router'
import { Suspense, useEffect, useMemo, useRef } from 'react'
import { endpointsQuery, overviewQuery } from '../../lib/api/queries.ts'
import type { HostSummary } from '../../lib/api/types.ts'
import { useEndpointFilter } from '../../lib/endpoint-filter.ts'
import { texts } from '../../lib/texts.ts'
import { useLiveEvent } from '../../lib/use-live.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { findTrouble } from './attention.ts'
import { AttentionCard } from './attention-card.tsx'
import { ChangesCard } from './changes-card.tsx'
import { CountStrip } from './count-strip.tsx'
import { applyChanges, filterOverview } from './filter-overview.ts'
import { HeatCard } from './heat-card.tsx'
import { HostStrip } from './host-strip.tsx'
import { TopCard } from './top-card.tsx'

const t = texts.overview
// The charts' library is fetched beside the data: nothing waits for it that could be painted before.
const HostCharts = lazyRouteComponent(() => import('./host-charts.tsx'), 'HostCharts')
void HostCharts.preload?.()
const CHARTS_HEIGHT = 'h-42'
const REFRESH_AFTER_EVENT_MS = 1000

export function OverviewPage() {
  const endpointId = useEndpointFilter()
  const { data, error, refetch } = useQuery(overviewQuery)
  useOverviewLive()
  const shown = useMemo(() => (data ? filterOverview(data, endpointId) : null), [data, endpointId])
  const endpoints = useQuery(endpointsQuery).data?.items
  const trouble = useMemo(
    () => (shown ? findTrouble(shown.hosts, shown.heat, shown.changes, endpoints ?? []) : []),
    [shown, endpoints],
  )

  if (error && !shown) {
    return (
      <>
        <PageHeader title={t.title} />
        <ErrorState error={error} onRetry={() => void refetch()} />
      </>
    )
  }
  if (!shown) return <OverviewSkeleton />
  const featured = featuredHost(shown.hosts)
  return (
    <>
      <div className="sr-only">
        <PageHeader title={t.title} />
      </div>
      <div className="grid gap-3">
        <CountStrip counts={shown.counts} />
        {/* On a phone, what is wrong comes before what it costs. */}
        <div className="grid gap-3 max-md:order-1">
          {featured ? (
            <Suspense fallback={<Skeleton className={CHARTS_HEIGHT} />}>
              <HostCharts host={featured} />
            </Suspense>
          ) : null}
          <HostStrip hosts={shown.hosts.filter((host) => host !== featured)} />
        </div>
        <div className="grid gap-3 lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_19rem_19rem]">
          <HeatCard cells={shown.heat} hosts={shown.hosts} isFiltered={endpointId !== undefined} />
          <div className="order-last grid content-start gap-3 md:grid-cols-2 lg:col-span-2 xl:order-none xl:col-span-1 xl:grid-cols-1">
            <TopCard title={t.top.cpu} items={shown.top.cpu} />
            <TopCard title={t.top.memory} items={shown.top.memory} />
          </div>
          <div className="contents content-start gap-3 lg:grid">
            <div className="min-w-0 max-lg:order-first">
              <AttentionCard trouble={trouble} />
            </div>
            <ChangesCard events={shown.changes} />
          </div>
        </div>
        <p className="text-right text-ink-3 text-xs max-md:order-2">
          {t.asOf} <Time at={shown.generatedAt} show="exact" />
        </p>
      </div>
    </>
  )
}

/** This machine where it can be read itself, else the first host that answers. */
function featuredHost(hosts: readonly HostSummary[]): HostSummary | undefined {
  return (
    hosts.find((host) => host.kind === 'local' && host.metricsFrom === 'host') ??
    hosts.find((host) => host.status === 'up') ??
    hosts[0]
  )
}

/** Applies live batches to the overview, and asks again soon after an event: the lists of movers and changes follow it. */
function useOverviewLive() {
  const queries = useQueryClient()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useLiveEvent('fleet:changes', (changes) => {
    queries.setQueryData(overviewQuery.queryKey, (known) => (known ? applyChanges(known, changes) : known))
  })
  useLiveEvent('fleet:event', () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void queries.invalidateQueries({ queryKey: overviewQuery.queryKey })
    }, REFRESH_AFTER_EVENT_MS)
  })
  useEffect(() => () => clearTimeout(timer.current), [])
}

function OverviewSkeleton() {
  return (
    <Loading className="grid gap-3">
      <Skeleton className="h-16" />
      <Skeleton className={CHARTS_HEIGHT} />
      <div className="grid gap-3 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <Skeleton className="h-80" />
        <Skeleton className="h-80" />
      </div>
    </Loading>
  )
}
