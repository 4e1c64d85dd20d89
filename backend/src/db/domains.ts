/** What the router and the moves must know of one table. */
export interface TableSpec {
  /** Columns of the primary key, in order. */
  readonly key: readonly string[]
  /** When the row happened. A column named `…_ms` holds epoch milliseconds, any other a timestamp. */
  readonly time?: string
  /** The column that the store numbers. */
  readonly identity?: string
  /** Rows are inserted and deleted by age, never updated. */
  readonly appendOnly?: true
  /** Migrations put rows in: they are the same in every store and are no data of the operator. */
  readonly seeded?: true
  /** Holds nothing that would be missed: it does not keep a domain from changing its placement. */
  readonly transient?: true
  /** Plain PostgreSQL partitions it by its time: how much of it one partition holds. */
  readonly partition?: { readonly widthMs: number }
}

/**
 * Rows of `table` older than the setting `settingKey` (days; `defaultDays` unless set) are deleted by the job of the domain.
 * Domains that nothing fills yet have neither setting nor job (settings.registry.ts): what was adopted into them stays.
 */
interface RetentionSpec {
  readonly table: string
  readonly column: string
  readonly defaultDays: number
  readonly settingKey: string
}

/** A foreign key into another domain: both must be in the same store, so they move as one unit. */
interface ReferenceSpec {
  readonly table: string
  readonly column: string
  readonly domain: string
}

export interface DomainSpec {
  /** 1 high-write, 2 core, 3 features, 4 telemetry: the order in which domains are meant to move. */
  readonly phase: 1 | 2 | 3 | 4
  readonly title: string
  readonly tables: Readonly<Record<string, TableSpec>>
  readonly references?: readonly ReferenceSpec[]
  readonly retention?: readonly RetentionSpec[]
}

const event = { key: ['id'], time: 'created_at', identity: 'id', appendOnly: true } as const
const rollup = { key: ['series_id', 'time_ms'], time: 'time_ms' } as const
const days = (count: number) => ({ widthMs: count * 24 * 60 * 60 * 1000 })

const registry = {
  traces: {
    phase: 1,
    title: 'Traces',
    tables: { spans: { key: ['id'], time: 'start_time', appendOnly: true } },
    retention: [
      { table: 'spans', column: 'start_time', defaultDays: 14, settingKey: 'traces.retention.days' },
    ],
  },
  audit: {
    phase: 1,
    title: 'Audit log',
    tables: { audit_log: event },
    retention: [
      { table: 'audit_log', column: 'created_at', defaultDays: 365, settingKey: 'audit.retention.days' },
    ],
  },
  'llm-traces': {
    phase: 1,
    title: 'Model calls',
    tables: { llm_traces: { key: ['id'], time: 'created_at', identity: 'id' } },
    retention: [
      { table: 'llm_traces', column: 'created_at', defaultDays: 90, settingKey: 'llm-traces.retention.days' },
    ],
  },
  monitoring: {
    phase: 1,
    title: 'Monitoring cycles',
    tables: { monitoring_cycles: event, monitoring_snapshots: event },
    retention: [
      {
        table: 'monitoring_cycles',
        column: 'created_at',
        defaultDays: 30,
        settingKey: 'monitoring.retention.cycle_days',
      },
      {
        table: 'monitoring_snapshots',
        column: 'created_at',
        defaultDays: 365,
        settingKey: 'monitoring.retention.snapshot_days',
      },
    ],
  },
  notifications: {
    phase: 1,
    title: 'Notifications',
    tables: { notification_log: event },
    retention: [
      {
        table: 'notification_log',
        column: 'created_at',
        defaultDays: 90,
        settingKey: 'notifications.retention.days',
      },
    ],
  },
  sessions: {
    phase: 2,
    title: 'Sessions',
    tables: {
      sessions: { key: ['id'], time: 'created_at' },
      login_attempts: { key: ['key'], time: 'first_at', transient: true },
    },
    retention: [
      { table: 'sessions', column: 'expires_at', defaultDays: 30, settingKey: 'sessions.retention.days' },
    ],
  },
  users: {
    phase: 2,
    title: 'Users',
    tables: {
      users: { key: ['id'], time: 'created_at' },
      api_tokens: { key: ['id'], time: 'created_at' },
      setup_tokens: { key: ['token_hash'], time: 'created_at', transient: true },
    },
  },
  settings: {
    phase: 2,
    title: 'Settings',
    tables: { settings: { key: ['key'], time: 'updated_at', seeded: true } },
  },
  insights: {
    phase: 2,
    title: 'Insights',
    tables: { insights: { key: ['id'], time: 'created_at' } },
    retention: [
      { table: 'insights', column: 'created_at', defaultDays: 90, settingKey: 'insights.retention.days' },
    ],
  },
  actions: {
    phase: 2,
    title: 'Actions',
    tables: { actions: { key: ['id'], time: 'created_at' } },
    references: [{ table: 'actions', column: 'insight_id', domain: 'insights' }],
    retention: [
      { table: 'actions', column: 'created_at', defaultDays: 365, settingKey: 'actions.retention.days' },
    ],
  },
  investigations: {
    phase: 2,
    title: 'Investigations',
    tables: { investigations: { key: ['id'], time: 'created_at' } },
    references: [{ table: 'investigations', column: 'insight_id', domain: 'insights' }],
    retention: [
      {
        table: 'investigations',
        column: 'created_at',
        defaultDays: 90,
        settingKey: 'investigations.retention.days',
      },
    ],
  },
  incidents: {
    phase: 2,
    title: 'Incidents',
    tables: { incidents: { key: ['id'], time: 'created_at' } },
    references: [{ table: 'incidents', column: 'root_cause_insight_id', domain: 'insights' }],
    retention: [
      { table: 'incidents', column: 'created_at', defaultDays: 365, settingKey: 'incidents.retention.days' },
    ],
  },
  pcap: {
    phase: 3,
    title: 'Packet captures',
    tables: { pcap_captures: { key: ['id'], time: 'created_at' } },
    retention: [
      { table: 'pcap_captures', column: 'created_at', defaultDays: 30, settingKey: 'pcap.retention.days' },
    ],
  },
  webhooks: {
    phase: 3,
    title: 'Webhooks',
    tables: {
      webhooks: { key: ['id'], time: 'created_at' },
      webhook_deliveries: { key: ['id'], time: 'created_at' },
    },
    retention: [
      {
        table: 'webhook_deliveries',
        column: 'created_at',
        defaultDays: 30,
        settingKey: 'webhooks.retention.delivery_days',
      },
    ],
  },
  images: {
    phase: 3,
    title: 'Image updates',
    tables: { image_staleness: { key: ['id'], time: 'last_checked_at', identity: 'id' } },
  },
  ebpf: {
    phase: 3,
    title: 'eBPF coverage',
    tables: { ebpf_coverage: { key: ['endpoint_id'], time: 'updated_at' } },
  },
  mcp: {
    phase: 3,
    title: 'MCP servers',
    tables: { mcp_servers: { key: ['id'], time: 'created_at', identity: 'id' } },
  },
  prompts: {
    phase: 3,
    title: 'Prompt profiles',
    tables: { prompt_profiles: { key: ['id'], time: 'updated_at', seeded: true } },
  },
  feedback: {
    phase: 3,
    title: 'Model feedback',
    tables: {
      llm_feedback: { key: ['id'], time: 'created_at' },
      llm_prompt_suggestions: { key: ['id'], time: 'created_at' },
    },
    retention: [
      {
        table: 'llm_feedback',
        column: 'created_at',
        defaultDays: 365,
        settingKey: 'feedback.retention.days',
      },
    ],
  },
  metrics: {
    phase: 4,
    title: 'Metrics',
    tables: {
      metric_series: { key: ['id'], identity: 'id' },
      metrics_recent: { key: ['time_ms', 'series_id'], time: 'time_ms' },
      metrics: { ...rollup, appendOnly: true, partition: days(1) },
      metrics_1m: { ...rollup, partition: days(7) },
      metrics_5m: { ...rollup, partition: days(14) },
      metrics_1h: { ...rollup, partition: days(28) },
      metrics_1d: rollup,
      metric_latest: { key: ['series_id'], time: 'time_ms' },
      metric_rollups: { key: ['level'], seeded: true, transient: true },
    },
    retention: [
      { table: 'metrics', column: 'time_ms', defaultDays: 7, settingKey: 'metrics.retention.raw_days' },
      {
        table: 'metrics_1m',
        column: 'time_ms',
        defaultDays: 30,
        settingKey: 'metrics.retention.rollup_1m_days',
      },
      {
        table: 'metrics_5m',
        column: 'time_ms',
        defaultDays: 120,
        settingKey: 'metrics.retention.rollup_5m_days',
      },
      {
        table: 'metrics_1h',
        column: 'time_ms',
        defaultDays: 365,
        settingKey: 'metrics.retention.rollup_days',
      },
      {
        table: 'metrics_1d',
        column: 'time_ms',
        defaultDays: 365,
        settingKey: 'metrics.retention.rollup_days',
      },
    ],
  },
  fleet: {
    phase: 4,
    title: 'Fleet',
    tables: {
      endpoints: { key: ['id'], time: 'created_at', identity: 'id' },
      fleet_events: { key: ['id'], time: 'at', identity: 'id', appendOnly: true },
    },
    retention: [
      { table: 'fleet_events', column: 'at', defaultDays: 90, settingKey: 'fleet.retention.event_days' },
    ],
  },
} as const satisfies Record<string, DomainSpec>

/** A set of tables that always live in one store together. */
export type Domain = keyof typeof registry

export const domains: Readonly<Record<Domain, DomainSpec>> = registry

const isDomain = (name: string): name is Domain => Object.hasOwn(registry, name)

/** Tables of the product itself (migrations, placements, moves), which are in no domain, begin with an underscore. */
export const isOwnTable = (table: string): boolean => table.startsWith('_')

/** Every domain, by phase and then in the order of the registry. */
export const domainNames: readonly Domain[] = Object.keys(registry)
  .filter(isDomain)
  .sort((a, b) => registry[a].phase - registry[b].phase)

/**
 * Domains that are tied by foreign keys, directly or through others, and so must be in the same store.
 * Every domain is in exactly one unit; most units have one domain.
 */
export const units: readonly (readonly Domain[])[] = unitsOf(
  domainNames,
  domainNames.flatMap((domain) =>
    (domains[domain].references ?? []).map((reference) => [domain, reference.domain] as const),
  ),
)

/** The unit of `domain`, itself included. */
export function unitOf(domain: Domain): readonly Domain[] {
  return units.find((unit) => unit.includes(domain)) ?? [domain]
}

/** Groups `names` so that the two ends of every tie are in one group. Order is kept. */
export function unitsOf<Name extends string>(
  names: readonly Name[],
  ties: readonly (readonly [string, string])[],
): Name[][] {
  let groups = names.map((name) => [name])
  for (const tie of ties) {
    const touched = groups.filter((group) => group.some((name) => tie.includes(name)))
    const [first, ...others] = touched
    if (!first || others.length === 0) continue
    first.push(...others.flat())
    first.sort((a, b) => names.indexOf(a) - names.indexOf(b))
    groups = groups.filter((group) => !others.includes(group))
  }
  return groups
}

/** The environment variable that places `domain`, e.g. `STORAGE_PLACEMENT_LLM_TRACES`. */
export function placementVariable(domain: Domain): string {
  return `STORAGE_PLACEMENT_${domain.toUpperCase().replaceAll('-', '_')}`
}
