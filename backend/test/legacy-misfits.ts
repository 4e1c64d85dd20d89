import type SqliteDatabase from 'better-sqlite3'
import { put, type Row } from './legacy-database.ts'
import { LEGACY_HASH } from './legacy-rows.ts'

/** Rows that have no place, one or more for each way of not having one: table, id and why. */
export const misfits: readonly { table: string; id: string; reason: string; row: Row }[] = [
  span('sp-nul', 'nul', { name: 'a\0b' }),
  span('sp-json', 'json', { attributes: '{"a":' }),
  span('sp-surrogate', 'surrogate', { attributes: '{"a":"\\ud800"}' }),
  span('sp-range', 'range', { server_port: 70_000_000_000 }),
  span('sp-integer', 'integer', { http_status_code: 'ok' }),
  span('sp-fraction', 'integer', { duration_ms: 12.5 }),
  span('sp-date', 'timestamp', { start_time: '2026-02-14' }),
  span('sp-now', 'timestamp', { end_time: 'now' }),
  span('sp-infinity', 'timestamp', { end_time: 'infinity' }),
  span('sp-kind', 'check', { kind: 'producer' }),
  { table: 'spans', id: '', reason: 'null', row: { ...span('', '', {}).row, id: null } },
  {
    table: 'insights',
    id: 'i-bool',
    reason: 'boolean',
    row: { id: 'i-bool', severity: 'info', category: 'c', title: 't', description: 'd', is_acknowledged: 2 },
  },
  {
    table: 'actions',
    id: 'a-orphan',
    reason: 'orphan',
    row: {
      id: 'a-orphan',
      insight_id: 'i-gone',
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      action_type: 'OTHER',
      rationale: 'r',
    },
  },
  {
    table: 'actions',
    id: 'a-twice',
    reason: 'unique',
    row: {
      id: 'a-twice',
      endpoint_id: 1,
      container_id: 'c',
      container_name: 'n',
      action_type: 'STOP',
      rationale: 'r',
    },
  },
  {
    table: 'webhook_deliveries',
    id: 'd-orphan',
    reason: 'orphan',
    row: { id: 'd-orphan', webhook_id: 'w-gone', event_type: 'e', payload: '{}' },
  },
  {
    table: 'users',
    id: 'u-ADMIN',
    reason: 'unique',
    row: { id: 'u-ADMIN', username: ' ADMIN', password_hash: LEGACY_HASH },
  },
  {
    table: 'ebpf_coverage',
    id: '4294967296',
    reason: 'range',
    row: { endpoint_id: 4_294_967_296, endpoint_name: 'far' },
  },
  { table: 'settings', id: '', reason: 'null', row: { key: null, value: 'v' } },
]

function span(id: string, reason: string, row: Row) {
  return {
    table: 'spans',
    id,
    reason,
    row: {
      id,
      trace_id: 't',
      name: 'n',
      kind: 'server',
      start_time: '2026-02-07T16:01:44.041Z',
      service_name: 's',
      ...row,
    },
  }
}

/** Adds {@link misfits}, and a span whose name is no UTF-8. */
export function addMisfits(db: SqliteDatabase.Database): void {
  for (const { table, row } of misfits) put(db, table, row)
  db.exec(`INSERT INTO spans (id, trace_id, name, kind, start_time, service_name)
    VALUES ('sp-utf8', 't', CAST(x'61ff62' AS TEXT), 'server', '2026-02-07T16:01:44.041Z', 's')`)
}
