import { defineSearch, oneOfParam } from '../../lib/search.ts'
import { rangeParams } from '../../ui/time-chart/time-range.ts'

export const HOST_TABS = ['charts', 'processes', 'hardware'] as const
export type HostTab = (typeof HOST_TABS)[number]

export const hostSearch = defineSearch({ tab: oneOfParam(HOST_TABS), ...rangeParams })
