import type { TimePosition } from '../core/http/cursor.ts'
import { type AppDb, type Json, json, type SqlValue } from '../db/app-db.ts'
import { timestamp } from '../db/timestamps.ts'
import type { AuditFilter } from './audit.schema.ts'

export interface AuditRow {
  id: number | bigint
  user_id: string | null
  username: string | null
  action: string
  target_type: string | null
  target_id: string | null
  details: Json
  request_id: string | null
  ip_address: string | null
  created_at: string
}

export type NewAuditRow = Omit<AuditRow, 'id'>

const COLUMNS = [
  'user_id',
  'username',
  'action',
  'target_type',
  'target_id',
  'details',
  'request_id',
  'ip_address',
  'created_at',
] as const

export type AuditStore = ReturnType<typeof createAuditStore>

export function createAuditStore(db: AppDb) {
  return {
    async insert(rows: readonly NewAuditRow[]): Promise<void> {
      await db.insertMany('audit_log', COLUMNS, rows.map(toValues))
    },

    /** Inserts those rows that are not there yet: the same request, action and time are the same record. */
    async insertMissing(rows: readonly NewAuditRow[]): Promise<void> {
      await db.transaction(async (tx) => {
        const missing: NewAuditRow[] = []
        for (const row of rows) {
          const known = await tx.queryOne(
            `
            SELECT a.id
            FROM audit_log AS a
            WHERE a.created_at = $1 AND a.action = $2 AND a.request_id = $3
            LIMIT 1
            `,
            [row.created_at, row.action, row.request_id],
          )
          if (!known) missing.push(row)
        }
        await tx.insertMany('audit_log', COLUMNS, missing.map(toValues))
      })
    },

    /** Newest first, from behind `after`; at most `limit`. `from` is inclusive, `to` exclusive. */
    async list(filter: AuditFilter, after: TimePosition | undefined, limit: number): Promise<AuditRow[]> {
      const params: SqlValue[] = []
      const bind = (value: SqlValue) => `$${params.push(value)}`
      const conditions: string[] = []
      if (filter.action?.endsWith('.')) {
        conditions.push(`substr(a.action, 1, ${bind(filter.action.length)}) = ${bind(filter.action)}`)
      } else if (filter.action) conditions.push(`a.action = ${bind(filter.action)}`)
      if (filter.username) conditions.push(`a.username = ${bind(filter.username)}`)
      if (filter.targetType) conditions.push(`a.target_type = ${bind(filter.targetType)}`)
      if (filter.from) conditions.push(`a.created_at >= ${bind(timestamp(filter.from))}`)
      if (filter.to) conditions.push(`a.created_at < ${bind(timestamp(filter.to))}`)
      if (after)
        conditions.push(`(a.created_at, a.id) < (${bind(after.createdAt)}, ${bind(BigInt(after.id))})`)
      const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
      return db.query<AuditRow>(
        `
        SELECT a.id, a.user_id, a.username, a.action, a.target_type, a.target_id, a.details, a.request_id,
          a.ip_address, a.created_at
        FROM audit_log AS a
        ${where}
        ORDER BY a.created_at DESC, a.id DESC
        LIMIT ${bind(limit)}
        `,
        params,
      )
    },

    /** @returns rows deleted, at most `limit`: a year of rows at once would hold the writer for long. */
    async deleteOlderThan(before: string, limit: number): Promise<number> {
      const { rowCount } = await db.execute(
        `
        DELETE FROM audit_log
        WHERE id IN (
          SELECT a.id FROM audit_log AS a WHERE a.created_at < $1 ORDER BY a.created_at, a.id LIMIT $2
        )
        `,
        [before, limit],
      )
      return rowCount
    },
  }
}

function toValues(row: NewAuditRow): SqlValue[] {
  return [
    row.user_id,
    row.username,
    row.action,
    row.target_type,
    row.target_id,
    json(row.details),
    row.request_id,
    row.ip_address,
    row.created_at,
  ]
}
