import { defineSearch, oneOfParam, textParam } from '../../lib/search.ts'

export const STORAGE_TABS = ['units', 'plan', 'quarantine', 'timeline'] as const

/** `unit`: which rows and entries are shown. `what`: `all`, a phase or a unit to plan. */
export const storageSearch = defineSearch({ tab: oneOfParam(STORAGE_TABS), unit: textParam, what: textParam })
