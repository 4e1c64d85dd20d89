import { defineSearch, textParam } from '../../lib/search.ts'

export const auditSearch = defineSearch({
  action: textParam,
  username: textParam,
  targetType: textParam,
  from: textParam,
  to: textParam,
})
