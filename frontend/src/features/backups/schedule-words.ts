import { texts } from '../../lib/texts.ts'

const t = texts.backups.schedule
const PATTERN = /^(\d{1,2}) (\d{1,2}) \* \* (\*|[0-7])$/

/** A cron pattern of one time a day or a week in words; undefined for any other, which is shown as it is. */
export function scheduleWords(pattern: string): string | undefined {
  const [, minute = '', hour = '', weekday = ''] = PATTERN.exec(pattern.trim().replace(/\s+/g, ' ')) ?? []
  if (weekday === '') return undefined
  const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`
  // Cron counts Sunday twice.
  return weekday === '*' ? t.daily(time) : t.weekly(t.weekdays[Number(weekday) % 7] ?? '', time)
}
