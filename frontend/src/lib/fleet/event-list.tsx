import { Link } from '@tanstack/react-router'
import { ChevronDown } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Time } from '../../ui/time.tsx'
import type { FleetEvent } from '../api/types.ts'
import { cn } from '../cn.ts'
import { formatLocal, formatLocalDate } from '../format.ts'
import { fleetTexts } from '../texts/fleet.ts'
import { eventDetails, groupByDay } from './event-look.ts'
import { EventStatus } from './event-status.tsx'

const t = fleetTexts.event
const DAY_MS = 86_400_000

function dayName(day: string): string {
  const now = new Date()
  if (day === now.toDateString()) return t.today
  if (day === new Date(now.getTime() - DAY_MS).toDateString()) return t.yesterday
  return formatLocalDate(new Date(day))
}

interface EventListProps {
  events: readonly FleetEvent[]
  /** With it each row says where it was. */
  endpointName?: (id: number) => string | undefined
  /** All are of one thing, which the page names already: rows tell more of what happened instead. */
  ofOne?: boolean
}

/** Events by day, newest first as they come. */
export function EventList(props: EventListProps) {
  const days = useMemo(() => groupByDay(props.events), [props.events])
  return days.map(({ day, events }) => (
    <section key={day} className="mb-4">
      <h2 className="mb-1.5 text-ink-2 text-sm">{dayName(day)}</h2>
      <Card>
        <ol>
          {events.map((event) => (
            <EventRow
              key={event.id}
              event={event}
              where={props.endpointName?.(event.endpointId)}
              ofOne={props.ofOne ?? false}
            />
          ))}
        </ol>
      </Card>
    </section>
  ))
}

interface EventRowProps {
  event: FleetEvent
  where: string | undefined
  ofOne: boolean
}

function EventRow({ event, where, ofOne }: EventRowProps) {
  const [open, setOpen] = useState(false)
  const details = eventDetails(event)
  return (
    <li className="border-line border-b px-3 pt-2 pb-1 text-sm last:border-0 sm:pt-1">
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-0.5">
        <span className="flex w-36 shrink-0 gap-2 text-xs">
          <span className="tabular">{formatLocal(new Date(event.at)).slice(11)}</span>
          <Time at={event.at} className="text-ink-3" />
        </span>
        <span className="flex min-w-0 sm:min-w-48">
          <EventStatus event={event} />
        </span>
        <span className={cn('min-w-0 flex-1 [overflow-wrap:anywhere]', !ofOne && 'basis-40')}>
          {ofOne ? (
            <span className="text-ink-2">
              {details
                .filter(([name]) => name !== 'image')
                .map((pair) => pair.join(' '))
                .join(' · ')}
            </span>
          ) : event.kind === 'container' ? (
            <Link
              to="/containers/$endpointId/$containerName"
              params={{ endpointId: event.endpointId, containerName: event.subjectName }}
              className="font-medium hover:text-accent hover:underline"
            >
              {event.subjectName}
            </Link>
          ) : (
            <span className="font-medium">{event.subjectName}</span>
          )}
          {event.stack !== null && !ofOne && <span className="ml-2 text-ink-3">{event.stack}</span>}
        </span>
        {event.kind !== 'container' && <Badge>{event.kind}</Badge>}
        {where !== undefined && <span className="text-ink-3 text-xs">{where}</span>}
        {details.length > 0 && (
          <Button
            size="icon-sm"
            variant="ghost"
            aria-expanded={open}
            aria-label={t.attributes}
            title={t.attributes}
            onClick={() => setOpen(!open)}
          >
            <ChevronDown className={open ? 'rotate-180' : undefined} aria-hidden />
          </Button>
        )}
      </div>
      {open && (
        <dl className="mb-1.5 grid grid-cols-[minmax(6rem,max-content)_1fr] gap-x-3 gap-y-0.5 text-xs sm:ml-39">
          {details.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="max-w-60 break-words text-ink-3">{name}</dt>
              <dd className="mono [overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  )
}
