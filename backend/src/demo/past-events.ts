import type { NewFleetEvent } from '../fleet/index.ts'
import { Engine } from './engine.ts'
import type { Unmeasured } from './history.ts'

const DAY_MS = 86_400_000
const ATTRIBUTES = ['image', 'exitCode', 'signal']

/**
 * What the product would have noted of a host's containers since nobody looked, oldest first; of the last day
 * at most, and at most 500 events of one container.
 */
export function inventEvents({ host, endpointId, fromMs }: Unmeasured, nowMs: number): NewFleetEvent[] {
  return new Engine(host, () => nowMs)
    .eventsBetween(Math.max(fromMs, nowMs - DAY_MS), nowMs)
    .filter(({ type }) => type === 'container')
    .map(({ timeMs, action, actorId, attributes }) => ({
      at: new Date(timeMs).toISOString(),
      endpointId,
      kind: 'container',
      action,
      subjectId: actorId,
      subjectName: attributes.name ?? actorId.slice(0, 12),
      stack: attributes['com.docker.compose.project'] ?? null,
      attributes: Object.fromEntries(
        ATTRIBUTES.flatMap((name) => {
          const value = attributes[name]
          return value === undefined ? [] : [[name, value]]
        }),
      ),
    }))
}
