import type { AppDb } from '../db/app-db.ts'
import { ensurePartitions } from '../db/pg-partitions.ts'
import { quoteName } from '../db/sql-text.ts'
import type { TableShape } from '../db/transfer/index.ts'
import type { QueueBatch } from './capture.ts'
import type { Sides, Unit } from './unit.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Makes the partitions that the rows of the source need in a PostgreSQL target, and no others: clocks may have been wrong. */
export async function partitionsFor(sides: Sides, shape: TableShape): Promise<void> {
  if (!shape.partition || !shape.time || sides.target.name !== 'postgres') return
  const time = `t.${quoteName(shape.time)}`
  const { widthMs } = shape.partition
  const rows = await sides.source.store.db.query<{ start: number }>(
    `SELECT DISTINCT ${time} - ${time} % ${widthMs} AS start FROM ${quoteName(shape.table)} AS t ORDER BY 1`,
  )
  await ensureStarts(
    sides.target.store.db,
    shape.table,
    widthMs,
    rows.map(({ start }) => start),
  )
}

/** Makes the partitions that are missing for changed rows. `known` remembers what is there, by table and start. */
export async function partitionsForKeys(
  sides: Sides,
  shapes: readonly TableShape[],
  batch: QueueBatch,
  known: Set<string>,
): Promise<void> {
  if (sides.target.name !== 'postgres') return
  for (const shape of shapes) {
    const column = shape.time === undefined ? -1 : shape.key.indexOf(shape.time)
    if (!shape.partition || column < 0) continue
    const { widthMs } = shape.partition
    const starts = new Set<number>()
    for (const key of batch.tables.get(shape.table)?.keys ?? []) {
      const timeMs = Number(key[column])
      const start = timeMs - (timeMs % widthMs)
      if (!known.has(`${shape.table} ${start}`)) starts.add(start)
    }
    await ensureStarts(
      sides.target.store.db,
      shape.table,
      widthMs,
      [...starts].sort((a, b) => a - b),
    )
    for (const start of starts) known.add(`${shape.table} ${start}`)
  }
}

/** @param starts of partitions, in order. */
async function ensureStarts(
  db: AppDb,
  table: string,
  widthMs: number,
  starts: readonly number[],
): Promise<void> {
  for (let i = 0; i < starts.length; ) {
    const from = starts[i] ?? 0
    let to = from + widthMs
    for (i++; starts[i] === to; i++) to += widthMs
    await ensurePartitions(db, [table], from, to)
  }
}

/**
 * Keeps a mirror of partitioned tables going: partitions are made ahead of time, and rows whose partition was dropped
 * at the source, which no trigger sees, are deleted from the mirror. Called in turn with the applier.
 */
export async function keepPartitions(
  unit: Unit,
  sides: Sides,
  shapes: readonly TableShape[],
  nowMs: number,
): Promise<void> {
  for (const shape of shapes) {
    if (!shape.partition || !shape.time) continue
    if (sides.target.name === 'postgres') {
      await ensurePartitions(sides.target.store.db, [shape.table], nowMs - DAY_MS, nowMs + 2 * DAY_MS)
    } else {
      const oldest = await oldestAt(sides.source.store.db, shape.table, shape.time)
      if (oldest !== undefined) await deleteBefore(unit, sides, shape.table, shape.time, oldest)
    }
  }
}

async function oldestAt(db: AppDb, table: string, time: string): Promise<number | undefined> {
  const row = await db.queryOne<{ first: number | null }>(
    `SELECT min(t.${quoteName(time)}) AS first FROM ${quoteName(table)} AS t`,
  )
  return row?.first ?? undefined
}

async function deleteBefore(
  unit: Unit,
  { target }: Sides,
  table: string,
  time: string,
  beforeMs: number,
): Promise<void> {
  await target.store.transaction(async (tx) => {
    await target.capture.beginApply(tx, unit.name)
    await tx.execute(`DELETE FROM ${quoteName(table)} WHERE ${quoteName(time)} < $1`, [beforeMs])
    await target.capture.endApply(tx, unit.name)
  })
}
