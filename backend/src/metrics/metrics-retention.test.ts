import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { databases } from '../../test/databases.ts'
import { aSample, type MetricsBench, openEmptyMetrics } from '../../test/metrics.ts'
import type { AppDb } from '../db/app-db.ts'
import { partitionsOf } from '../db/pg-partitions.ts'
import { createMetricsReadStore } from './metrics-read.store.ts'
import { applyRetention } from './metrics-retention.ts'
import { bucketStart, DAY_MS, DEFAULT_RETENTION, MINUTE_MS } from './resolution.ts'

const HOUR_MS = 60 * MINUTE_MS
const FIRST_NOON = bucketStart(Date.now(), DAY_MS) - 300 * DAY_MS + DAY_MS / 2

const web = { endpointId: 1, subject: 'container', name: 'web', metrics: ['cpu.percent'] } as const

describe.each(databases)('retention of metrics on $name', ({ name, open }) => {
  let opened: Awaited<ReturnType<typeof open>>
  let db: AppDb
  let metrics: MetricsBench
  // Every test has a later one: a continuous aggregate adds samples by itself only after what it has materialized.
  let noon = FIRST_NOON

  beforeAll(async () => {
    opened = await open({ migrated: true })
    db = opened.db
  })

  afterAll(() => opened.close())

  beforeEach(async () => {
    noon += 10 * DAY_MS
    metrics = await openEmptyMetrics(db, noon)
  })

  it('reads what a finer resolution no longer has from the next one', async () => {
    await metrics.write([aSample({ timeMs: noon, value: 1 })])
    await metrics.settle()
    metrics.state.nowMs = noon + 3 * DAY_MS
    await metrics.write([aSample({ timeMs: metrics.state.nowMs, value: 2 })])
    metrics.state.nowMs += HOUR_MS
    await metrics.settle()
    const reader = createMetricsReadStore(db)
    const day = bucketStart(noon, DAY_MS)
    const all = { raw: noon, '1m': noon, '5m': noon, '1h': noon, '1d': day }
    expect(await reader.reach()).toEqual(all)
    const range = { ...web, fromMs: noon - HOUR_MS, toMs: noon + HOUR_MS, maxPoints: 1000 }
    expect(await metrics.service.range(range)).toMatchObject({ resolution: 'raw' })
    await db.execute('DELETE FROM metrics WHERE time_ms < $1', [noon + DAY_MS])
    metrics.state.reach = await reader.reach()
    expect(metrics.state.reach).toEqual({ ...all, raw: noon + 3 * DAY_MS })
    const { resolution, series } = await metrics.service.range(range)
    expect(resolution).toBe('1m')
    expect(series[0]?.mean.filter((value) => value !== null)).toEqual([1])
  })

  if (name !== 'timescale') {
    it('removes what is older than its retention', async () => {
      await metrics.write([
        aSample({ timeMs: noon, value: 1 }),
        aSample({ timeMs: noon, value: 1, name: 'gone' }),
      ])
      await metrics.settle()
      metrics.state.nowMs = noon + 5 * DAY_MS
      await metrics.write([aSample({ timeMs: metrics.state.nowMs, value: 2 })])
      metrics.state.nowMs += 2 * DAY_MS
      await metrics.settle()
      const counts = async () => {
        const tables = ['metrics', 'metrics_1m', 'metrics_5m', 'metrics_1h', 'metrics_1d', 'metric_series']
        const rows = tables.map((t) => db.queryOne<{ n: number }>(`SELECT count(*) AS n FROM ${t}`))
        return (await Promise.all(rows)).map((row) => row?.n)
      }
      expect(await counts()).toEqual([3, 3, 3, 3, 3, 2])
      await applyRetention(db, DEFAULT_RETENTION, noon + 8.6 * DAY_MS)
      expect(await counts()).toEqual([1, 3, 3, 3, 3, 2])
      // The fine rollups have ends of their own, and those of whole partitions are a few days later.
      const ends = { rawDays: 7, rollup1mDays: 12, rollup5mDays: 200, rollupDays: 365 }
      await applyRetention(db, ends, noon + 24.5 * DAY_MS)
      expect(await counts()).toEqual([0, 0, 3, 3, 3, 2])
      await applyRetention(db, { ...ends, rollup5mDays: 20 }, noon + 45 * DAY_MS)
      expect(await counts()).toEqual([0, 0, 0, 3, 3, 2])
      await applyRetention(db, DEFAULT_RETENTION, noon + 366 * DAY_MS)
      // Whole partitions go, so a few hours more may stay in PostgreSQL.
      const left = await counts()
      expect(left.slice(0, 3)).toEqual([0, 0, 0])
      expect(left.slice(4)).toEqual([1, 1])
      await applyRetention(db, DEFAULT_RETENTION, noon + 500 * DAY_MS)
      expect(await counts()).toEqual([0, 0, 0, 0, 0, 0])
    })
  }

  if (name === 'postgres') {
    it('makes partitions ahead and for late samples, and drops old ones', async () => {
      const today = bucketStart(noon, DAY_MS)
      await metrics.settle()
      const days = async () => (await partitionsOf(db, 'metrics')).map((partition) => partition.fromMs)
      expect(await days()).toEqual(expect.arrayContaining([today, today + DAY_MS, today + 2 * DAY_MS]))
      await metrics.write([aSample({ timeMs: noon - 5 * DAY_MS, value: 1 })])
      await metrics.settle()
      expect(await days()).toContain(today - 5 * DAY_MS)
      await applyRetention(db, DEFAULT_RETENTION, noon + 4 * DAY_MS)
      expect(await days()).not.toContain(today - 5 * DAY_MS)
      expect(await days()).toContain(today)
    })
  }

  if (name === 'timescale') {
    it('changes the policies with the retention settings', async () => {
      const read = async () => {
        const rows = await db.query<{ name: string; proc: string; config: Record<string, number> }>(`
        SELECT j.hypertable_name AS name, j.proc_name AS proc, j.config
        FROM timescaledb_information.jobs AS j
        WHERE j.hypertable_name LIKE 'metrics%'
        ORDER BY j.hypertable_name, j.proc_name, j.job_id`)
        return rows.map(({ name: table, proc, config }) => {
          const { drop_after, compress_after, start_offset } = config
          return `${table} ${proc} ${(drop_after ?? compress_after ?? start_offset ?? 0) / DAY_MS}`
        })
      }
      const initial = await read()
      await applyRetention(db, DEFAULT_RETENTION, noon)
      expect(await read()).toEqual(initial)
      await applyRetention(db, { rawDays: 30, rollup1mDays: 60, rollup5mDays: 90, rollupDays: 730 }, noon)
      expect(await read()).toEqual([
        'metrics policy_compression 1',
        'metrics policy_retention 30',
        'metrics_1d policy_compression 33',
        'metrics_1d policy_refresh_continuous_aggregate 32',
        'metrics_1d policy_retention 730',
        'metrics_1h policy_compression 33',
        'metrics_1h policy_refresh_continuous_aggregate 31',
        'metrics_1h policy_retention 730',
        'metrics_1m policy_compression 33',
        'metrics_1m policy_refresh_continuous_aggregate 29.5',
        'metrics_1m policy_retention 60',
        'metrics_5m policy_compression 33',
        'metrics_5m policy_refresh_continuous_aggregate 31',
        'metrics_5m policy_retention 90',
      ])
      await applyRetention(db, DEFAULT_RETENTION, noon)
      expect(await read()).toEqual(initial)
    })

    it('rolls up and drops by its own jobs', async () => {
      const now = bucketStart(Date.now(), MINUTE_MS)
      metrics.state.nowMs = now
      await metrics.write([aSample({ timeMs: now - 10 * MINUTE_MS, value: 4 })])
      const rows = await db.query<{ job_id: number }>(`
      SELECT j.job_id FROM timescaledb_information.jobs AS j
      WHERE j.hypertable_name LIKE 'metrics%' ORDER BY j.job_id`)
      for (const { job_id } of rows) await db.execute(`CALL run_job(${job_id})`)
      const stored = await db.query('SELECT m.min, m.count FROM metrics_1m AS m')
      expect(stored).toEqual([{ min: 4, count: 1 }])
      const errors = await db.query('SELECT e.err_message FROM timescaledb_information.job_errors AS e')
      expect(errors).toEqual([])
    })
  }
})
