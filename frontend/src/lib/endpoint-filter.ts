import { useSearch } from '@tanstack/react-router'

/** The endpoint chosen in the switcher at the top (`?endpoint=3`); undefined means all of them. */
export function useEndpointFilter(): number | undefined {
  return useSearch({ from: '/app', select: (search) => search.endpoint })
}
