import { defineSearch, flagParam, oneOfParam, textParam } from '../../lib/search.ts'
import { LOG_LEVELS } from '../../ui/log-viewer/log-levels.ts'

export const stacksSearch = defineSearch({ q: textParam, sort: textParam })

const STACK_TABS = ['containers', 'logs'] as const
export type StackTab = (typeof STACK_TABS)[number]

export const stackSearch = defineSearch({
  tab: oneOfParam(STACK_TABS),
  q: textParam,
  regex: flagParam,
  invert: flagParam,
  level: oneOfParam(LOG_LEVELS),
  stream: oneOfParam(['stdout', 'stderr']),
  line: textParam,
})
