import { json, type SqlValue } from '../backend/src/db/app-db.ts'

type Kind = 'text' | 'time' | 'integer' | 'big' | 'json'

/** The columns of the spans table, in the order of its migration. */
const columns: Readonly<Record<string, Kind>> = {
  id: 'text',
  trace_id: 'text',
  parent_span_id: 'text',
  name: 'text',
  kind: 'text',
  status: 'text',
  start_time: 'time',
  end_time: 'time',
  duration_ms: 'big',
  service_name: 'text',
  attributes: 'json',
  trace_source: 'text',
  http_method: 'text',
  http_route: 'text',
  http_status_code: 'integer',
  service_namespace: 'text',
  service_instance_id: 'text',
  service_version: 'text',
  deployment_environment: 'text',
  container_id: 'text',
  container_name: 'text',
  k8s_namespace: 'text',
  k8s_pod_name: 'text',
  k8s_container_name: 'text',
  server_address: 'text',
  server_port: 'integer',
  client_address: 'text',
  url_full: 'text',
  url_scheme: 'text',
  network_transport: 'text',
  network_protocol_name: 'text',
  network_protocol_version: 'text',
  net_peer_name: 'text',
  net_peer_port: 'integer',
  host_name: 'text',
  os_type: 'text',
  process_pid: 'big',
  process_executable_name: 'text',
  process_command: 'text',
  telemetry_sdk_name: 'text',
  telemetry_sdk_language: 'text',
  telemetry_sdk_version: 'text',
  otel_scope_name: 'text',
  otel_scope_version: 'text',
  created_at: 'time',
}

export const spanColumns: readonly string[] = Object.keys(columns)

const types: Readonly<Record<'sqlite' | 'postgres', Readonly<Record<Kind, string>>>> = {
  sqlite: { text: 'TEXT', time: 'TIMESTAMPTZ TEXT', integer: 'INTEGER', big: 'BIGINT', json: 'JSONB TEXT' },
  postgres: { text: 'TEXT', time: 'TIMESTAMPTZ', integer: 'INTEGER', big: 'BIGINT', json: 'JSONB' },
}

function ddl(dialect: 'sqlite' | 'postgres'): string {
  const lines = Object.entries(columns).map(([name, kind]) => {
    const key = name === 'id' ? ' PRIMARY KEY' : ''
    const check =
      name === 'kind'
        ? ` NOT NULL CHECK (kind IN ('client', 'server', 'internal'))`
        : name === 'status'
          ? ` NOT NULL CHECK (status IN ('ok', 'error', 'unset'))`
          : ''
    return `${name} ${types[dialect][kind]}${key}${check}`
  })
  const indexes = ['trace_id', 'parent_span_id', 'service_name', 'start_time', 'trace_source'].map(
    (column) => `CREATE INDEX bench_spans_${column} ON bench_spans (${column});`,
  )
  return `CREATE TABLE bench_spans (${lines.join(', ')}); ${indexes.join(' ')}`
}

/** A table of the plan's shape (45 columns, key, five more indexes) with a name of its own. */
export const createSpans = { sqlite: ddl('sqlite'), postgres: ddl('postgres') }

const hex = (value: number, length: number) => {
  // A mixing step, so that keys arrive in no order, as random ids do.
  let state = Math.imul(value + 1, 0x9e3779b1) >>> 0
  let text = ''
  while (text.length < length) {
    state = Math.imul(state ^ (state >>> 15), 0x85ebca6b) >>> 0
    text += state.toString(16).padStart(8, '0')
  }
  return text.slice(0, length)
}

/** Span number `i`, always the same; about 0.9 kB. */
export function aSpanRow(i: number): SqlValue[] {
  const start = Date.UTC(2026, 9, 1) + i * 37
  const service = `service-${i % 23}`
  const status = i % 19 === 0 ? 500 : 200
  return [
    hex(i, 16),
    hex(Math.floor(i / 9), 32),
    i % 9 ? hex(i - 1, 16) : null,
    `GET /api/orders/{id}/items/${i % 41}`,
    i % 3 ? 'server' : 'client',
    status === 500 ? 'error' : 'ok',
    new Date(start).toISOString(),
    new Date(start + (i % 900)).toISOString(),
    i % 900,
    service,
    json({
      'http.request.header.accept': ['application/json', 'text/html;q="0.9"'],
      'db.statement': `SELECT * FROM orders WHERE note = 'it''s \\ fine'\nAND id = ${i}`,
      'user.name': 'Zoë Müller – 日本',
      'thread.id': i % 64,
      'messaging.kafka.partition': i % 12,
      retry: i % 5 === 0,
      samples: [i, i / 7, null],
      'exception.stacktrace':
        'at handler (orders.ts:120)\n\tat next (router.ts:33)\n\tat async run (server.ts:9)',
    }),
    i % 4 ? 'http' : 'ebpf',
    'GET',
    '/api/orders/{id}/items',
    status,
    'shop',
    `${service}-${i % 7}`,
    '4.17.2',
    'production',
    hex(i % 300, 64),
    `${service}_${i % 7}_1`,
    'default',
    `${service}-${hex(i % 300, 10)}`,
    service,
    '10.0.12.7',
    8080,
    `10.1.${i % 250}.${i % 199}`,
    `https://shop.example.com/api/orders/${i}/items?page=${i % 50}&sort=created`,
    'https',
    'tcp',
    'http',
    '1.1',
    `node-${i % 20}.internal`,
    40_000 + (i % 20_000),
    `node-${i % 20}`,
    'linux',
    1_000 + (i % 30_000),
    'node',
    'node --enable-source-maps dist/server.js',
    'opentelemetry',
    'nodejs',
    '2.1.0',
    '@opentelemetry/instrumentation-http',
    '0.205.0',
    new Date(start + 1_000).toISOString(),
  ]
}
