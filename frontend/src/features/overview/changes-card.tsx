import { Link } from '@tanstack/react-router'
import type { FleetEvent } from '../../lib/api/types.ts'
import { foldEvents } from '../../lib/fleet/event-look.ts'
import { EventStatus } from '../../lib/fleet/event-status.tsx'
import { texts } from '../../lib/texts.ts'
import { Card, CardHeader } from '../../ui/card.tsx'
import { Time } from '../../ui/time.tsx'

const t = texts.overview.changes
const SHOWN = 12

/** Events of the last hour, newest first; what happened to one thing again and again takes one line. */
export function ChangesCard({ events }: { events: readonly FleetEvent[] }) {
  return (
    <Card>
      <CardHeader
        title={t.title}
        actions={
          <Link to="/events" search={{}} className="text-accent text-sm hover:underline">
            {t.all}
          </Link>
        }
      />
      {events.length === 0 ? (
        <p className="px-4 pb-4 text-ink-2 text-sm">{t.empty}</p>
      ) : (
        <ol className="pb-2">
          {foldEvents(events)
            .slice(0, SHOWN)
            .map(({ key, event, count }) => (
              <li
                key={key}
                className="grid h-7 grid-cols-[minmax(0,1fr)_auto_2.75rem] items-center gap-2 px-4 text-sm"
              >
                {event.kind === 'container' ? (
                  <Link
                    to="/containers/$endpointId/$containerName"
                    params={{ endpointId: event.endpointId, containerName: event.subjectName }}
                    search={{}}
                    title={event.subjectName}
                    className="truncate hover:text-accent hover:underline"
                  >
                    {event.subjectName}
                  </Link>
                ) : (
                  <span className="truncate" title={event.subjectName}>
                    {event.subjectName}
                  </span>
                )}
                <span className="flex items-center gap-1.5">
                  <EventStatus event={event} className="max-w-36" />
                  {count > 1 ? (
                    <span className="tabular text-ink-3 text-xs" title={t.times(count)}>
                      ×{count}
                    </span>
                  ) : null}
                </span>
                <Time at={event.at} show="age" className="text-right text-ink-3 text-xs" />
              </li>
            ))}
        </ol>
      )}
    </Card>
  )
}
