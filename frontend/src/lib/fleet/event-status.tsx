import { CircleDot } from 'lucide-react'
import { Status } from '../../ui/badge.tsx'
import type { FleetEvent } from '../api/types.ts'
import { eventTone, eventWords } from './event-look.ts'

/** What happened, in the colour of how grave it is. */
export function EventStatus({ event, className }: { event: FleetEvent; className?: string }) {
  const tone = eventTone(event)
  return (
    <Status
      tone={tone}
      look="plain"
      className={className ?? ''}
      // Nothing is unknown about an orderly stop.
      icon={tone === 'unknown' ? CircleDot : undefined}
    >
      {eventWords(event)}
    </Status>
  )
}
