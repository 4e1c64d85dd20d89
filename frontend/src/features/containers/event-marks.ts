import type { FleetEvent } from '../../lib/api/types.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import type { ChartMark } from '../../ui/time-chart/plot-options.ts'

const MARKED = new Set(['start', 'die', 'oom', 'pause', 'unpause', 'restart', 'health_status: unhealthy'])

/**
 * Events that may explain a step in a line, as marks on the time axis, oldest first: a death with its exit code, and
 * the container made anew, which is a deploy, with its image.
 */
export function eventMarks(events: readonly FleetEvent[]): ChartMark[] {
  return events
    .flatMap((event) => {
      const label = labelOf(event)
      return label === undefined ? [] : [{ timeMs: Date.parse(event.at), label }]
    })
    .sort((a, b) => a.timeMs - b.timeMs)
}

function labelOf({ action, attributes }: FleetEvent): string | undefined {
  if (action === 'create') return fleetTexts.container.deployed(attributes.image ?? '')
  if (!MARKED.has(action)) return undefined
  return action === 'die' && attributes.exitCode !== undefined ? `${action} (${attributes.exitCode})` : action
}
