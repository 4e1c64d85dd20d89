import { defineSearch, oneOfParam, textParam } from '../../lib/search.ts'

export const IMAGE_USES = ['used', 'unused', 'dangling'] as const

export const imagesSearch = defineSearch({ q: textParam, use: oneOfParam(IMAGE_USES), sort: textParam })
