import { defineSearch, type Param, textParam } from '../../lib/search.ts'

/** `2026-11-21`, a day in the viewer's zone. */
const dayParam: Param<string> = (value) =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
    ? value
    : undefined

export const auditSearch = defineSearch({
  action: textParam,
  username: textParam,
  targetType: textParam,
  from: dayParam,
  to: dayParam,
})

export type AuditSearch = ReturnType<typeof auditSearch>

/** First instant of a day in the viewer's zone, as ISO 8601 UTC. */
export const dayStart = (day: string): string => new Date(`${day}T00:00:00`).toISOString()

/** Last millisecond of a day in the viewer's zone, as ISO 8601 UTC. */
export const dayEnd = (day: string): string => new Date(`${day}T23:59:59.999`).toISOString()
