import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { aSample, type MetricsBench, openMetrics } from '../../test/metrics.ts'
import type { AppDb, AppDbSession, AppDbTransaction } from '../db/app-db.ts'
import { DbError, isDbError } from '../db/db-errors.ts'
import type { RangeSeries } from './metrics.service.ts'
import { createMetricsRollup } from './metrics-rollup.ts'
import type { Sample } from './recorder.ts'
import { bucketStart, bucketTimes, DAY_MS, MINUTE_MS, type Resolution } from './resolution.ts'

const HOUR_MS = 60 * MINUTE_MS
const START = bucketStart(Date.now(), DAY_MS) - 200 * DAY_MS

/** What the rollups have to say, computed without them. */
function expected(samples: readonly Sample[], fromMs: number, toMs: number, stepMs: number) {
  const values = new Map(samples.map((sample) => [sample.timeMs, sample.value + 0]))
  const buckets = new Map<number, number[]>()
  for (const [timeMs, value] of values) {
    const start = bucketStart(timeMs, stepMs)
    buckets.set(start, [...(buckets.get(start) ?? []), value])
  }
  return bucketTimes(fromMs, toMs, stepMs).map((time) => {
    const bucket = buckets.get(time)
    if (!bucket) return null
    const sum = bucket.reduce((total, value) => total + value, 0)
    return { min: Math.min(...bucket), max: Math.max(...bucket), mean: sum / bucket.length }
  })
}

function expectEqual(series: RangeSeries | undefined, buckets: ReturnType<typeof expected>): void {
  expect(series?.min).toEqual(buckets.map((bucket) => bucket?.min ?? null))
  expect(series?.max).toEqual(buckets.map((bucket) => bucket?.max ?? null))
  for (const [index, bucket] of buckets.entries()) {
    const mean = series?.mean[index]
    if (!bucket) expect(mean).toBeNull()
    else {
      // Engines add in their own order: the last bits of a sum may differ, by the size of what is added.
      const size = Math.max(Math.abs(bucket.min), Math.abs(bucket.max))
      expect(Math.abs((mean ?? Number.NaN) - bucket.mean)).toBeLessThanOrEqual(Math.max(size * 1e-12, 1e-305))
    }
  }
}

/** Numbers that tell engines apart: negative, huge, tiny, beyond 2^53, and plain ones. */
function someValue(random: () => number): number {
  const kind = random()
  if (kind < 0.02) return 1e250 * (random() - 0.5)
  if (kind < 0.04) return 1e-300 * random()
  if (kind < 0.06) return 2 ** 60 + Math.floor(random() * 1e6) * 1024
  if (kind < 0.3) return -100 * random()
  return Math.round(random() * 1e6) / 1e4
}

function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** `db`, and how many statements it was asked for outside of transactions. */
function counting(db: AppDb): { db: AppDb; asked: () => number } {
  let statements = 0
  const proxy = new Proxy(db, {
    get(target, name) {
      if (name === 'queryOne' || name === 'execute') statements += 1
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { db: proxy, asked: () => statements }
}

/** `db` whose writing statements, in transactions too, fail after the first `survives`. */
function failingAfter(db: AppDb, survives: number): AppDb {
  let left = survives
  const wrap = <Session extends AppDbSession>(session: Session): Session =>
    new Proxy(session, {
      get(target, name) {
        if (name === 'execute') {
          return (...args: Parameters<AppDb['execute']>) =>
            left-- > 0 ? target.execute(...args) : Promise.reject(new DbError('other', 'died'))
        }
        if (name === 'transaction') {
          return (work: (tx: AppDbTransaction) => Promise<unknown>) =>
            target.transaction((tx) => work(wrap(tx)))
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return wrap(db)
}

describe('every engine', () => {
  const opened: TestDatabase[] = []
  const benches: MetricsBench[] = []
  const samples: Sample[] = []
  const end = START + 2.4 * DAY_MS

  beforeAll(async () => {
    for (const kind of databases) {
      const database = await kind.open({ migrated: true })
      opened.push(database)
      benches.push(openMetrics(database.db, START))
    }
    const random = randomOf(20261121)
    let late: Sample[] = []
    for (let from = START; from < end; from += 4 * HOUR_MS) {
      const batch: Sample[] = late
      late = []
      const gap = random() < 0.2 ? HOUR_MS : 0
      for (let timeMs = from + gap; timeMs < Math.min(end, from + 4 * HOUR_MS); timeMs += 3 * MINUTE_MS) {
        const sample = aSample({
          timeMs: timeMs + Math.floor(random() * MINUTE_MS),
          value: someValue(random),
        })
        const fate = random()
        if (fate < 0.1) late.push(sample)
        else if (fate < 0.9) batch.push(sample)
      }
      samples.push(...batch)
      for (const bench of benches) {
        bench.state.nowMs = from + 4 * HOUR_MS
        await bench.write(batch)
        await bench.settle()
      }
    }
    // A minute on a machine of its own, six on a busy one.
  }, 600_000)

  afterAll(() => Promise.all(opened.map((database) => database.close())))

  const cases: [Resolution, number, number, number][] = [
    ['1m', START + DAY_MS, START + DAY_MS + 6 * HOUR_MS, 400],
    ['5m', START, START + DAY_MS, 300],
    ['1h', START, end, 100],
    ['1d', START, end, 10],
  ]

  it.each(cases)('gives the true numbers at %s', async (resolution, fromMs, toMs, maxPoints) => {
    for (const { service } of benches) {
      const query = {
        endpointId: 1,
        subject: 'container',
        name: 'web',
        metrics: [],
        fromMs,
        toMs,
        maxPoints,
      } as const
      const result = await service.range(query)
      expect(result.resolution).toBe(resolution)
      expectEqual(result.series[0], expected(samples, fromMs, toMs, result.stepMs))
    }
  })

  it('gives the same samples, bit by bit', async () => {
    const query = { endpointId: 1, subject: 'container', name: 'web', metrics: [] } as const
    const results = await Promise.all(
      benches.map(({ service }) => service.range({ ...query, fromMs: START, toMs: end, maxPoints: 100_000 })),
    )
    expect(results[0]?.resolution).toBe('raw')
    expect(results[0]?.series[0]?.times.length).toBeGreaterThan(samples.length)
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('gives the same overview of all series', async () => {
    const query = {
      subject: 'container',
      metric: 'cpu.percent',
      fromMs: START,
      toMs: end,
      maxPoints: 100,
    } as const
    const [first, ...others] = await Promise.all(benches.map(({ service }) => service.rangeAll(query)))
    expect(first?.series[0]?.mean.some((mean) => mean !== null)).toBe(true)
    for (const other of others) {
      expect(other.times).toEqual(first?.times)
      for (const [index, mean] of (other.series[0]?.mean ?? []).entries()) {
        const wanted = first?.series[0]?.mean[index] ?? null
        if (wanted === null || mean === null) expect(mean).toBe(wanted)
        else
          expect(Math.abs(mean - wanted)).toBeLessThanOrEqual(Math.max(1e-4, Math.abs(wanted) * 1e-9, 1e236))
      }
    }
  })
})

describe('rollups by the product', () => {
  describe.each(plainDatabases)('on $name', ({ name, open }) => {
    let opened: TestDatabase
    let run = 0

    beforeAll(async () => {
      opened = await open({ migrated: true })
    })

    afterAll(() => opened.close())

    it('are true whenever samples come and whenever it settles', async () => {
      const batch = fc.record({
        advanceMinutes: fc.integer({ min: 0, max: 300 }),
        settles: fc.boolean(),
        samples: fc.array(
          fc.record({
            ageSeconds: fc.integer({ min: 0, max: 30_000 }),
            value: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
          }),
          { maxLength: 12 },
        ),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 8 }), async (batches) => {
          run += 1
          const who = `run-${run}`
          const bench = openMetrics(opened.db, START + run * 10 * DAY_MS)
          const sent: Sample[] = []
          for (const { advanceMinutes, settles, samples } of batches) {
            bench.state.nowMs += advanceMinutes * MINUTE_MS
            const fresh = samples.map(({ ageSeconds, value }) =>
              aSample({ name: who, timeMs: bench.state.nowMs - ageSeconds * 1000, value }),
            )
            sent.push(...fresh)
            await bench.write(fresh)
            if (settles) await bench.settle()
          }
          await bench.settle()
          const query = { endpointId: 1, subject: 'container', name: who, metrics: [] } as const
          const fromMs = bucketStart(START + run * 10 * DAY_MS - DAY_MS, DAY_MS)
          const toMs = bench.state.nowMs + 1
          if (sent.length === 0) return
          for (const maxPoints of [5_000, 1_200, 120, 5]) {
            const { series, stepMs } = await bench.service.range({ ...query, fromMs, toMs, maxPoints })
            expectEqual(series[0], expected(sent, fromMs, toMs, stepMs))
          }
        }),
        // Shrinking would take longer than the test may.
        { numRuns: name === 'sqlite' ? 25 : 8, endOnFailure: true },
      )
    })

    it('are shown where values are hardly more than nothing', async () => {
      const bench = openMetrics(opened.db, START + 300 * DAY_MS)
      const sent = [5e-324, 0, 0].map((value, i) =>
        aSample({ name: 'tiny', timeMs: START + 299 * DAY_MS + i, value }),
      )
      await bench.write(sent)
      await bench.settle()
      const range = { subject: 'container', fromMs: START + 298 * DAY_MS, toMs: bench.state.nowMs } as const
      for (const maxPoints of [5_000, 1_200, 120, 5]) {
        const query = { ...range, endpointId: 1, name: 'tiny', metrics: [], maxPoints }
        const { series } = await bench.service.range(query)
        expect(series[0]?.mean.filter((mean) => mean !== null && mean < 1e-300)).toHaveLength(1)
      }
      const all = await bench.service.rangeAll({ ...range, metric: 'cpu.percent', maxPoints: 100 })
      expect(all.series).not.toEqual([])
    })

    it('cost nothing for the years between two samples', async () => {
      const bench = openMetrics(opened.db, START + 500 * DAY_MS)
      await bench.settle()
      const early = aSample({ name: 'early', timeMs: bench.state.nowMs - DAY_MS, value: 1 })
      await bench.write([early])
      bench.state.nowMs += 400 * DAY_MS
      await bench.write([aSample({ name: 'late', timeMs: bench.state.nowMs, value: 2 })])
      bench.state.nowMs += DAY_MS
      const { db, asked } = counting(opened.db)
      const { movedSamples } = await createMetricsRollup(db).settle(bench.state.nowMs)
      expect(movedSamples).toBe(2)
      expect(asked()).toBeLessThan(100)
    })

    it('lose and double nothing when it dies at any statement', async () => {
      const start = START + 1000 * DAY_MS
      for (let survives = 0, died = true; died; survives++) {
        const who = `crash-${survives}`
        const bench = openMetrics(opened.db, start + survives * 10 * DAY_MS)
        const origin = bench.state.nowMs
        const samples = Array.from({ length: 40 }, (_, index) =>
          aSample({ name: who, timeMs: origin + index * 3 * MINUTE_MS, value: index }),
        )
        bench.state.nowMs = origin + 2 * HOUR_MS
        await bench.write(samples.slice(0, 30))
        await bench.settle()
        await bench.write([...samples.slice(30), ...samples.slice(3, 6)])
        bench.state.nowMs = origin + 2 * DAY_MS
        const failing = createMetricsRollup(failingAfter(opened.db, survives))
        died = await failing.settle(bench.state.nowMs).then(
          () => false,
          (error: unknown) => isDbError(error, 'other'),
        )
        await bench.settle()
        const query = { endpointId: 1, subject: 'container', name: who, metrics: [] } as const
        for (const maxPoints of [2_000, 500, 48, 2]) {
          const { series, stepMs } = await bench.service.range({
            ...query,
            fromMs: origin,
            toMs: origin + DAY_MS,
            maxPoints,
          })
          expectEqual(series[0], expected(samples, origin, origin + DAY_MS, stepMs))
        }
        if (!died) expect(survives).toBeGreaterThan(5)
      }
    }, 300_000)
  })
})
