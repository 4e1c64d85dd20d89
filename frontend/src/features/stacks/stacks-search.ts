import { logParams } from '../../lib/logs/filter-search.ts'
import { defineSearch, oneOfParam, textParam } from '../../lib/search.ts'

export const stacksSearch = defineSearch({ q: textParam, sort: textParam })

const STACK_TABS = ['containers', 'logs'] as const
export type StackTab = (typeof STACK_TABS)[number]

export const stackSearch = defineSearch({
  tab: oneOfParam(STACK_TABS),
  ...logParams,
})
