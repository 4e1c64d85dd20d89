import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { ScrollText } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { AuditFilters } from './audit-filters.tsx'
import { AuditHead, AuditRow } from './audit-row.tsx'
import { dayEnd, dayStart } from './audit-search.ts'

const t = texts.audit
const route = getRouteApi('/app/audit')
const PAGE = 100

export function AuditPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { action, username, targetType, from, to } = search
  const filter = {
    ...(action === undefined ? {} : { action }),
    ...(username === undefined ? {} : { username }),
    ...(targetType === undefined ? {} : { targetType }),
    ...(from === undefined ? {} : { from: dayStart(from) }),
    ...(to === undefined ? {} : { to: dayEnd(to) }),
  }
  const isFiltered = Object.keys(filter).length > 0
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/audit', {
          params: { query: { ...filter, limit: PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: (previous) => previous,
  })
  const endpoints = useQuery(endpointsQuery)
  const endpointName = (id: number) => endpoints.data?.items.find((each) => each.id === id)?.name
  const entries = data?.pages.flatMap((page) => page.items) ?? []
  const clear = () => void navigate({ search: (before) => ({ endpoint: before.endpoint }) })
  return (
    <>
      <PageHeader title={t.title} hint={t.hint} />
      <AuditFilters
        search={search}
        onChange={(next) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })}
      />
      <Card>
        {error && !data ? (
          <ErrorState error={error} onRetry={() => void refetch()} />
        ) : !data ? (
          <Loading className="grid gap-2 p-4">
            {[1, 2, 3, 4, 5, 6].map((row) => (
              <Skeleton key={row} className="h-8" />
            ))}
          </Loading>
        ) : entries.length === 0 ? (
          <EmptyState
            icon={ScrollText}
            title={isFiltered ? t.emptyFiltered : t.empty}
            actions={isFiltered ? <Button onClick={clear}>{t.clear}</Button> : null}
          >
            {isFiltered ? null : t.emptyHint}
          </EmptyState>
        ) : (
          <>
            <AuditHead />
            <ul className="divide-y divide-line">
              {entries.map((entry) => (
                <AuditRow key={entry.id} entry={entry} endpointName={endpointName} />
              ))}
            </ul>
            {hasNextPage ? (
              <div className="flex justify-center border-line border-t p-3">
                <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                  {texts.common.loadMore}
                </Button>
              </div>
            ) : null}
          </>
        )}
      </Card>
    </>
  )
}
