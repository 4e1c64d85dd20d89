import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../lib/api/client.ts'
import { useLiveEvent } from '../../lib/use-live.ts'

const containerQuery = (endpointId: number, name: string) =>
  queryOptions({
    queryKey: ['container', endpointId, name],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/containers/{endpointId}/{containerId}', {
          params: { path: { endpointId, containerId: name } },
          signal,
        }),
      ),
  })

/** One container with its configuration. It goes by its name, so that it is still the same after being re-created. */
export function useContainer(endpointId: number, name: string) {
  const queries = useQueryClient()
  const options = containerQuery(endpointId, name)
  useLiveEvent('fleet:changes', (changes) => {
    const known = queries.getQueryData(options.queryKey)
    const fresh = changes.upserts.find(
      (container) => container.endpointId === endpointId && container.name === name,
    )
    const gone = changes.removes.some(
      (removed) => removed.endpointId === endpointId && removed.id === known?.id,
    )
    if (fresh) queries.setQueryData(options.queryKey, (before) => (before ? { ...before, ...fresh } : before))
    // Exit code, health log and, for a new container behind the name, everything else are not in the message.
    if (
      gone ||
      (fresh &&
        (!known || fresh.id !== known.id || fresh.state !== known.state || fresh.health !== known.health))
    ) {
      void queries.invalidateQueries({ queryKey: options.queryKey })
    }
  })
  return useQuery(options)
}
