import type { FleetEvent } from '../../lib/api/types.ts'
import type { ChartMark } from '../../ui/time-chart/plot-options.ts'

const MARKED = new Set(['start', 'die', 'oom', 'pause', 'unpause', 'restart', 'health_status: unhealthy'])

/** Events that may explain a step in a line, as marks on the time axis, with the exit code of a death. */
export function eventMarks(events: readonly FleetEvent[]): ChartMark[] {
  return events
    .filter((event) => MARKED.has(event.action))
    .map((event) => {
      const code = event.action === 'die' ? event.attributes.exitCode : undefined
      return {
        timeMs: Date.parse(event.at),
        label: code === undefined ? event.action : `${event.action} (${code})`,
      }
    })
}
