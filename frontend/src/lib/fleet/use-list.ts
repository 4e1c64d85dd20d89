import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Page } from '../api/types.ts'
import { useLiveEvent } from '../use-live.ts'

/** Pages beyond this many are not fetched: 20,000 rows are more than anybody reads. */
const MAX_PAGES = 40

/**
 * A whole list that is short enough to be held at once: all its pages, one after the other, asked for again when the
 * fleet changes in a way that may change it, and every half minute.
 */
export function useList<T>(
  key: string,
  fetchPage: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  kinds: readonly string[],
) {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: [key, 'all'],
    queryFn: async ({ signal }) => {
      const items: T[] = []
      let cursor: string | undefined
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const answer = await fetchPage(cursor, signal)
        items.push(...answer.items)
        if (answer.nextCursor === null) break
        cursor = answer.nextCursor
      }
      return items
    },
    refetchInterval: 30_000,
  })
  useLiveEvent('fleet:event', (event) => {
    if (kinds.includes(event.kind)) void queries.invalidateQueries({ queryKey: [key, 'all'] })
  })
  return query
}
