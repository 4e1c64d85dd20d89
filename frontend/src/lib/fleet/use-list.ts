import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useLiveEvent } from '../use-live.ts'

/**
 * A list that the API answers as a whole; asked for again when the fleet changes in a way that may change it, and every
 * half minute.
 */
export function useList<T>(
  key: string,
  fetchList: (signal: AbortSignal) => Promise<{ items: T[] }>,
  kinds: readonly string[],
) {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: [key, 'all'],
    queryFn: async ({ signal }) => (await fetchList(signal)).items,
    refetchInterval: 30_000,
  })
  useLiveEvent('fleet:event', (event) => {
    if (kinds.includes(event.kind)) void queries.invalidateQueries({ queryKey: [key, 'all'] })
  })
  return query
}
