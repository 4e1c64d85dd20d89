import { useQuery } from '@tanstack/react-query'
import { Link, useMatches } from '@tanstack/react-router'
import { ChevronRight } from 'lucide-react'
import { endpointsQuery } from '../lib/api/queries.ts'
import { texts } from '../lib/texts.ts'

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** Name of the page in the breadcrumbs. */
    crumb?: string
    /** Route parameter that names the thing shown; used instead of the crumb. */
    crumbParam?: string
    /** The thing shown is the endpoint of the parameter `endpointId`; its name is used instead of the crumb. */
    crumbEndpoint?: true
    /** The list this page is a detail of. */
    crumbParent?: { label: string; to: string }
    /** What the page shows is narrowed to the endpoint chosen at the top. */
    byEndpoint?: true
  }
}

export function Breadcrumbs() {
  const match = useMatches().at(-1)
  const isEndpoint = match?.staticData.crumbEndpoint ?? false
  const endpoints = useQuery({ ...endpointsQuery, enabled: isEndpoint }).data?.items
  if (!match) return null
  const { crumb, crumbParam, crumbParent } = match.staticData
  const params: Record<string, unknown> = match.params
  const value = isEndpoint
    ? endpoints?.find((endpoint) => endpoint.id === params.endpointId)?.name
    : crumbParam === undefined
      ? undefined
      : params[crumbParam]
  const name = typeof value === 'string' ? value : crumb
  return (
    <nav aria-label={texts.nav.breadcrumbs} className="min-w-0 flex-1">
      <ol className="flex min-w-0 items-center gap-1 text-sm">
        {crumbParent ? (
          <li className="hidden shrink-0 items-center gap-1 sm:flex">
            <Link to={crumbParent.to} className="text-ink-2 hover:text-ink hover:underline">
              {crumbParent.label}
            </Link>
            <ChevronRight className="size-3.5 text-ink-3" aria-hidden />
          </li>
        ) : null}
        <li aria-current="page" className="truncate font-medium">
          {name}
        </li>
      </ol>
    </nav>
  )
}
