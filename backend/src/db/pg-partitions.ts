import type { AppDbSession } from './app-db.ts'
import { domainNames, domains } from './domains.ts'

/** A partition of a PostgreSQL table, from `fromMs` (inclusive) to `toMs` (exclusive). */
interface Partition {
  /** Quoted and qualified. */
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

const widths: ReadonlyMap<string, number> = new Map(
  domainNames.flatMap((domain) =>
    Object.entries(domains[domain].tables).flatMap(([table, { partition }]) =>
      partition ? [[table, partition.widthMs] as const] : [],
    ),
  ),
)

/**
 * Makes the partitions that are missing for rows from `fromMs` to `toMs` (epoch ms). Tables that the registry does
 * not partition, or that TimescaleDB keeps, are left alone.
 */
export async function ensurePartitions(
  db: AppDbSession,
  tables: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<void> {
  for (const table of tables) {
    const widthMs = widths.get(table)
    if (widthMs === undefined) continue
    const starts: number[] = []
    for (let start = fromMs - (fromMs % widthMs); start < toMs; start += widthMs) starts.push(start)
    if ((await missing(db, table, starts)).length > 0) await create(db, table, widthMs, starts)
  }
}

/** Drops the partitions that end at or before `beforeMs`. */
export async function dropPartitions(db: AppDbSession, table: string, beforeMs: number): Promise<void> {
  for (const partition of await partitionsOf(db, table)) {
    if (partition.toMs <= beforeMs) await db.execute(`DROP TABLE IF EXISTS ${partition.name}`)
  }
}

/** Partitions as the catalog has them, by time. */
export async function partitionsOf(db: AppDbSession, table: string): Promise<Partition[]> {
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

/** Those of `starts` at which no partition begins; none where the table is not partitioned. */
async function missing(db: AppDbSession, table: string, starts: readonly number[]): Promise<number[]> {
  const kind = await db.queryOne<{ kind: string }>(
    'SELECT c.relkind::TEXT AS kind FROM pg_class AS c WHERE c.oid = $1::TEXT::REGCLASS',
    [table],
  )
  if (kind?.kind !== 'p') return []
  const existing = new Set((await partitionsOf(db, table)).map((partition) => partition.fromMs))
  return starts.filter((start) => !existing.has(start))
}

/** One process at a time: two that make the same table at once collide in the catalog, IF NOT EXISTS or not. */
async function create(
  db: AppDbSession,
  table: string,
  widthMs: number,
  starts: readonly number[],
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('partitions'), hashtext($1))`, [table])
    for (const start of await missing(tx, table, starts)) {
      const day = new Date(start).toISOString().slice(0, 10).replaceAll('-', '')
      await tx.execute(
        `CREATE TABLE IF NOT EXISTS ${table}_p${day}
         PARTITION OF ${table} FOR VALUES FROM (${start}) TO (${start + widthMs})`,
      )
    }
  })
}
