import { adminTexts } from './texts/admin.ts'
import { baseTexts } from './texts/base.ts'
import { overviewTexts } from './texts/overview.ts'

/** Every text of the page, by area: a translation replaces the files of ./texts. */
export const texts = { ...baseTexts, ...adminTexts, overview: overviewTexts }
