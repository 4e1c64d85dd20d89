import { useQuery } from '@tanstack/react-query'
import { useMatches, useNavigate } from '@tanstack/react-router'
import { endpointsQuery } from '../lib/api/queries.ts'
import { useEndpointFilter } from '../lib/endpoint-filter.ts'
import { texts } from '../lib/texts.ts'
import { Select } from '../ui/input.tsx'

/** Narrows the lists of the fleet to one endpoint; hidden where it would change nothing, or there is only one. */
export function EndpointSwitcher() {
  const endpoints = useQuery(endpointsQuery).data?.items ?? []
  const chosen = useEndpointFilter()
  const navigate = useNavigate()
  const matters = useMatches().at(-1)?.staticData.byEndpoint ?? false
  if (!matters) return null
  if (endpoints.length < 2 && chosen === undefined) return null
  return (
    <Select
      aria-label={texts.endpoint.label}
      value={chosen === undefined ? '' : String(chosen)}
      onChange={(event) => {
        const endpoint = event.target.value === '' ? undefined : Number(event.target.value)
        void navigate({ to: '.', search: (previous) => ({ ...previous, endpoint }) })
      }}
      className="min-w-0 max-w-48 border-line"
    >
      <option value="">{texts.endpoint.all}</option>
      {endpoints.map((endpoint) => (
        <option key={endpoint.id} value={endpoint.id}>
          {endpoint.name}
        </option>
      ))}
    </Select>
  )
}
