import type { AppDb } from '../db/app-db.ts'
import { bucketStart, DAY_MS } from './resolution.ts'

/** Tables of plain PostgreSQL that are partitioned by time, and how long a partition is. */
const PARTITIONED = [
  { table: 'metrics', widthMs: DAY_MS },
  { table: 'metrics_1m', widthMs: 7 * DAY_MS },
  { table: 'metrics_5m', widthMs: 14 * DAY_MS },
  { table: 'metrics_1h', widthMs: 28 * DAY_MS },
] as const

export type PartitionedTable = (typeof PARTITIONED)[number]['table']

/** Partitions exist this far ahead: samples may lie a day in the future, and the job may miss a day. */
const AHEAD_MS = 2 * DAY_MS

interface Partition {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

/** Makes the partitions that are missing from the one of `fromMs` to two days after the newest or `fromMs`. */
export async function ensurePartitions(db: AppDb, fromMs: number, nowMs = fromMs): Promise<void> {
  for (const { table, widthMs } of PARTITIONED) {
    const existing = new Set((await partitionsOf(db, table)).map((partition) => partition.fromMs))
    const until = Math.max(fromMs, nowMs) + AHEAD_MS
    for (let start = bucketStart(fromMs, widthMs); start < until; start += widthMs) {
      if (existing.has(start)) continue
      const day = new Date(start).toISOString().slice(0, 10).replaceAll('-', '')
      await db.execute(
        `CREATE TABLE IF NOT EXISTS ${table}_p${day}
         PARTITION OF ${table} FOR VALUES FROM (${start}) TO (${start + widthMs})`,
      )
    }
  }
}

/** Drops the partitions that end at or before `beforeMs`. */
export async function dropPartitions(db: AppDb, table: PartitionedTable, beforeMs: number): Promise<void> {
  for (const partition of await partitionsOf(db, table)) {
    if (partition.toMs <= beforeMs) await db.execute(`DROP TABLE IF EXISTS ${partition.name}`)
  }
}

/** Partitions as the catalog has them, by time; `name` is quoted and qualified. */
export async function partitionsOf(db: AppDb, table: PartitionedTable): Promise<Partition[]> {
  const rows = await db.query<{ name: string; from_ms: number; to_ms: number }>(
    `
    SELECT p.name, (p.bounds ->> 0)::BIGINT AS from_ms, (p.bounds ->> 1)::BIGINT AS to_ms
    FROM (
      SELECT format('%I.%I', n.nspname, c.relname) AS name,
        to_json(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''(\\d+)''\\) TO \\(''(\\d+)''\\)'))
          AS bounds
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE i.inhparent = $1::TEXT::REGCLASS AND c.relispartition
    ) AS p
    WHERE p.bounds IS NOT NULL
    ORDER BY from_ms
    `,
    [table],
  )
  return rows.map((row) => ({ name: row.name, fromMs: row.from_ms, toMs: row.to_ms }))
}
