import { logParams } from '../../lib/logs/filter-search.ts'
import { defineSearch, oneOfParam, textParam } from '../../lib/search.ts'
import { rangeParams } from '../../ui/time-chart/time-range.ts'

export const CONTAINER_TABS = ['charts', 'logs', 'events', 'config', 'processes'] as const
export type ContainerTab = (typeof CONTAINER_TABS)[number]

/** `with`: names of further containers of the endpoint, comma separated, whose lines are merged in. */
export const containerSearch = defineSearch({
  tab: oneOfParam(CONTAINER_TABS),
  ...rangeParams,
  ...logParams,
  with: textParam,
})
