import type { Setting } from '../../lib/api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'

/** What a control holds: text as typed, or a switch. */
export type Draft = string | boolean

/** The value as its control shows it. A secret is never read back: its control starts empty. */
export function toDraft(setting: Setting): Draft {
  if (setting.type === 'boolean') return setting.value === true
  if (setting.type === 'secret') return ''
  if (setting.type === 'json') return JSON.stringify(setting.value, null, 2)
  return String(setting.value ?? '')
}

export type Parsed = { value: unknown } | { problem: string }

/** Reads a draft; says what is wrong with it in words for the person typing. */
export function parseDraft(setting: Setting, draft: Draft): Parsed {
  if (typeof draft === 'boolean' || setting.type === 'string' || setting.type === 'secret')
    return { value: draft }
  if (setting.type === 'json') {
    try {
      return { value: JSON.parse(draft) }
    } catch {
      // Half-typed JSON is the normal case here.
      return { problem: texts.settings.badJson }
    }
  }
  const value = draft.trim() === '' ? Number.NaN : Number(draft)
  if (!Number.isFinite(value)) return { problem: texts.settings.badNumber }
  const { min = -Infinity, max = Infinity } = setting
  if (value < min || value > max) return { problem: texts.settings.between(min, max) }
  return { value }
}

/** The default in words, with its unit. */
export function describeDefault(setting: Setting): string {
  const { default: value, unit } = setting
  if (typeof value === 'boolean') return value ? texts.settings.on : texts.settings.off
  if (typeof value === 'number')
    return unit === undefined ? formatCount(value) : `${formatCount(value)} ${unit}`
  if (value === null || value === '') return texts.common.none
  return typeof value === 'string' ? value : JSON.stringify(value)
}
