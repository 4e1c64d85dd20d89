import { formatLocalDate } from '../../lib/format.ts'
import type { TimeStyle } from './log-prefs.ts'

const two = (value: number) => String(value).padStart(2, '0')

/** A line's time with milliseconds in the chosen style; '' for a line without one. */
export function formatLogTime(at: string | null, style: TimeStyle): string {
  if (at === null || style === 'none') return ''
  // Date reads three digits of a second; the engine gives nine.
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return ''
  if (style === 'utc') return `${date.toISOString().slice(0, 23).replace('T', ' ')}Z`
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
  return style === 'full' ? `${formatLocalDate(date)} ${clock}` : clock
}
