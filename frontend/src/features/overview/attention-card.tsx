import { Link } from '@tanstack/react-router'
import { CircleCheck, Unplug } from 'lucide-react'
import { texts } from '../../lib/texts.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ContainerStatus, EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { Time } from '../../ui/time.tsx'
import type { Trouble } from './attention.ts'

const t = texts.overview.attention
const SHOWN = 8

/** What is wrong, where, and since when. */
export function AttentionCard({ trouble }: { trouble: readonly Trouble[] }) {
  const hidden = trouble.length - SHOWN
  return (
    <Card>
      <CardHeader title={t.title} actions={trouble.length > 0 ? <Badge>{trouble.length}</Badge> : null} />
      {trouble.length === 0 ? (
        <p className="flex items-start gap-2 px-4 pb-4 text-sm">
          <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden />
          <span>
            <span className="font-medium">{t.none}.</span> <span className="text-ink-2">{t.noneHint}</span>
          </span>
        </p>
      ) : (
        <ul className="divide-y divide-line border-line border-t">
          {trouble.slice(0, SHOWN).map((each) => (
            <TroubleRow key={each.key} trouble={each} />
          ))}
          {hidden > 0 ? (
            <li className="px-4 py-1.5 text-sm">
              <Link to="/containers" search={{ sort: 'status' }} className="text-accent hover:underline">
                {t.more(hidden)}
              </Link>
            </li>
          ) : null}
        </ul>
      )}
    </Card>
  )
}

const NAME = 'min-w-0 flex-1 truncate font-medium hover:text-accent hover:underline'

function TroubleRow({ trouble }: { trouble: Trouble }) {
  return (
    <li className="flex min-h-8 items-center gap-2 px-4 py-1 text-sm">
      {trouble.kind !== 'container' ? (
        <>
          <Link
            to="/hosts/$endpointId"
            params={{ endpointId: trouble.host.endpointId }}
            search={{}}
            className={NAME}
          >
            {trouble.host.name}
          </Link>
          {trouble.kind === 'engine' ? (
            <Status tone="critical" icon={Unplug} look="plain">
              {t.engineDown}
            </Status>
          ) : (
            <EndpointStatusBadge status={trouble.host.status} />
          )}
        </>
      ) : (
        <>
          <Link
            to="/containers/$endpointId/$containerName"
            params={{ endpointId: trouble.cell.endpointId, containerName: trouble.cell.name }}
            search={{}}
            title={trouble.cell.name}
            className={NAME}
          >
            {trouble.cell.name}
          </Link>
          <ContainerStatus
            state={trouble.cell.state}
            health={trouble.cell.health}
            exitCode={trouble.cell.exitCode}
          />
        </>
      )}
      <span className="w-12 shrink-0 text-right text-ink-3 text-xs">
        {trouble.since === null ? t.older : <Time at={trouble.since} show="age" />}
      </span>
    </li>
  )
}
