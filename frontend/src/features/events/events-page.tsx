import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Activity, SearchX } from 'lucide-react'
import { useMemo } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import { useEndpointFilter } from '../../lib/endpoint-filter.ts'
import { EventList } from '../../lib/fleet/event-list.tsx'
import { isGrave } from '../../lib/fleet/event-look.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { useLiveEvent } from '../../lib/use-live.ts'
import { Button } from '../../ui/button.tsx'
import { CheckField, Select } from '../../ui/input.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { TypedSearch } from '../../ui/typed-search.tsx'
import { EVENT_KINDS } from './events-search.ts'

const t = fleetTexts.event
const route = getRouteApi('/app/events')
const TYPING_MS = 300

export function EventsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const endpointId = useEndpointFilter()
  const queries = useQueryClient()
  const endpoints = useQuery(endpointsQuery)
  const { name, kind, grave } = search
  const queryKey = useMemo(() => ['events', endpointId ?? null, name ?? null], [endpointId, name])
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/events', {
          params: {
            query: {
              limit: 100,
              ...(pageParam === '' ? {} : { cursor: pageParam }),
              ...(endpointId === undefined ? {} : { endpointId }),
              ...(name === undefined ? {} : { name }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextCursor,
  })
  useLiveEvent('fleet:event', (event) => {
    if (endpointId !== undefined && event.endpointId !== endpointId) return
    if (name !== undefined && event.subjectName !== name) return
    queries.setQueryData<typeof query.data>(queryKey, (known) => {
      const [first, ...rest] = known?.pages ?? []
      if (!known || !first || first.items.some((each) => each.id === event.id)) return known
      return { ...known, pages: [{ ...first, items: [event, ...first.items] }, ...rest] }
    })
  })

  const all = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  const shown = useMemo(
    () => all?.filter((event) => (kind === undefined || event.kind === kind) && (!grave || isGrave(event))),
    [all, kind, grave],
  )
  const names = useMemo(
    () => new Map(endpoints.data?.items.map((endpoint) => [endpoint.id, endpoint.name])),
    [endpoints.data],
  )
  const filtered = name !== undefined || kind !== undefined || grave === true

  return (
    <>
      <PageHeader title={texts.nav.events} hint={t.live} />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <TypedSearch
          className="w-full sm:w-80"
          value={name ?? ''}
          placeholder={t.search}
          // The server looks for the whole name.
          pauseMs={TYPING_MS}
          onSettled={(next) =>
            void navigate({
              search: (before) => ({ ...before, name: next === '' ? undefined : next }),
              replace: true,
            })
          }
        />
        <Select
          aria-label={t.anyKind}
          value={kind ?? ''}
          onChange={(event) => {
            const next = EVENT_KINDS.find((each) => each === event.target.value)
            void navigate({ search: (before) => ({ ...before, kind: next }), replace: true })
          }}
        >
          <option value="">{t.anyKind}</option>
          {EVENT_KINDS.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </Select>
        <CheckField
          label={t.grave}
          checked={grave ?? false}
          onChange={(only) =>
            void navigate({
              search: (before) => ({ ...before, grave: only ? true : undefined }),
              replace: true,
            })
          }
        />
      </div>
      {query.error && !shown ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !shown ? (
        <Loading>
          <Skeleton className="h-96" />
        </Loading>
      ) : shown.length === 0 && !query.hasNextPage ? (
        filtered ? (
          <EmptyState
            icon={SearchX}
            title={t.nothingFound}
            actions={<Button onClick={() => void navigate({ search: {} })}>{t.clear}</Button>}
          />
        ) : (
          <EmptyState icon={Activity} title={t.empty}>
            {t.emptyHint}
          </EmptyState>
        )
      ) : (
        <>
          <EventList
            events={shown}
            {...(names.size > 1 ? { endpointName: (id: number) => names.get(id) } : {})}
          />
          <div className="text-center text-ink-3 text-sm">
            {query.hasNextPage ? (
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t.more}
              </Button>
            ) : (
              t.end
            )}
          </div>
        </>
      )}
    </>
  )
}
