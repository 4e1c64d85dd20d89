import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../test/databases.ts'
import { aSample, openMetrics } from '../../test/metrics.ts'
import { readRollupState } from './metrics.store.ts'
import { keepByProduct } from './metrics-kept-by.ts'
import { bucketStart, DAY_MS, MINUTE_MS } from './resolution.ts'

const HOUR_MS = 60 * MINUTE_MS
const START = bucketStart(Date.now(), DAY_MS) - 5 * DAY_MS

describe.each(databases)('metrics that the product keeps from now on, on $name', ({ open }) => {
  let opened: TestDatabase

  beforeAll(async () => {
    opened = await open({ migrated: true })
  })

  afterAll(() => opened.close())

  it('show the same as before, and go on', async () => {
    const bench = openMetrics(opened.db, START)
    const samples = (fromMs: number, value: number) =>
      Array.from({ length: 600 }, (_, i) => aSample({ timeMs: fromMs + i * MINUTE_MS * 4, value: value + i }))
    await bench.write(samples(START, 1))
    bench.state.nowMs = START + 3 * DAY_MS
    await bench.settle()
    const read = async () => {
      const query = { endpointId: 1, subject: 'container', name: 'web', metrics: [] } as const
      const toMs = START + 4 * DAY_MS
      return Promise.all(
        [5_000, 1_200, 100, 4].map((maxPoints) =>
          bench.service.range({ ...query, fromMs: START, toMs, maxPoints }),
        ),
      )
    }
    const before = await read()
    expect(before[2]?.series[0]?.mean.some((mean) => mean !== null)).toBe(true)
    await keepByProduct(opened.store)
    await keepByProduct(opened.store)
    expect((await readRollupState(opened.db)).keptBy).toBe('product')
    expect(await read()).toEqual(before)

    await bench.write(samples(START + 3 * DAY_MS - HOUR_MS, 5_000))
    bench.state.nowMs = START + 5 * DAY_MS
    await bench.settle()
    const [, , after] = await read()
    expect(Math.max(...(after?.series[0]?.max ?? []).map((value) => value ?? 0))).toBeGreaterThan(5_000)
  })
})
