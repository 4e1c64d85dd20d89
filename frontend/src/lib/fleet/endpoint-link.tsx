import { Link } from '@tanstack/react-router'
import { Server } from 'lucide-react'
import { fleetTexts } from '../texts/fleet.ts'

/** Class of a thing that a page's head leads to; names of 100 letters without a space break. */
export const HEAD_LINK =
  'inline-flex min-w-0 items-center gap-1 [overflow-wrap:anywhere] hover:text-ink hover:underline'

/** Where something runs. */
export function EndpointLink({ of }: { of: { endpointId: number; endpointName: string } }) {
  return (
    <Link
      to="/hosts/$endpointId"
      params={{ endpointId: of.endpointId }}
      title={fleetTexts.container.endpoint}
      className={HEAD_LINK}
    >
      <Server className="size-3.5 shrink-0 text-ink-3" aria-hidden />
      {of.endpointName}
    </Link>
  )
}
