import { defineSearch, oneOfParam } from '../../lib/search.ts'

export const SETTINGS_TABS = [
  'general',
  'retention',
  'backups',
  'endpoints',
  'users',
  'tokens',
  'sessions',
] as const

export const settingsSearch = defineSearch({ tab: oneOfParam(SETTINGS_TABS) })
