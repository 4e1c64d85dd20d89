import type { TimePosition } from '../core/http/cursor.ts'
import type { AppDb, SqlValue } from '../db/app-db.ts'
import { timestamp } from '../db/timestamps.ts'

export interface FleetCounts {
  readonly containersRunning: number
  readonly containersStopped: number
  readonly containersUnhealthy: number
  readonly endpointsUp: number
  readonly endpointsDown: number
}

export interface SnapshotRow {
  id: number | bigint
  containers_running: number
  containers_stopped: number
  containers_unhealthy: number
  endpoints_up: number
  endpoints_down: number
  created_at: string
}

const DELETE_SQL = {
  monitoring_cycles: `
    DELETE FROM monitoring_cycles
    WHERE id IN (SELECT c.id FROM monitoring_cycles AS c WHERE c.created_at < $1 ORDER BY c.created_at, c.id LIMIT $2)
  `,
  monitoring_snapshots: `
    DELETE FROM monitoring_snapshots
    WHERE id IN (SELECT s.id FROM monitoring_snapshots AS s WHERE s.created_at < $1 ORDER BY s.created_at, s.id LIMIT $2)
  `,
} as const

export type MonitoringTable = keyof typeof DELETE_SQL

export function createMonitoringStore(db: AppDb) {
  return {
    async insertCycle(durationMs: number, at: string): Promise<void> {
      await db.execute('INSERT INTO monitoring_cycles (duration_ms, created_at) VALUES ($1, $2)', [
        durationMs,
        at,
      ])
    },

    async insertSnapshot(counts: FleetCounts, at: string): Promise<void> {
      await db.execute(
        `
        INSERT INTO monitoring_snapshots
          (containers_running, containers_stopped, containers_unhealthy, endpoints_up, endpoints_down, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        `,
        [
          counts.containersRunning,
          counts.containersStopped,
          counts.containersUnhealthy,
          counts.endpointsUp,
          counts.endpointsDown,
          at,
        ],
      )
    },

    /** Newest first, from behind `after`; `from` is inclusive, `to` exclusive. */
    async listSnapshots(
      range: { from?: string | undefined; to?: string | undefined },
      after: TimePosition | undefined,
      limit: number,
    ): Promise<SnapshotRow[]> {
      const params: SqlValue[] = []
      const bind = (value: SqlValue) => `$${params.push(value)}`
      const conditions: string[] = []
      if (range.from) conditions.push(`s.created_at >= ${bind(timestamp(range.from))}`)
      if (range.to) conditions.push(`s.created_at < ${bind(timestamp(range.to))}`)
      if (after)
        conditions.push(`(s.created_at, s.id) < (${bind(after.createdAt)}, ${bind(BigInt(after.id))})`)
      const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
      return db.query<SnapshotRow>(
        `
        SELECT s.id, s.containers_running, s.containers_stopped, s.containers_unhealthy, s.endpoints_up,
          s.endpoints_down, s.created_at
        FROM monitoring_snapshots AS s
        ${where}
        ORDER BY s.created_at DESC, s.id DESC
        LIMIT ${bind(limit)}
        `,
        params,
      )
    },

    /** @returns rows deleted, at most `limit`. */
    async deleteOlderThan(table: MonitoringTable, before: string, limit: number): Promise<number> {
      return (await db.execute(DELETE_SQL[table], [before, limit])).rowCount
    },
  }
}

export type MonitoringStore = ReturnType<typeof createMonitoringStore>
