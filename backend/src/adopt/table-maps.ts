import type { RawValue } from '../db/sql-store.ts'
import { timestamp } from '../db/timestamps.ts'

/** Values of a row by column: canonical text as PostgreSQL prints it, or null. */
export type RowValues = Map<string, string | null>

/** What one table of the older dashboard becomes. Tables and columns have the same names in both. */
export interface TableMap {
  readonly table: string
  /** Values, as SQLite holds them, of columns that older versions do not have yet and that the product requires. */
  readonly absent?: Readonly<Record<string, RawValue>>
  /** What an empty value means where the older dashboard allows one and the product does not. */
  readonly nullMeans?: Readonly<Record<string, string>>
  /** Columns whose values the adoption sets itself: they are not compared. */
  readonly set?: readonly string[]
  /** Rows for which this is false are taken after all others: where two want one place, the first gets it. */
  readonly first?: (row: ReadonlyMap<string, string | null>) => boolean
  /** What to do about a row whose place another one has. */
  readonly clash?: string
  /** Changes a row that is about to be added. Returns what was changed, for the report. */
  readonly change?: (row: RowValues, context: ChangeContext) => readonly string[]
}

export interface ChangeContext {
  readonly now: Date
  /** Counts the calls for this table, from 0. */
  next(): number
}

const DELIVERY_PAUSE_MS = 5 * 60_000
const DELIVERY_STEP_MS = 30_000

/** In order of the domains; parents before their children. */
export const tableMaps: readonly TableMap[] = [
  { table: 'spans', absent: { trace_source: 'http' }, nullMeans: { attributes: '{}', trace_source: 'http' } },
  { table: 'audit_log', nullMeans: { details: '{}' } },
  { table: 'llm_traces' },
  { table: 'monitoring_cycles' },
  { table: 'monitoring_snapshots' },
  { table: 'notification_log' },
  { table: 'sessions' },
  {
    table: 'users',
    absent: { default_landing_page: '/' },
    first: (row) => row.get('username') === signInName(row.get('username') ?? ''),
    clash:
      'Names that differ in upper and lower case only are one here, and the user who has it keeps it: make this one anew ' +
      'under another name, or rename it in the older dashboard and adopt again.',
    change: changeUser,
  },
  { table: 'settings' },
  { table: 'insights' },
  { table: 'actions' },
  { table: 'investigations' },
  { table: 'incidents' },
  { table: 'pcap_captures' },
  { table: 'webhooks' },
  { table: 'webhook_deliveries', set: ['next_retry_at'], change: postponeRetry },
  { table: 'image_staleness' },
  { table: 'ebpf_coverage', absent: { beyla_enabled: 0n, beyla_managed: 0n } },
  { table: 'mcp_servers' },
  { table: 'prompt_profiles' },
  { table: 'llm_feedback' },
  { table: 'llm_prompt_suggestions' },
]

/** Tables that stay where they are, and why. */
export const leftBehind: Readonly<Record<string, string>> = {
  metrics:
    'samples are numbered by environments of a Portainer server that the file does not describe, so they cannot be ' +
    'given to the right endpoint; the older dashboard itself stopped writing them when it moved metrics elsewhere',
  kpi_snapshots:
    'the older dashboard stopped writing these counts when it moved metrics elsewhere; ' +
    'monitoring_snapshots holds counts of the same kind and is adopted',
}

/** The step of the older dashboard that put the row in with which the product starts, too. */
export function seedingStep(table: string, key: string): string | undefined {
  if (table === 'prompt_profiles' || key === 'prompts.active_profile') return 'prompt_profiles'
  if (/^oidc\.(groups_claim|group_role_mappings|auto_provision)$/.test(key)) return 'oidc_group_mapping'
  if (key.startsWith('oidc.')) return 'oidc_seed'
  if (key === 'security_audit_ignore_list') return 'security_audit_ignore_list'
  if (key.startsWith('prompts.')) return 'prompt_defaults'
  if (key === 'reports.infrastructure_service_patterns') return 'reports_infrastructure_patterns'
  return undefined
}

/** As a name is looked up when somebody signs in. */
const signInName = (name: string) => name.trim().toLowerCase()

/** Pages of the older dashboard that are called otherwise here; others than these lead to the overview. */
const PAGES: Readonly<Record<string, string>> = {
  '/workloads': '/containers',
  '/fleet': '/hosts',
  '/infrastructure': '/hosts',
  '/stacks': '/stacks',
  '/images': '/images',
  '/topology': '/networks',
  '/settings': '/settings',
}

function changeUser(row: RowValues): string[] {
  const changes: string[] = []
  const name = row.get('username')
  if (name != null && name !== signInName(name)) {
    row.set('username', signInName(name))
    changes.push('user names are in lower case and without spaces around, as they are looked up')
  }
  const page = row.get('default_landing_page')
  if (page != null && page !== '/') {
    row.set('default_landing_page', PAGES[page] ?? '/')
    if (row.get('default_landing_page') !== page)
      changes.push('start pages lead to the page that has taken their place')
  }
  return changes
}

/** A retry whose time has passed would be sent at once with all others: they get times one after the other. */
function postponeRetry(row: RowValues, context: ChangeContext): string[] {
  const due = row.get('next_retry_at')
  if (due == null || row.get('status') !== 'retrying') return []
  if (timeOf(due) > context.now.getTime()) return []
  const atMs = context.now.getTime() + DELIVERY_PAUSE_MS + context.next() * DELIVERY_STEP_MS
  row.set('next_retry_at', canonicalTime(new Date(atMs)))
  return ['overdue retries are spread: the first in five minutes, then one every 30 seconds']
}

/** Epoch milliseconds of a canonical timestamp, `2026-11-21 03:04:05.123+00`. */
export const timeOf = (text: string) => Date.parse(timestamp(text))

/** A time as PostgreSQL prints it. */
export function canonicalTime(time: Date): string {
  const text = time.toISOString().replace('T', ' ').replace('Z', '')
  return `${text.replace(/\.?0+$/, '')}+00`
}
