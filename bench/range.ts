// 30 days of 300 containers, read as charts read them: one container, all of them, the newest values, the ranking.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { AppDb } from '../backend/src/db/app-db.ts'
import type { MetricsService } from '../backend/src/metrics/metrics.service.ts'
import { DAY_MS } from '../backend/src/metrics/resolution.ts'
import { median, quantile, quick, report, rounded, say, shuffled } from './bench.ts'
import { type Engine, openPostgres, openSqlite, openTimescale } from './engines.ts'
import {
  CONTAINERS,
  DAYS,
  fillHistory,
  historyEndMs,
  historyStartMs,
  nameOf,
  nowMs,
  serve,
  writeHours,
} from './metrics-history.ts'

const ROUNDS = quick ? 20 : 60
const RAW_ROUNDS = quick ? 3 : 7
/** The baseline: rows per datapoint as dashboards on SQLite keep them. */
const RAW_CONTAINERS = 30

const range = { fromMs: historyStartMs, toMs: nowMs, maxPoints: 1000 }

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
  const engines = await Promise.all([openSqlite(), openPostgres(), openTimescale()])
  const small = await openSqlite()
  const services = new Map<Engine['name'], MetricsService>()
  await Promise.all([
    fillRaw(small),
    ...engines.map(async ({ name, store }) => services.set(name, await fillHistory(store.db))),
  ])
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
    for (let again = 0; again < 5; again++) {
      times.rawOne.push(await timed(() => rawOne(db, name)))
      times.one.push(
        await timed(() => service.range({ ...query, endpointId: 1, name, metrics: ['cpu.percent'] })),
      )
    }
    times.rawAll.push(await timed(() => rawAll(db)))
    times.all.push(await timed(() => service.rangeAll({ ...query, metric: 'cpu.percent' })))
  }
  const ratio = (slow: number[], fast: number[]) => rounded(median(slow) / median(fast))
  return { one: ratio(times.rawOne, times.one), all: ratio(times.rawAll, times.all) }
}

await main()
