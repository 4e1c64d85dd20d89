import { defineSearch, textParam } from '../../lib/search.ts'

export const networksSearch = defineSearch({ q: textParam, sort: textParam })
