import { createLogger } from '../backend/src/core/log.ts'
import type { AppDb } from '../backend/src/db/app-db.ts'
import { createMetricsService, type MetricsService } from '../backend/src/metrics/metrics.service.ts'
import { createMetricsStore, readRollupState } from '../backend/src/metrics/metrics.store.ts'
import { ensurePartitions } from '../backend/src/metrics/metrics-partitions.ts'
import { createMetricsRollup } from '../backend/src/metrics/metrics-rollup.ts'
import { createRecorder, type Sample } from '../backend/src/metrics/recorder.ts'
import { bucketStart, DAY_MS, DEFAULT_RETENTION, MINUTE_MS } from '../backend/src/metrics/resolution.ts'

export const CONTAINERS = 300
export const DAYS = 30
const METRICS = ['cpu.percent', 'memory.used.bytes']
const HOUR_MS = 60 * MINUTE_MS

export const nowMs = bucketStart(Date.now(), HOUR_MS) + 25 * MINUTE_MS
const lastHourMs = bucketStart(nowMs, HOUR_MS)
/** Until here there are rollups only; then samples. */
export const historyEndMs = lastHourMs - HOUR_MS
export const historyStartMs = historyEndMs - DAYS * DAY_MS
export const nameOf = (index: number) => `container-${String(index).padStart(3, '0')}`

/** The product's own reader and recorder on `db`, at the end of the history. */
export function serve(db: AppDb): { service: MetricsService; settle(): Promise<unknown> } {
  const clock = () => nowMs
  const retention = () => DEFAULT_RETENTION
  const log = createLogger('warn')
  const recorder = createRecorder({ store: createMetricsStore(db), clock, log, retention })
  return {
    service: createMetricsService({
      db,
      recorder,
      clock,
      sampleIntervalMs: 10_000,
      retention,
      reach: () => ({}),
    }),
    settle: () => createMetricsRollup(db).settle(nowMs),
  }
}

/** Hours of history written as rollups, then samples of the last 85 minutes through the product. */
export async function fillHistory(db: AppDb): Promise<MetricsService> {
  const { service, settle } = serve(db)
  const tail: Sample[] = []
  for (
    let timeMs = historyEndMs;
    timeMs < nowMs;
    timeMs += timeMs < nowMs - 5 * MINUTE_MS ? MINUTE_MS : 10_000
  ) {
    for (let index = 0; index < CONTAINERS; index++) {
      for (const [offset, metric] of METRICS.entries()) {
        const value = (((timeMs / 10_000 + index * 31 + offset) * 7919) % 10_007) / 100
        tail.push({
          endpointId: 1,
          subject: 'container',
          name: nameOf(index),
          metric,
          instance: '',
          timeMs,
          value,
        })
      }
    }
  }
  for (let at = 0; at < tail.length; at += 50_000) {
    service.record(tail.slice(at, at + 50_000))
    await service.flush()
  }
  const { keptBy } = await readRollupState(db)
  if (keptBy === 'timescaledb') {
    const view = await db.queryOne<{ name: string }>(
      `SELECT format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name) AS name
       FROM timescaledb_information.continuous_aggregates AS c WHERE c.view_name = 'metrics_1h'`,
    )
    await writeHours(db, view?.name ?? '')
    for (const [name, stepMs] of [
      ['metrics_1m', MINUTE_MS],
      ['metrics_5m', 5 * MINUTE_MS],
      ['metrics_1h', HOUR_MS],
    ] as const) {
      const until = bucketStart(nowMs - stepMs, stepMs)
      await db.execute(
        `CALL refresh_continuous_aggregate('${name}', ${historyEndMs}, ${Math.max(until, lastHourMs)})`,
      )
    }
    // What its scheduler does over days: old chunks are compressed.
    const jobs = await db.query<{ job_id: number }>(
      `SELECT j.job_id FROM timescaledb_information.jobs AS j WHERE j.proc_name = 'policy_compression'`,
    )
    for (const { job_id } of jobs) await db.execute(`CALL run_job(${job_id})`)
  } else {
    if (db.dialect === 'postgres') await ensurePartitions(db, historyStartMs, nowMs)
    await writeHours(db, 'metrics_1h')
    await db.execute(`UPDATE metric_rollups SET watermark_ms = ${historyEndMs} WHERE level <> '1d'`)
    await settle()
  }
  // As autovacuum does after a while, and again: one session alone, as TimescaleDB in WebAssembly is, plans the first
  // reads with what it knew of the tables before, and fetches every row from the heap.
  if (db.dialect === 'postgres') for (let pass = 0; pass < 2; pass++) await db.execute('VACUUM ANALYZE')
  return service
}

/** One row an hour of every series that `db` has. */
export async function writeHours(db: AppDb, table: string): Promise<void> {
  const values = `s.id, h.time_ms, v.x, v.x + 10, (v.x + 3) * 360.0 + 1.0 / 3, 360`
  const x = `((h.time_ms / ${HOUR_MS} + s.id * 31) * 7919 % 10007) / 100.0`
  await db.execute({
    sqlite: `
        INSERT INTO ${table} (series_id, time_ms, min, max, sum, count)
        WITH RECURSIVE h (time_ms) AS (
          SELECT ${historyStartMs} UNION ALL
          SELECT h.time_ms + ${HOUR_MS} FROM h WHERE h.time_ms + ${HOUR_MS} < ${historyEndMs}
        )
        SELECT ${values.replaceAll('v.x', x)} FROM metric_series AS s CROSS JOIN h`,
    postgres: `
        INSERT INTO ${table} (series_id, time_ms, min, max, sum, count)
        SELECT ${values.replaceAll('v.x', `(${x})::DOUBLE PRECISION`)}
        FROM generate_series(${historyStartMs}::BIGINT, ${historyEndMs - 1}, ${HOUR_MS}) AS h (time_ms)
        CROSS JOIN metric_series AS s`,
  })
}
