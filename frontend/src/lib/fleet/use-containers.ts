import { infiniteQueryOptions, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { api, unwrap } from '../api/client.ts'
import { useLiveEvent } from '../use-live.ts'
import { patchContainers, patchSamples } from './patch-containers.ts'

const PAGE = 500

/** All containers of the fleet, 500 a page; the pages after the first are fetched by `useContainers`. */
const containersQuery = infiniteQueryOptions({
  queryKey: ['containers', 'all'],
  queryFn: ({ pageParam, signal }) =>
    unwrap(
      api.GET('/api/containers', {
        params: { query: { limit: PAGE, ...(pageParam === '' ? {} : { cursor: pageParam }) } },
        signal,
      }),
    ),
  initialPageParam: '',
  getNextPageParam: (page) => page.nextCursor,
  // Changes come over the socket; asking again is for what was missed.
  staleTime: 60_000,
})

/**
 * Every container, kept true by the live connection: a changed container is a new object, all others stay the same
 * ones. The first page is there as soon as it has come, the others follow.
 */
export function useContainers() {
  const queries = useQueryClient()
  const query = useInfiniteQuery(containersQuery)
  const { hasNextPage, isFetching, isError, fetchNextPage } = query
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage()
  }, [hasNextPage, isFetching, isError, fetchNextPage])

  useLiveEvent('fleet:changes', (changes) => {
    if (changes.upserts.length === 0 && changes.removes.length === 0) return
    queries.setQueryData(containersQuery.queryKey, (known) =>
      known ? { ...known, pages: patchContainers(known.pages, changes) } : known,
    )
  })
  useLiveEvent('fleet:samples', (samples) => {
    queries.setQueryData(containersQuery.queryKey, (known) =>
      known ? { ...known, pages: patchSamples(known.pages, samples) } : known,
    )
  })

  const { data } = query
  const containers = useMemo(() => data?.pages.flatMap((page) => page.items), [data])
  return { containers, total: data?.pages[0]?.total, error: query.error, refetch: query.refetch }
}
