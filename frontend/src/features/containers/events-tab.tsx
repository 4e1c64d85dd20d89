import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Activity } from 'lucide-react'
import { useMemo } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { EventList } from '../../lib/fleet/event-list.tsx'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { useLiveEvent } from '../../lib/use-live.ts'
import { Button } from '../../ui/button.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'

const t = fleetTexts.container

export function EventsTab({ container }: { container: ContainerDetail }) {
  const { endpointId, name } = container
  const queries = useQueryClient()
  const queryKey = useMemo(() => ['container', endpointId, name, 'events'], [endpointId, name])
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/containers/{endpointId}/{containerId}/events', {
          params: {
            path: { endpointId, containerId: name },
            query: { limit: 100, ...(pageParam === '' ? {} : { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextCursor,
  })
  useLiveEvent('fleet:event', (event) => {
    if (event.endpointId === endpointId && event.subjectName === name)
      void queries.invalidateQueries({ queryKey })
  })
  const events = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  if (query.error && !events) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />
  if (!events) {
    return (
      <Loading>
        <Skeleton className="h-64" />
      </Loading>
    )
  }
  if (events.length === 0) {
    return (
      <EmptyState icon={Activity} title={t.noEvents}>
        {t.noEventsHint}
      </EmptyState>
    )
  }
  return (
    <>
      <EventList events={events} ofOne />
      {query.hasNextPage && (
        <div className="mt-3 text-center">
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {fleetTexts.event.more}
          </Button>
        </div>
      )}
    </>
  )
}
