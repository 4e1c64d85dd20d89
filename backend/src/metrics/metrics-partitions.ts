import type { AppDb } from '../db/app-db.ts'
import { domains } from '../db/domains.ts'
import { dropPartitions as drop, ensurePartitions as ensure } from '../db/pg-partitions.ts'
import { DAY_MS } from './resolution.ts'

/** Partitions exist this far ahead: samples may lie a day in the future, and the job may miss a day. */
const AHEAD_MS = 2 * DAY_MS

/**
 * Makes the partitions that are missing from the one of `fromMs` to two days after the newest of the two times, where
 * PostgreSQL holds the metrics. Asked and made in one transaction: in between they may move to the other store.
 */
export async function ensurePartitions(db: AppDb, fromMs: number, nowMs = fromMs): Promise<void> {
  if (db.dialect === 'sqlite') return
  await db.transaction(async (tx) => {
    if (tx.dialect === 'sqlite') return
    await ensure(tx, Object.keys(domains.metrics.tables), fromMs, Math.max(fromMs, nowMs) + AHEAD_MS)
  })
}

/** Drops the partitions that end at or before `beforeMs`. @returns false where PostgreSQL does not hold the metrics. */
export async function dropPartitions(db: AppDb, table: string, beforeMs: number): Promise<boolean> {
  if (db.dialect === 'sqlite') return false
  return db.transaction(async (tx) => {
    if (tx.dialect === 'sqlite') return false
    await drop(tx, table, beforeMs)
    return true
  })
}
