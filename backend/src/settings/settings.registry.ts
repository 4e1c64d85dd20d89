import type { Json } from '../db/app-db.ts'
import { domains } from '../db/domains.ts'

interface Described {
  readonly key: string
  readonly group: string
  readonly label: string
  readonly help: string
}

/** What a setting is: how it is checked, shown and stored. */
export type SettingDefinition =
  | (Described & {
      readonly type: 'number'
      readonly default: number
      readonly min: number
      readonly max: number
      readonly unit?: string
      /** Fractions are refused unless this is set. */
      readonly fractions?: true
    })
  | (Described & { readonly type: 'boolean'; readonly default: boolean })
  | (Described & {
      readonly type: 'string'
      readonly default: string
      readonly maxLength: number
      /** What is wrong with a text besides its length. */
      readonly check?: (value: string) => string | undefined
    })
  | (Described & {
      readonly type: 'json'
      readonly default: Json
      readonly check: (value: Json) => string | undefined
    })
  | (Described & { readonly type: 'secret'; readonly default: null; readonly maxLength: number })

/** Settings of access itself. Other domains bring their own; app.ts joins them. */
export const accessSettings: readonly SettingDefinition[] = [
  {
    key: 'general.instance_name',
    type: 'string',
    group: 'general',
    label: 'Name of this installation',
    help: 'Shown in the title and on the sign-in page.',
    default: 'Holdfast',
    maxLength: 60,
  },
  {
    key: 'sessions.idle_hours',
    type: 'number',
    group: 'access',
    label: 'Sign out after inactivity',
    help: 'A session that nobody uses ends after this time. Every session ends after 30 days.',
    default: 168,
    min: 1,
    max: 720,
    unit: 'hours',
  },
  {
    key: 'sessions.max_per_user',
    type: 'number',
    group: 'access',
    label: 'Sessions per user',
    help: 'Signing in once more ends the session that was unused for longest.',
    default: 10,
    min: 1,
    max: 100,
  },
  {
    key: 'login.max_failures',
    type: 'number',
    group: 'access',
    label: 'Failed sign-ins before a pause',
    help: 'Counted for an account from one address; an address as a whole has four times as many.',
    default: 5,
    min: 3,
    max: 100,
  },
  {
    key: 'login.lock_minutes',
    type: 'number',
    group: 'access',
    label: 'Pause after failed sign-ins',
    help: 'How long an account (from that address) or an address must wait.',
    default: 15,
    min: 1,
    max: 1440,
    unit: 'minutes',
  },
]

/** Domains that keep data now: a setting for a table that nothing fills would be a dead option. */
const RETAINED = ['metrics', 'fleet', 'monitoring', 'audit', 'sessions'] as const

interface RetentionTexts {
  readonly label: string
  readonly help: string
  readonly min?: number
}

const RETENTION_TEXTS: Readonly<Record<string, RetentionTexts>> = {
  'metrics.retention.raw_days': {
    label: 'Every sample of the metrics',
    help: 'Charts of older times are drawn from averages over minutes, hours and days.',
  },
  'metrics.retention.rollup_1m_days': {
    label: 'Averages of the metrics over a minute',
    help: 'From 3 days more than every sample up to as long as averages over an hour.',
    min: 4,
  },
  'metrics.retention.rollup_5m_days': {
    label: 'Averages of the metrics over 5 minutes',
    help: 'From 3 days more than every sample up to as long as averages over an hour.',
    min: 4,
  },
  'metrics.retention.rollup_days': {
    label: 'Averages of the metrics over an hour and a day',
    help: 'How far back charts go.',
  },
  'fleet.retention.event_days': {
    label: 'Events of containers and endpoints',
    help: 'Starts, stops, health changes, images pulled.',
  },
  'monitoring.retention.cycle_days': {
    label: 'Durations of collection cycles',
    help: 'How long each round of sampling took.',
  },
  'monitoring.retention.snapshot_days': {
    label: 'Counts of the fleet',
    help: 'Containers running, stopped and unhealthy over time.',
  },
  'audit.retention.days': { label: 'Audit log', help: 'Who changed what.' },
  'sessions.retention.days': {
    label: 'Ended sessions',
    help: 'How long a session is kept on record after it has ended.',
  },
}

/** One setting for everything whose old rows are deleted; bounds 1 day (unless said) to 10 years. */
export const retentionSettings: readonly SettingDefinition[] = RETAINED.flatMap((domain) => {
  const byKey = new Map((domains[domain].retention ?? []).map((each) => [each.settingKey, each]))
  return [...byKey.values()].map(({ settingKey, table, defaultDays }) => ({
    key: settingKey,
    type: 'number' as const,
    group: 'retention',
    label: RETENTION_TEXTS[settingKey]?.label ?? domains[domain].title,
    help: RETENTION_TEXTS[settingKey]?.help ?? `Older rows of ${table} are deleted.`,
    default: defaultDays,
    min: RETENTION_TEXTS[settingKey]?.min ?? 1,
    max: 3650,
    unit: 'days',
  }))
})
