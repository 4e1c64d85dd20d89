import type { Job } from '../core/jobs/jobs.ts'
import type { Log } from '../core/log.ts'
import type { AppDb } from '../db/app-db.ts'
import { metricsRoutes } from './metrics.routes.ts'
import { createMetricsService, type MetricsService } from './metrics.service.ts'
import { createMetricsStore } from './metrics.store.ts'
import { createMetricsReadStore } from './metrics-read.store.ts'
import { applyRetention } from './metrics-retention.ts'
import { createMetricsRollup } from './metrics-rollup.ts'
import { createRecorder, type RecorderLimits } from './recorder.ts'
import { DEFAULT_RETENTION, type MetricsRetention, type Reach } from './resolution.ts'

export type { MetricsService } from './metrics.service.ts'
export type { SeriesKey } from './metrics.store.ts'
export { createMetricsImport, type ImportedPoint, type MetricsImport } from './metrics-import.ts'
export { keepByProduct } from './metrics-kept-by.ts'
export type { MetricsRetention } from './resolution.ts'

/** Five minutes of samples per series go to their place at once; what is newer is read where it waits. */
const SETTLE_SECONDS = 300
const RETENTION_SECONDS = 6 * 3600

export interface Metrics {
  readonly service: MetricsService
  readonly routes: ReturnType<typeof metricsRoutes>
  readonly jobs: Job[]
}

/**
 * The metrics domain: what records and reads, its routes, and the jobs that keep rollups and retention.
 *
 * @param deps.retention reads the settings; asked before every retention run, and its answer decides which
 *   resolution a chart gets.
 */
export function createMetrics(deps: {
  db: AppDb
  log: Log
  clock: () => number
  sampleIntervalMs: number
  retention: () => Promise<MetricsRetention>
  limits?: Partial<RecorderLimits>
}): Metrics {
  const { db, log, clock, sampleIntervalMs } = deps
  const reader = createMetricsReadStore(db)
  let retention = DEFAULT_RETENTION
  let reach: Reach = {}
  const recorder = createRecorder({
    store: createMetricsStore(db),
    clock,
    log,
    retention: () => retention,
    ...(deps.limits && { limits: deps.limits }),
  })
  const service = createMetricsService({
    db,
    recorder,
    clock,
    sampleIntervalMs,
    retention: () => retention,
    reach: () => reach,
  })
  const rollup = createMetricsRollup(db)

  return {
    service,
    routes: metricsRoutes({ service }),
    jobs: [
      {
        name: 'metrics-settle',
        every: SETTLE_SECONDS,
        async run(signal) {
          await rollup.settle(clock(), signal)
        },
      },
      {
        name: 'metrics-retention',
        every: RETENTION_SECONDS,
        atStart: true,
        async run(signal) {
          retention = await deps.retention()
          await applyRetention(db, retention, clock(), signal)
          reach = await reader.reach()
          recorder.forget()
        },
      },
    ],
  }
}
