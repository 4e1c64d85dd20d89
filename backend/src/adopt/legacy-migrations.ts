/**
 * Migrations of the older dashboard: what each is called now, and the number it had before they were renumbered.
 * Installations that were there at that time know both names of the same step.
 */
const STEPS: readonly (readonly [number: string, title: string, formerNumber?: string])[] = [
  ['001', 'sessions'],
  ['002', 'settings'],
  ['003', 'insights'],
  ['004', 'metrics'],
  ['005', 'actions'],
  ['006', 'traces'],
  ['007', 'audit_log'],
  ['008', 'oidc_seed'],
  ['009', 'investigations'],
  ['010', 'notification_log', '009'],
  ['011', 'pcap_captures', '010'],
  ['012', 'monitoring_telemetry', '011'],
  ['013', 'webhooks', '011'],
  ['014', 'incidents', '012'],
  ['015', 'users', '012'],
  ['016', 'default_landing_page', '013'],
  ['017', 'kpi_snapshots', '013'],
  ['018', 'image_staleness', '014'],
  ['019', 'llm_traces', '014'],
  ['020', 'network_metrics', '015'],
  ['021', 'drop_llm_feedback', '016'],
  ['022', 'trace_source', '017'],
  ['023', 'investigation_ai_summary', '018'],
  ['024', 'security_audit_ignore_list', '019'],
  ['025', 'actions_pending_unique', '020'],
  ['026', 'pcap_analysis', '021'],
  ['027', 'pcap_fix_status_constraint', '022'],
  ['028', 'ebpf_coverage', '023'],
  ['029', 'mcp_servers', '024'],
  ['030', 'prompt_defaults', '025'],
  ['031', 'ebpf_coverage_statuses', '026'],
  ['032', 'prompt_profiles', '026'],
  ['033', 'llm_feedback', '027'],
  ['034', 'feedback_context', '028'],
  ['035', 'ebpf_beyla_lifecycle', '029'],
  ['036', 'trace_typed_otlp_attributes', '029'],
  ['037', 'ebpf_otlp_endpoint_override', '030'],
  ['038', 'trace_extended_beyla_attributes', '031'],
  ['039', 'update_builtin_profile_prompts', '032'],
  ['040', 'reports_infrastructure_patterns', '033'],
  ['041', 'oidc_group_mapping'],
]

const known = new Map<string, { title: string; renamed: boolean }>(
  STEPS.flatMap(([number, title, former]) => {
    const step = { title, renamed: false }
    const current = [`${number}_${title}.sql`, step] as const
    return former === undefined
      ? [current]
      : [current, [`${former}_${title}.sql`, { title, renamed: true }] as const]
  }),
)

/** What a file's list of migrations says about its version. */
export interface LegacyHistory {
  /** Titles of the steps that were applied, under whichever name: `prompt_profiles`. */
  readonly steps: ReadonlySet<string>
  /** The newest step, as it is called now. */
  readonly latest: string | undefined
  /** Steps of the newest version that the file does not have. */
  readonly missing: number
  /** Names from before the renumbering. */
  readonly formerNames: readonly string[]
  /** Names that no version known here has. */
  readonly unknown: readonly string[]
}

export function readLegacyHistory(names: readonly string[]): LegacyHistory {
  const steps = new Set<string>()
  const formerNames: string[] = []
  const unknown: string[] = []
  for (const name of names) {
    const step = known.get(name)
    if (step === undefined) unknown.push(name)
    else {
      steps.add(step.title)
      if (step.renamed) formerNames.push(name)
    }
  }
  const latest = STEPS.findLast(([, title]) => steps.has(title))
  return {
    steps,
    latest: latest && `${latest[0]}_${latest[1]}`,
    missing: STEPS.length - steps.size,
    formerNames,
    unknown,
  }
}
