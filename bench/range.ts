// 30 days of 300 containers, read as charts read them: one container, all of them, the newest values, the ranking.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLogger } from '../backend/src/core/log.ts'
import type { AppDb } from '../backend/src/db/app-db.ts'
import { createMetricsService, type MetricsService } from '../backend/src/metrics/metrics.service.ts'
import { createMetricsStore, readRollupState } from '../backend/src/metrics/metrics.store.ts'
import { ensurePartitions } from '../backend/src/metrics/metrics-partitions.ts'
import { createMetricsRollup } from '../backend/src/metrics/metrics-rollup.ts'
import { createRecorder, type Sample } from '../backend/src/metrics/recorder.ts'
import { bucketStart, DAY_MS, DEFAULT_RETENTION, MINUTE_MS } from '../backend/src/metrics/resolution.ts'
import { median, quantile, quick, report, rounded, say, shuffled } from './bench.ts'
import { type Engine, openPostgres, openSqlite, openTimescale } from './engines.ts'

const CONTAINERS = 300
const METRICS = ['cpu.percent', 'memory.used.bytes']
const DAYS = 30
const HOUR_MS = 60 * MINUTE_MS
const ROUNDS = quick ? 20 : 60
const RAW_ROUNDS = quick ? 3 : 7
/** The baseline: rows per datapoint as dashboards on SQLite keep them. */
const RAW_CONTAINERS = 30

const nowMs = bucketStart(Date.now(), HOUR_MS) + 25 * MINUTE_MS
const lastHourMs = bucketStart(nowMs, HOUR_MS)
const historyEndMs = lastHourMs - HOUR_MS
const historyStartMs = historyEndMs - DAYS * DAY_MS
const range = { fromMs: historyStartMs, toMs: nowMs, maxPoints: 1000 }
const nameOf = (index: number) => `container-${String(index).padStart(3, '0')}`

function serve(db: AppDb): { service: MetricsService; settle(): Promise<unknown> } {
  const clock = () => nowMs
  const retention = () => DEFAULT_RETENTION
  const log = createLogger('warn')
  const recorder = createRecorder({ store: createMetricsStore(db), clock, log, retention })
  return {
    service: createMetricsService({ db, recorder, clock, sampleIntervalMs: 10_000, retention }),
    settle: () => createMetricsRollup(db).settle(nowMs),
  }
}

/** Hours of history written as rollups, then samples of the last 85 minutes through the product. */
async function fill({ store: { db } }: Engine): Promise<MetricsService> {
  const { service, settle } = serve(db)
  const tail: Sample[] = []
  for (let timeMs = historyEndMs; timeMs < nowMs; timeMs += timeMs < lastHourMs ? MINUTE_MS : 10_000) {
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
  // As autovacuum does after a while.
  if (db.dialect === 'postgres') await db.execute('VACUUM ANALYZE')
  return service
}

async function writeHours(db: AppDb, table: string): Promise<void> {
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

/** 2,592,000 rows: 30 containers × 2 metrics × one a minute × 30 days, in order of time. */
async function fillRaw({ store }: Engine): Promise<void> {
  await store.transaction((tx) =>
    tx.execScript(`
      CREATE TABLE raw_metrics (container TEXT NOT NULL, metric TEXT NOT NULL, ts TEXT NOT NULL, value REAL NOT NULL);
      INSERT INTO raw_metrics
      WITH RECURSIVE
        t (at) AS (SELECT ${historyStartMs / 1000} UNION ALL SELECT t.at + 60 FROM t WHERE t.at + 60 < ${historyEndMs / 1000}),
        c (n) AS (SELECT 0 UNION ALL SELECT c.n + 1 FROM c WHERE c.n + 1 < ${RAW_CONTAINERS})
      SELECT printf('container-%03d', c.n), m.metric, strftime('%Y-%m-%dT%H:%M:%SZ', t.at, 'unixepoch'),
        (t.at / 60 * 7919 + c.n) % 10007 / 100.0
      FROM t CROSS JOIN c CROSS JOIN (SELECT 'cpu.percent' AS metric UNION ALL SELECT 'memory.used.bytes') AS m;
      CREATE INDEX idx_raw_metrics ON raw_metrics (container, metric, ts);
      ANALYZE;
    `),
  )
}

const RAW_HOUR = `strftime('%Y-%m-%dT%H', ts)`
const rawOne = (db: AppDb, name: string) =>
  db.query(
    `SELECT ${RAW_HOUR} AS hour, avg(value) AS mean FROM raw_metrics
     WHERE container = $1 AND metric = $2 GROUP BY hour ORDER BY hour`,
    [name, 'cpu.percent'],
  )
const rawAll = (db: AppDb) =>
  db.query(
    `SELECT container, ${RAW_HOUR} AS hour, avg(value) AS mean FROM raw_metrics
     WHERE metric = $1 GROUP BY container, hour ORDER BY container, hour`,
    ['cpu.percent'],
  )

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  JSON.stringify(await work())
  return performance.now() - start
}

async function main(): Promise<void> {
  say('filling 30 days of 300 containers on three engines')
  const engines = [await openSqlite(), await openPostgres(), await openTimescale()]
  const services = new Map<Engine['name'], MetricsService>()
  for (const engine of engines) services.set(engine.name, await fill(engine))
  const small = await openSqlite()
  await fillRaw(small)
  say('reading')

  const read = {
    one: (service: MetricsService, name: string) =>
      service.range({ endpointId: 1, subject: 'container', name, metrics: ['cpu.percent'], ...range }),
    all: (service: MetricsService) =>
      service.rangeAll({ subject: 'container', metric: 'cpu.percent', ...range }),
    latest: (service: MetricsService) => service.latest({ subject: 'container' }),
    top: (service: MetricsService) =>
      service.top({
        subject: 'container',
        metric: 'cpu.percent',
        fromMs: nowMs - DAY_MS,
        toMs: nowMs,
        limit: 10,
      }),
  }

  const texts = new Set<string>()
  for (const service of services.values()) {
    const { series, ...rest } = await read.all(service)
    if (series.length !== CONTAINERS || rest.times.length !== DAYS * 24 + 2)
      throw new Error('not all was read')
    const one = await read.one(service, nameOf(7))
    texts.add(
      JSON.stringify([series, rest, one.series[0]?.min, one.series[0]?.mean.map((mean) => mean?.toFixed(9))]),
    )
  }

  const times: Record<string, number[]> = {}
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const plan = [...services].flatMap(([engine, service]) =>
    Array.from({ length: ROUNDS }, (_, index) => ({ engine, service, index })),
  )
  for (const { engine, service, index } of shuffled(plan)) {
    for (const [kind, work] of Object.entries(read)) {
      const took = await timed(() => work(service, nameOf((index * 37) % CONTAINERS)))
      times[`${kind}.${engine}`] = [...(times[`${kind}.${engine}`] ?? []), took]
    }
  }
  loop.disable()

  const ratios = await compareWithRaw(small)
  const byEngine = (kind: string, share: number) =>
    Object.fromEntries(
      engines.map(({ name }) => [name, rounded(quantile(times[`${kind}.${name}`] ?? [], share))]),
    )
  for (const engine of [...engines, small]) await engine.close()
  report({
    name: 'range',
    figures: {
      oneP95Ms: byEngine('one', 0.95),
      allP95Ms: byEngine('all', 0.95),
      latestP95Ms: byEngine('latest', 0.95),
      topP95Ms: byEngine('top', 0.95),
      oneMedianMs: byEngine('one', 0.5),
      allMedianMs: byEngine('all', 0.5),
      latestMedianMs: byEngine('latest', 0.5),
      topMedianMs: byEngine('top', 0.5),
      loopMaxMs: rounded(loop.max / 1e6),
      loopP99Ms: rounded(loop.percentile(99) / 1e6),
      sameNumbers: texts.size === 1,
      containers: CONTAINERS,
      days: DAYS,
    },
    ratios: { ofRaw: ratios },
    ...(process.env.BENCH_TIMESCALE_URL ? {} : { notes: ['timescale: in WebAssembly, on one connection'] }),
  })
  if (texts.size !== 1) process.exitCode = 1
}

/** How many times faster than rows per datapoint, on the same containers in the same SQLite, alternating. */
async function compareWithRaw(small: Engine): Promise<{ one: number; all: number }> {
  const { db } = small.store
  const { service, settle } = serve(db)
  service.record(
    Array.from({ length: RAW_CONTAINERS }, (_, index) => ({
      endpointId: 1,
      subject: 'container' as const,
      name: nameOf(index),
      metric: 'cpu.percent',
      instance: '',
      timeMs: historyEndMs,
      value: 1,
    })),
  )
  await service.flush()
  await writeHours(db, 'metrics_1h')
  await db.execute(`UPDATE metric_rollups SET watermark_ms = ${historyEndMs} WHERE level <> '1d'`)
  await settle()
  const times = { rawOne: [] as number[], one: [] as number[], rawAll: [] as number[], all: [] as number[] }
  const query = { subject: 'container', ...range } as const
  for (let index = 0; index < RAW_ROUNDS; index++) {
    const name = nameOf(index)
    times.rawOne.push(await timed(() => rawOne(db, name)))
    times.one.push(
      await timed(() => service.range({ ...query, endpointId: 1, name, metrics: ['cpu.percent'] })),
    )
    times.rawAll.push(await timed(() => rawAll(db)))
    times.all.push(await timed(() => service.rangeAll({ ...query, metric: 'cpu.percent' })))
  }
  const ratio = (slow: number[], fast: number[]) => rounded(median(slow) / median(fast))
  return { one: ratio(times.rawOne, times.one), all: ratio(times.rawAll, times.all) }
}

await main()
