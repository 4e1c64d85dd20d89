import { defineSearch, textParam } from '../../lib/search.ts'

export const hostsSearch = defineSearch({ sort: textParam })
