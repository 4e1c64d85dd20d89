import type { AppDb } from '../db/app-db.ts'
import { domains } from '../db/domains.ts'
import { ensurePartitions as ensure } from '../db/pg-partitions.ts'
import { DAY_MS } from './resolution.ts'

/** Partitions exist this far ahead: samples may lie a day in the future, and the job may miss a day. */
const AHEAD_MS = 2 * DAY_MS

/** Makes the partitions that are missing from the one of `fromMs` to two days after the newest of the two times. */
export function ensurePartitions(db: AppDb, fromMs: number, nowMs = fromMs): Promise<void> {
  return ensure(db, Object.keys(domains.metrics.tables), fromMs, Math.max(fromMs, nowMs) + AHEAD_MS)
}
