import type { FleetEvent } from '../api/types.ts'
import { fleetTexts } from '../texts/fleet.ts'
import { isOrderlyExit } from './exit-codes.ts'

export type EventTone = 'ok' | 'warn' | 'critical' | 'info' | 'unknown'

/** How grave an event is. An action may carry words after a colon: `health_status: unhealthy`. */
export function eventTone(event: Pick<FleetEvent, 'kind' | 'action' | 'attributes'>): EventTone {
  const { action, attributes } = event
  if (action === 'oom' || action.includes('unhealthy')) return 'critical'
  if (action === 'down') return 'critical'
  if (action === 'die') {
    const code = attributes.exitCode
    return code === undefined || isOrderlyExit(Number(code)) ? 'unknown' : 'critical'
  }
  if (action === 'start' || action === 'up' || action.includes('healthy')) return 'ok'
  if (
    action === 'kill' ||
    action === 'restart' ||
    action === 'pause' ||
    action === 'destroy' ||
    action === 'delete'
  )
    return 'warn'
  if (action === 'stop' || action === 'unpause' || action === 'rename') return 'unknown'
  return 'info'
}

/** `health_status: unhealthy` says the same without its first word. */
const HEALTH_PREFIX = /^health_status: /

/** What an event is called: the engine's own word, or the code that a process ended with. */
export function eventWords({ action, attributes }: Pick<FleetEvent, 'action' | 'attributes'>): string {
  const code = action === 'die' ? attributes.exitCode : undefined
  return code === undefined ? action.replace(HEALTH_PREFIX, '') : fleetTexts.event.exit(code)
}

/** Went wrong by itself, as opposed to being done by somebody. */
export const isGrave = (event: FleetEvent): boolean => eventTone(event) === 'critical'

/** Attributes worth reading beside the action; what the row says already is left out. */
export function eventDetails(event: FleetEvent): [name: string, value: string][] {
  return Object.entries(event.attributes)
    .filter(([name]) => name !== 'name' && name !== 'exitCode' && !name.startsWith('com.docker.compose'))
    .sort(([a], [b]) => a.localeCompare(b))
}

/** Events of one local day together, in the order given. */
export function groupByDay(events: readonly FleetEvent[]): { day: string; events: FleetEvent[] }[] {
  const days: { day: string; events: FleetEvent[] }[] = []
  for (const event of events) {
    const day = new Date(event.at).toDateString()
    const last = days.at(-1)
    if (last?.day === day) last.events.push(event)
    else days.push({ day, events: [event] })
  }
  return days
}

/** What happened to one thing in the same words is told once, where it happened last, with how often. */
export function foldEvents(
  events: readonly FleetEvent[],
): { key: string; event: FleetEvent; count: number }[] {
  const folded = new Map<string, { key: string; event: FleetEvent; count: number }>()
  for (const event of events) {
    const key = [event.endpointId, event.kind, event.subjectName, eventWords(event)].join('\n')
    const known = folded.get(key)
    if (known) known.count += 1
    else folded.set(key, { key, event, count: 1 })
  }
  return [...folded.values()]
}
