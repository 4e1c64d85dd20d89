import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from './client.ts'

/** Who is signed in, and whether the first admin is still to be made. */
export const authQuery = queryOptions({
  queryKey: ['auth'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/auth/state', { signal })),
  staleTime: 60_000,
})

export const endpointsQuery = queryOptions({
  queryKey: ['endpoints'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/endpoints', { signal })),
})

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/fleet/overview', { signal })),
  refetchInterval: 10_000,
})
