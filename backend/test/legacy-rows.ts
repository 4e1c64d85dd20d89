import type SqliteDatabase from 'better-sqlite3'
import { put } from './legacy-database.ts'

/** Passwords of the users that have one here. */
export const LEGACY_PASSWORD = 'U*U'
// A published test vector of bcrypt.
export const LEGACY_HASH = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

/** Rows of every table, all of which have their place. */
export function fillLegacy(db: SqliteDatabase.Database): void {
  const at = '2026-02-14 15:54:00'
  put(
    db,
    'users',
    {
      id: 'u-Admin',
      username: 'Admin',
      password_hash: LEGACY_HASH,
      role: 'admin',
      default_landing_page: '/workloads',
    },
    { id: 'u-viewer', username: 'viewer', password_hash: LEGACY_HASH, role: 'viewer' },
    {
      id: 'auth0|17',
      username: 'josé ',
      password_hash: '3f0b6d0c-0000-4000-8000-000000000000',
      role: 'operator',
    },
  )
  put(db, 'sessions', {
    id: 's-1',
    user_id: 'u-viewer',
    username: 'viewer',
    created_at: '2026-02-14T15:58:00.000Z',
    expires_at: '2026-02-14T16:58:00.000Z',
    last_active: '2026-02-14T16:45:00.120Z',
  })
  put(
    db,
    'settings',
    { key: 'oidc.enabled', value: 'true', category: 'authentication', updated_at: at },
    { key: 'prompts.active_profile', value: 'devops', category: 'prompts', updated_at: at },
    { key: 'prompts.log_analyzer.system_prompt', value: 'short', category: 'prompts', updated_at: at },
    { key: 'general.theme', value: 'glass-dark' },
    { key: 'notifications.smtp_password', value: 'p@ss\'w"ord\\ ✓', category: 'notifications' },
    { key: 'custom.json', value: '{"a":9007199254740993,"b": [1.50]}' },
    { key: 'custom.ключ \u2028 🐳', value: '' },
  )
  put(
    db,
    'prompt_profiles',
    { id: 'default', name: 'Default', is_built_in: 1 },
    {
      id: 'devops',
      name: 'DevOps',
      is_built_in: 1,
      prompts_json: '{\n "chat_assistant": {"systemPrompt": "ü"}\n}',
    },
    { id: 'p-1', name: 'Mine 🐳', description: "it's", prompts_json: '{"a":1,"a":2}' },
  )
  put(
    db,
    'insights',
    {
      id: 'i-1',
      severity: 'critical',
      category: 'anomaly',
      title: 't',
      description: 'ü'.repeat(200_000),
      created_at: '2024-02-29 23:59:59',
    },
    {
      id: 'i-2',
      severity: 'info',
      category: 'c',
      title: '日本',
      description: ' ',
      is_acknowledged: 1,
      endpoint_id: 7,
    },
  )
  put(
    db,
    'actions',
    {
      id: 'a-1',
      insight_id: 'i-1',
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      action_type: 'STOP',
      rationale: '{"x":1}',
      approved_at: at,
      execution_duration_ms: 3_000_000_000,
    },
    {
      id: 'a-2',
      insight_id: null,
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      action_type: 'START',
      rationale: 'why',
      status: 'completed',
    },
  )
  put(db, 'investigations', {
    id: 'v-1',
    insight_id: 'i-2',
    status: 'complete',
    evidence_summary: '{"logs":" a"}',
    confidence_score: 0.1,
    completed_at: '2026-01-26T06:07:36.526Z',
  })
  put(db, 'incidents', {
    id: 'n-1',
    title: 't',
    severity: 'warning',
    root_cause_insight_id: 'i-1',
    related_insight_ids: '["i-1","i-2"]',
    correlation_type: 'cascade',
    created_at: null,
  })
  put(
    db,
    'spans',
    {
      id: 'sp-1',
      trace_id: 't',
      name: 'GET /',
      kind: 'server',
      start_time: '2026-02-07T16:01:44.041Z',
      end_time: '2026-02-07T16:01:44.060Z',
      duration_ms: 2_592_000_000,
      service_name: 's',
      attributes: '{\n "pretty" : [ 1 , 2 ],\n "a":1,"a":2, "big":12345678901234567890123,"f":1e+308}',
      url_full: `http://x/${'ä'.repeat(5000)}`,
      process_pid: 1_099_511_627_776,
      http_status_code: 200,
    },
    {
      id: 'sp-2',
      trace_id: 't',
      parent_span_id: 'sp-1',
      name: 'q \ufffd',
      kind: 'client',
      start_time: '2026-02-07T16:01:44.045Z',
      service_name: 's',
      attributes: null,
      trace_source: '',
    },
    {
      id: 'req id/with spaces 🐳',
      trace_id: 't',
      name: 'n',
      kind: 'internal',
      status: 'unset',
      start_time: '2026-02-07 16:01:45',
      service_name: 's',
      trace_source: null,
    },
  )
  put(
    db,
    'audit_log',
    {
      id: 3,
      action: 'user.create',
      user_id: 'u-Admin',
      username: 'Admin',
      details: '{"note":"\\u0001 control"}',
      created_at: at,
    },
    { id: 4, action: 'login', details: null, created_at: at },
    { id: 5, action: 'login', created_at: at },
    { id: 6, action: 'login', created_at: at },
    { id: 2_147_483_650, action: 'logout', ip_address: '::1', created_at: at },
  )
  put(db, 'notification_log', {
    channel: 'email',
    event_type: 'test',
    title: 't',
    body: '',
    severity: null,
    endpoint_id: 1,
    created_at: at,
  })
  put(
    db,
    'pcap_captures',
    {
      id: 'pc-1',
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      status: 'stopped',
      capture_file: 'pc-1.pcap',
      file_size_bytes: 3_221_225_472,
      protocol_stats: '{"tcp":12}',
    },
    {
      id: 'pc-2',
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      status: 'succeeded',
      started_at: '2026-02-14T15:25:02.510Z',
    },
  )
  put(
    db,
    'monitoring_cycles',
    { duration_ms: 237, created_at: '2026-02-13 02:30:00' },
    { duration_ms: 237, created_at: '2026-02-13 02:30:00' },
  )
  put(db, 'monitoring_snapshots', {
    containers_running: 60,
    containers_stopped: 1,
    containers_unhealthy: 0,
    endpoints_up: 5,
    endpoints_down: 0,
    created_at: at,
  })
  put(db, 'webhooks', {
    id: 'w-1',
    name: 'ops',
    url: 'https://h.example.org/1',
    secret: 'aa',
    events: '["*"]',
    enabled: 0,
  })
  put(
    db,
    'webhook_deliveries',
    {
      id: 'd-1',
      webhook_id: 'w-1',
      event_type: 'e',
      payload: '{"b":1, "a":2}',
      status: 'delivered',
      attempt: 1,
      delivered_at: at,
    },
    {
      id: 'd-2',
      webhook_id: 'w-1',
      event_type: 'e',
      payload: '{}',
      status: 'retrying',
      attempt: 2,
      next_retry_at: '2026-02-04T21:17:37.229Z',
    },
    {
      id: 'd-3',
      webhook_id: 'w-1',
      event_type: 'e',
      payload: '{}',
      status: 'retrying',
      attempt: 2,
      next_retry_at: '2026-02-05T21:17:37.229Z',
    },
    {
      id: 'd-4',
      webhook_id: 'w-1',
      event_type: 'e',
      payload: '{}',
      status: 'retrying',
      attempt: 2,
      next_retry_at: '2999-01-01T00:00:00.000Z',
    },
  )
  put(db, 'image_staleness', { image_name: 'library/nginx', is_stale: 1, days_since_update: 40 })
  put(db, 'llm_traces', { trace_id: 'l-1', model: 'm', total_tokens: 12, created_at: at })
  put(db, 'ebpf_coverage', {
    endpoint_id: 1,
    endpoint_name: 'dev',
    status: 'incompatible',
    beyla_enabled: 1,
    last_trace_at: '2026-02-08T16:31:51.878Z',
  })
  put(db, 'mcp_servers', {
    name: 'one',
    transport: 'stdio',
    args: ' [ "a" , "b" ] ',
    env: '{}',
    disabled_tools: '["x"]',
  })
  put(db, 'llm_feedback', {
    id: 'f-1',
    feature: 'root_cause',
    rating: 'negative',
    user_id: 'u-viewer',
    effective_rating: 'positive',
  })
  put(db, 'llm_prompt_suggestions', {
    id: 'g-1',
    feature: 'f',
    current_prompt: 'old',
    suggested_prompt: 'new',
    reasoning: 'r',
    evidence_feedback_ids: '["f-1"]',
  })
  put(db, 'metrics', {
    endpoint_id: 1,
    container_id: 'c',
    container_name: 'n',
    metric_type: 'cpu',
    value: 1.5,
  })
  put(db, 'kpi_snapshots', { endpoints: 7, running: 80 })
}
