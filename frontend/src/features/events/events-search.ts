import { defineSearch, flagParam, oneOfParam, textParam } from '../../lib/search.ts'

export const EVENT_KINDS = ['container', 'image', 'network', 'endpoint'] as const

/** `name` is asked of the server; `kind` and `grave` choose among what has been loaded. */
export const eventsSearch = defineSearch({ name: textParam, kind: oneOfParam(EVENT_KINDS), grave: flagParam })
