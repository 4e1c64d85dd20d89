import { storable } from '../../core/text.ts'
import type { FleetEventKind } from '../fleet.schema.ts'
import type { NewFleetEvent } from '../fleet.store.ts'
import { maskRecord } from '../mask-secrets.ts'
import { stackOfLabels } from './container-mapping.ts'
import type { EngineEvent } from './engine-types.ts'

/** Container actions worth keeping. Health checks run as exec_* every few seconds; they say nothing by themselves. */
const containerActions = new Set([
  'create',
  'start',
  'stop',
  'restart',
  'die',
  'kill',
  'oom',
  'pause',
  'unpause',
  'destroy',
  'rename',
  'update',
  'health_status',
])
const imageActions = new Set(['pull', 'tag', 'untag', 'delete', 'import', 'load', 'push'])
const networkActions = new Set(['create', 'destroy', 'remove'])
const mostCharacters = 500
/** The end of year 9999, where the stores' times end. */
const latestMs = Date.UTC(10_000, 0, 1)
const keptAttributes = ['image', 'exitCode', 'signal', 'oldName', 'driver', 'execDuration']

export interface EventEffect {
  /** For the history; undefined when the event is not worth keeping. */
  readonly event: NewFleetEvent | undefined
  /** The container whose entry in the list is out of date now. */
  readonly containerId: string | undefined
  readonly images: boolean
  readonly networks: boolean
}

/** What an event of the engine means for the list and the history. */
export function effectOfEvent(event: EngineEvent, endpointId: number): EventEffect {
  const base = event.Action.split(':')[0]?.trim() ?? ''
  const { ID: id, Attributes: attributes } = event.Actor
  const keep = (kind: FleetEventKind, subjectName: string): NewFleetEvent => {
    const stack = stackOfLabels(attributes)
    return {
      at: timeOf(event),
      endpointId,
      kind,
      action: storable(event.Action, mostCharacters),
      subjectId: storable(id, mostCharacters),
      // It is part of an index key, which PostgreSQL ends at 2,704 bytes.
      subjectName: storable(subjectName, mostCharacters),
      stack: stack === null ? null : storable(stack, mostCharacters),
      attributes: maskRecord(pick(attributes)),
    }
  }
  switch (event.Type) {
    case 'container': {
      const known = containerActions.has(base)
      return {
        event: known ? keep('container', attributes.name ?? id.slice(0, 12)) : undefined,
        containerId: known ? id : undefined,
        images: base === 'create' || base === 'destroy',
        networks: false,
      }
    }
    case 'image':
      return {
        event: imageActions.has(base) ? keep('image', attributes.name ?? id) : undefined,
        containerId: undefined,
        images: true,
        networks: false,
      }
    case 'network': {
      // A container that starts connects: the start itself is the news, its addresses are what changed.
      const changesList = networkActions.has(base)
      return {
        event: changesList ? keep('network', attributes.name ?? id) : undefined,
        containerId: attributes.container,
        images: false,
        networks: changesList,
      }
    }
    default:
      return { event: undefined, containerId: undefined, images: false, networks: false }
  }
}

/** An engine whose clock is no date tells when by telling. */
function timeOf({ time, timeNano }: EngineEvent): string {
  const ms = timeNano > 0 ? Math.round(timeNano / 1e6) : time * 1000
  return new Date(ms > 0 && ms < latestMs ? ms : Date.now()).toISOString()
}

function pick(attributes: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of keptAttributes) {
    const value = attributes[name]
    if (value !== undefined) kept[name] = storable(value, mostCharacters)
  }
  return kept
}

/**
 * The `since` that continues after an event. JSON numbers of nanoseconds are exact to 256 ns only, so it is a
 * microsecond later: the same event would otherwise come again.
 */
export function sinceAfter(event: Pick<EngineEvent, 'time' | 'timeNano'>): string {
  const nanos = event.timeNano > 0 ? event.timeNano - event.time * 1e9 : 999_999_000
  const next = Math.max(0, Math.round(nanos)) + 1000
  const seconds = event.time + Math.floor(next / 1e9)
  return `${seconds}.${String(next % 1e9).padStart(9, '0')}`
}

/** An ISO timestamp as engines take it, `offsetMs` later. */
export function engineTime(iso: string, offsetMs = 0): string {
  const ms = Date.parse(iso) + offsetMs
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}000000`
}
