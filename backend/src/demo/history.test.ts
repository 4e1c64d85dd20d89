import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../test/databases.ts'
import { openMetrics } from '../../test/metrics.ts'
import { createMetricsImport } from '../metrics/index.ts'
import { writeHistory } from './history.ts'
import { cpuSeconds } from './usage.ts'
import { buildWorld } from './world.ts'

const NOW = Date.UTC(2026, 2, 4, 13, 20, 7)
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The bucket under way has no value yet. */
const isFew = (gaps: number) => gaps <= 1

describe.each(databases)('invented history on $name', ({ open }) => {
  let database: TestDatabase
  let metrics: ReturnType<typeof openMetrics>
  const [host] = buildWorld({ hosts: 1, containers: 2, seed: 1, faults: false })
  const slot = host!.slots[0]!

  beforeAll(async () => {
    database = await open({ migrated: true })
    const whole = { host: host!, endpointId: 3, fromMs: NOW - 9 * DAY }
    await writeHistory(createMetricsImport(database.db), [whole], NOW)
    metrics = openMetrics(database.db, NOW)
  })
  afterAll(() => database.close())

  const cpu = (spanMs: number, maxPoints: number) =>
    metrics.service.range({
      endpointId: 3,
      subject: 'container',
      name: slot.name,
      metrics: ['cpu.percent'],
      fromMs: NOW - spanMs,
      toMs: NOW,
      maxPoints,
    })

  it.each([
    ['raw', HOUR, 500],
    ['1m', 6 * HOUR, 500],
    ['5m', DAY, 500],
    ['1h', 7 * DAY, 500],
    ['1d', 9 * DAY, 20],
  ])('fills a chart at resolution %s', async (resolution, spanMs, maxPoints) => {
    const result = await cpu(spanMs, maxPoints)
    expect(result.resolution).toBe(resolution)
    const [line] = result.series
    const points = line!.mean.filter((value) => value !== null)
    expect(points.length).toBeGreaterThan((spanMs / result.stepMs) * 0.95)
    expect(Math.min(...points)).toBeGreaterThan(0)
  })

  it('gives the load that the container had', async () => {
    const { series, stepMs } = await cpu(2 * DAY, 60)
    expect(stepMs).toBe(HOUR)
    const [line] = series
    const index = line!.times.indexOf(Date.UTC(2026, 2, 3, 6))
    const from = line!.times[index]!
    expect(line!.mean[index]).toBeCloseTo((cpuSeconds(slot, from, from + HOUR) / 3600) * 100, 6)
  })

  it('is continued by what is measured from then on', async () => {
    metrics.state.nowMs = NOW + 10 * 60_000
    const at = (seconds: number) => ({
      endpointId: 3,
      subject: 'container' as const,
      name: slot.name,
      metric: 'cpu.percent',
      instance: '',
      timeMs: NOW + seconds * 1000,
      value: 7,
    })
    await metrics.write(Array.from({ length: 50 }, (_, i) => at(10 + i * 10)))
    await metrics.settle()
    const { series } = await metrics.service.range({
      endpointId: 3,
      subject: 'container',
      name: slot.name,
      metrics: ['cpu.percent'],
      fromMs: NOW - 2 * HOUR,
      toMs: NOW + 8 * 60_000,
      maxPoints: 200,
    })
    expect(series[0]!.mean.filter((value) => value === null).length).toBeLessThan(2)
    expect(series[0]!.mean.at(-1)).toBe(7)
  })

  it('goes on after a pause as if there had been none', async () => {
    const history = createMetricsImport(database.db)
    const stopped = NOW + 500_000
    expect(await history.newestSampleMs(3)).toBe(stopped)
    expect(await history.newestSampleMs(4)).toBeUndefined()
    const later = NOW + 2 * DAY
    await writeHistory(history, [{ host: host!, endpointId: 3, fromMs: stopped }], later)
    metrics.state.nowMs = later
    const read = async (spanMs: number, maxPoints: number) => {
      const { series, stepMs } = await metrics.service.range({
        endpointId: 3,
        subject: 'container',
        name: slot.name,
        metrics: ['cpu.percent'],
        fromMs: later - spanMs,
        toMs: later,
        maxPoints,
      })
      return { stepMs, gaps: series[0]!.mean.filter((value) => value === null).length }
    }
    expect(await read(HOUR, 500)).toEqual({ stepMs: 10_000, gaps: 0 })
    expect(await read(6 * HOUR, 500)).toMatchObject({ stepMs: 60_000, gaps: expect.toSatisfy(isFew) })
    expect(await read(DAY, 500)).toMatchObject({ stepMs: 5 * 60_000, gaps: expect.toSatisfy(isFew) })
    expect(await read(3 * DAY, 100)).toMatchObject({ stepMs: HOUR, gaps: expect.toSatisfy(isFew) })
  })
})
