import { createLogger } from '../src/core/log.ts'
import type { AppDb } from '../src/db/app-db.ts'
import { createMetricsService } from '../src/metrics/metrics.service.ts'
import { createMetricsStore, readRollupState } from '../src/metrics/metrics.store.ts'
import { createMetricsRollup } from '../src/metrics/metrics-rollup.ts'
import { createRecorder, type RecorderLimits, type Sample } from '../src/metrics/recorder.ts'
import {
  bucketStart,
  DEFAULT_RETENTION,
  type MetricsRetention,
  type Reach,
  ROLLUPS,
} from '../src/metrics/resolution.ts'

export const SAMPLE_INTERVAL_MS = 10_000

export type MetricsBench = ReturnType<typeof openMetrics>

/** The metrics domain on `db` with a clock that stands until the test moves it. */
export function openMetrics(db: AppDb, startMs: number, limits?: Partial<RecorderLimits>) {
  const state = { nowMs: startMs, retention: DEFAULT_RETENTION as MetricsRetention, reach: {} as Reach }
  const clock = () => state.nowMs
  const retention = () => state.retention
  const recorder = createRecorder({
    store: createMetricsStore(db),
    clock,
    log: createLogger('silent'),
    retention,
    ...(limits && { limits }),
  })
  const service = createMetricsService({
    db,
    recorder,
    clock,
    sampleIntervalMs: SAMPLE_INTERVAL_MS,
    retention,
    reach: () => state.reach,
  })
  const rollup = createMetricsRollup(db)
  return {
    state,
    service,
    recorder,
    rollup,
    /** Writes `samples` and waits until they are readable. */
    async write(samples: readonly Sample[]): Promise<void> {
      service.record(samples)
      await service.flush()
    },
    /** Rolls up whatever has ended by now, in the store's own way. */
    async settle(): Promise<void> {
      await rollup.settle(state.nowMs)
      const { keptBy } = await readRollupState(db)
      if (keptBy !== 'timescaledb') return
      for (const { table, stepMs } of ROLLUPS) {
        const ended = bucketStart(state.nowMs, stepMs)
        await db.execute(`CALL refresh_continuous_aggregate('${table}', NULL, ${ended}::BIGINT)`)
      }
    },
  }
}

/** The same on a store without any sample, series or rollup that a reader would see. */
export async function openEmptyMetrics(db: AppDb, startMs: number): Promise<MetricsBench> {
  for (const table of ['metrics_recent', 'metrics', 'metric_latest', 'metric_series']) {
    await db.execute(`DELETE FROM ${table}`)
  }
  const metrics = openMetrics(db, startMs)
  const { keptBy } = await readRollupState(db)
  if (keptBy === 'timescaledb') await metrics.settle()
  else {
    for (const { table } of ROLLUPS) await db.execute(`DELETE FROM ${table}`)
    await db.execute('UPDATE metric_rollups SET watermark_ms = 0')
  }
  return metrics
}

/** A sample of container `web` on endpoint 1: `cpu.percent` unless said. */
export function aSample(over: Partial<Sample> & Pick<Sample, 'timeMs' | 'value'>): Sample {
  return { endpointId: 1, subject: 'container', name: 'web', metric: 'cpu.percent', instance: '', ...over }
}
