import { Cron } from 'croner'
import type { SettingDefinition } from '../settings/index.ts'

const group = 'backups'

/** When backups are made by themselves, and which are kept. */
export const backupSettings: readonly SettingDefinition[] = [
  {
    key: 'backups.enabled',
    type: 'boolean',
    group,
    label: 'Back up by a schedule',
    help: 'A backup is made, proved, and older ones are deleted.',
    default: true,
  },
  {
    key: 'backups.schedule',
    type: 'string',
    group,
    label: 'Schedule',
    help: 'A cron pattern: minute, hour, day of the month, month, day of the week. One that was missed is made up for.',
    default: '15 3 * * *',
    maxLength: 100,
    check: (value) =>
      nextRun(value, 'UTC', new Date()) ? undefined : 'must be a cron pattern such as 15 3 * * *',
  },
  {
    key: 'backups.time_zone',
    type: 'string',
    group,
    label: 'Time zone of the schedule',
    help: 'As in Europe/Berlin or UTC.',
    default: 'UTC',
    maxLength: 100,
    check: (value) => (isTimeZone(value) ? undefined : 'must be a time zone such as Europe/Berlin'),
  },
  {
    key: 'backups.keep_count',
    type: 'number',
    group,
    label: 'Backups to keep',
    help: 'Older ones are deleted after a new one was proved. The last proved one always stays.',
    default: 14,
    min: 1,
    max: 1000,
  },
  {
    key: 'backups.keep_days',
    type: 'number',
    group,
    label: 'Days to keep backups',
    help: 'Older ones are deleted after a new one was proved. The last proved one always stays.',
    default: 90,
    min: 1,
    max: 3650,
    unit: 'days',
  },
  {
    key: 'backups.keep_gib',
    type: 'number',
    group,
    label: 'Disk space for backups',
    help: 'The oldest are deleted when all of them together are larger. The last proved one always stays.',
    default: 50,
    min: 1,
    max: 100_000,
    unit: 'GiB',
  },
]

/** The first time after `after`; null for a pattern that never comes or is none. */
export function nextRun(pattern: string, timezone: string, after: Date): Date | null {
  // Patterns with seconds would be allowed otherwise, and names of days are fine.
  if (pattern.trim().split(/\s+/).length !== 5) return null
  try {
    return new Cron(pattern, { timezone, paused: true }).nextRun(after)
  } catch (error) {
    // croner says so of what is no pattern and of what is no time zone.
    if (error instanceof TypeError || error instanceof RangeError || error instanceof Error) return null
    throw error
  }
}

function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }) !== undefined
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
