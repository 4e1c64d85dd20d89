import { defineSearch, flagParam, oneOfParam, textParam } from '../../lib/search.ts'
import { LOG_LEVELS } from '../../ui/log-viewer/log-levels.ts'
import { rangeParams } from '../../ui/time-chart/time-range.ts'

export const CONTAINER_TABS = ['charts', 'logs', 'events', 'config', 'processes'] as const
export type ContainerTab = (typeof CONTAINER_TABS)[number]

/** `with`: names of further containers of the endpoint, comma separated, whose lines are merged in; `line`: time of a line. */
export const containerSearch = defineSearch({
  tab: oneOfParam(CONTAINER_TABS),
  ...rangeParams,
  q: textParam,
  regex: flagParam,
  invert: flagParam,
  level: oneOfParam(LOG_LEVELS),
  stream: oneOfParam(['stdout', 'stderr']),
  line: textParam,
  with: textParam,
})
