import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { databases } from '../../test/databases.ts'
import {
  aSample,
  type MetricsBench,
  openEmptyMetrics,
  openMetrics,
  SAMPLE_INTERVAL_MS,
} from '../../test/metrics.ts'
import type { AppDb } from '../db/app-db.ts'
import { bucketStart, DAY_MS, MINUTE_MS } from './resolution.ts'

const HOUR_MS = 60 * MINUTE_MS
const FIRST_NOON = bucketStart(Date.now(), DAY_MS) - 300 * DAY_MS + DAY_MS / 2

const web = { endpointId: 1, subject: 'container', name: 'web', metrics: ['cpu.percent'] } as const

describe.each(databases)('metrics on $name', ({ open }) => {
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

  /** One sample every ten seconds from noon on; `valueAt` gets their number. */
  async function sampleFor(durationMs: number, valueAt: (index: number) => number): Promise<void> {
    for (let index = 0; index * SAMPLE_INTERVAL_MS < durationMs; index++) {
      metrics.state.nowMs = noon + index * SAMPLE_INTERVAL_MS
      metrics.service.record([aSample({ timeMs: metrics.state.nowMs, value: valueAt(index) })])
    }
    await metrics.service.flush()
  }

  it('reads back samples as they came', async () => {
    const values = [1.5, -2.25, 0.1 + 0.2, 2 ** 53 + 2, 1e-300, -1e299, 0]
    await metrics.write(values.map((value, index) => aSample({ timeMs: noon + index * 10_000, value })))
    const range = { ...web, fromMs: noon, toMs: noon + HOUR_MS, maxPoints: 1000 }
    const { resolution, stepMs, series } = await metrics.service.range(range)
    expect({ resolution, stepMs }).toEqual({ resolution: 'raw', stepMs: 10_000 })
    expect(series).toEqual([
      {
        metric: 'cpu.percent',
        instance: '',
        unit: 'percent',
        times: values.map((_, index) => noon + index * 10_000),
        mean: values,
      },
    ])
  })

  it('shows the newest minutes at every resolution before and after they are rolled up', async () => {
    await sampleFor(2 * HOUR_MS, (index) => index)
    const query = { ...web, fromMs: noon, toMs: noon + 2 * HOUR_MS }
    const read = async () => ({
      minutes: await metrics.service.range({ ...query, maxPoints: 120 }),
      fives: await metrics.service.range({ ...query, maxPoints: 24 }),
      hours: await metrics.service.range({ ...query, maxPoints: 2 }),
      days: await metrics.service.range({ ...query, maxPoints: 1 }),
    })
    const before = await read()
    expect(before.minutes.series[0]?.mean).toEqual(
      Array.from({ length: 120 }, (_, minute) => minute * 6 + 2.5),
    )
    expect(before.hours).toEqual({
      resolution: '1h',
      stepMs: HOUR_MS,
      series: [
        {
          metric: 'cpu.percent',
          instance: '',
          unit: 'percent',
          times: [noon, noon + HOUR_MS],
          mean: [179.5, 539.5],
          min: [0, 360],
          max: [359, 719],
        },
      ],
    })
    expect(before.days.series[0]).toMatchObject({
      times: [noon - DAY_MS / 2],
      mean: [359.5],
      min: [0],
      max: [719],
    })
    await metrics.settle()
    expect(await read()).toEqual(before)
    metrics.state.nowMs += DAY_MS
    await metrics.settle()
    expect(await read()).toEqual(before)
  })

  it('weighs a mean by samples, not by buckets', async () => {
    await metrics.write([
      ...[0, 10, 20].map((second) => aSample({ timeMs: noon + second * 1000, value: 0 })),
      aSample({ timeMs: noon + MINUTE_MS, value: 8 }),
    ])
    metrics.state.nowMs = noon + HOUR_MS
    await metrics.settle()
    const { series } = await metrics.service.range({
      ...web,
      fromMs: noon,
      toMs: noon + HOUR_MS,
      maxPoints: 1,
    })
    expect(series[0]?.mean).toEqual([2])
  })

  it('leaves a gap null at each of its steps', async () => {
    await metrics.write([
      aSample({ timeMs: noon, value: 1 }),
      aSample({ timeMs: noon + 3 * MINUTE_MS, value: 4 }),
    ])
    const query = { ...web, fromMs: noon, toMs: noon + 5 * MINUTE_MS }
    const raw = await metrics.service.range({ ...query, maxPoints: 100 })
    expect(raw.series[0]?.times).toEqual([noon, noon + 10_000, noon + 3 * MINUTE_MS])
    expect(raw.series[0]?.mean).toEqual([1, null, 4])
    metrics.state.nowMs = noon + 10 * MINUTE_MS
    await metrics.settle()
    const minutes = await metrics.service.range({ ...query, maxPoints: 5 })
    expect(minutes.series[0]).toMatchObject({
      mean: [1, null, null, 4, null],
      min: [1, null, null, 4, null],
      max: [1, null, null, 4, null],
    })
  })

  it('makes rolled-up buckets again for samples that come late', async () => {
    await sampleFor(3 * HOUR_MS, () => 10)
    metrics.state.nowMs = noon + 2 * DAY_MS
    await metrics.settle()
    await metrics.write([aSample({ timeMs: noon + 5_000, value: 373 })])
    await metrics.settle()
    const query = { ...web, fromMs: noon, toMs: noon + HOUR_MS }
    const hours = await metrics.service.range({ ...query, maxPoints: 1 })
    expect(hours.series[0]?.max).toEqual([373])
    expect(hours.series[0]?.mean[0]).toBeCloseTo((360 * 10 + 373) / 361, 12)
    const minutes = await metrics.service.range({ ...query, maxPoints: 60 })
    expect(minutes.series[0]?.mean.slice(0, 2)).toEqual([(60 + 373) / 7, 10])
    const days = await metrics.service.range({ ...web, fromMs: noon, toMs: noon + 20 * DAY_MS, maxPoints: 3 })
    expect(days.series[0]?.max?.[0]).toBe(373)
  })

  it('lets the last value count where a sample is sent again', async () => {
    await metrics.write([aSample({ timeMs: noon, value: 1 }), aSample({ timeMs: noon, value: 2 })])
    metrics.state.nowMs = noon + HOUR_MS
    await metrics.settle()
    await metrics.write([aSample({ timeMs: noon, value: 3 })])
    const query = { ...web, fromMs: noon, toMs: noon + MINUTE_MS }
    const raw = await metrics.service.range({ ...query, maxPoints: 100 })
    expect(raw.series[0]?.mean).toEqual([3])
    await metrics.settle()
    const minutes = await metrics.service.range({ ...query, maxPoints: 1 })
    expect(minutes.series[0]).toMatchObject({ mean: [3], min: [3], max: [3] })
  })

  it('changes nothing when it settles twice', async () => {
    await sampleFor(HOUR_MS, (index) => index % 7)
    metrics.state.nowMs += DAY_MS
    await metrics.settle()
    const tables = ['metrics', 'metrics_1m', 'metrics_5m', 'metrics_1h', 'metrics_1d']
    const dump = () =>
      Promise.all(tables.map((t) => db.query(`SELECT * FROM ${t} ORDER BY series_id, time_ms`)))
    const before = await dump()
    await metrics.settle()
    expect(await dump()).toEqual(before)
    expect(before.map((rows) => rows.length)).toEqual([360, 60, 12, 1, 1])
  })

  it('tells the newest value of every series, however late others come', async () => {
    await metrics.write([
      aSample({ timeMs: noon, value: 1 }),
      aSample({ timeMs: noon, value: 5, name: 'db' }),
      aSample({ timeMs: noon, value: 7, subject: 'host', name: '', metric: 'load.1' }),
    ])
    await metrics.write([aSample({ timeMs: noon - MINUTE_MS, value: 99 })])
    const restarted = openMetrics(db, noon)
    await restarted.write([aSample({ timeMs: noon - 2 * MINUTE_MS, value: 98 })])
    const values = await restarted.service.latest({ subject: 'container' })
    expect(values.map((value) => [value.name, value.timeMs, value.value]).sort()).toEqual([
      ['db', noon, 5],
      ['web', noon, 1],
    ])
    expect((await restarted.service.latest()).length).toBe(3)
    restarted.state.nowMs = noon + HOUR_MS
    expect(await restarted.service.latest({ maxAgeMs: MINUTE_MS })).toEqual([])
  })

  it('tells newest values to the last bit, whatever the name', async () => {
    const values = [0.1 + 0.2, 1 / 3, 5e-324, 1e300, -123456789.12345679, 2 ** 53 - 1, 0]
    const name = (index: number) => `it's "${index}" \\ ü \n`
    await metrics.write(values.map((value, index) => aSample({ timeMs: noon, value, name: name(index) })))
    const told = await metrics.service.latest({ subject: 'container' })
    expect(new Map(told.map((each) => [each.name, each.value]))).toEqual(
      new Map(values.map((value, index) => [name(index), value])),
    )
  })

  it('ranks series by their mean over the range', async () => {
    const names = ['a', 'b', 'c']
    for (let minute = 0; minute < 90; minute++) {
      const timeMs = noon + minute * MINUTE_MS
      metrics.state.nowMs = timeMs
      metrics.service.record(
        names.map((who, index) => aSample({ name: who, timeMs, value: index * 10 + (minute % 2) })),
      )
      await metrics.service.flush()
      if (minute % 30 === 29) await metrics.settle()
    }
    const top = await metrics.service.top({
      subject: 'container',
      metric: 'cpu.percent',
      fromMs: noon,
      toMs: noon + 90 * MINUTE_MS,
      limit: 2,
    })
    expect(top.map((item) => [item.name, item.mean, item.max])).toEqual([
      ['c', 20.5, 21],
      ['b', 10.5, 11],
    ])
  })

  it('puts all series of a metric on one grid, without those that have nothing there', async () => {
    await metrics.write([
      aSample({ timeMs: noon, value: 1 / 3 }),
      aSample({ timeMs: noon + 2 * MINUTE_MS, value: 2, name: 'db' }),
      aSample({ timeMs: noon - HOUR_MS, value: 2, name: 'gone' }),
      aSample({ timeMs: noon, value: 1e9 + 0.5, metric: 'memory.used.bytes' }),
    ])
    metrics.state.nowMs = noon + 10 * MINUTE_MS
    const query = { subject: 'container', fromMs: noon, toMs: noon + 3 * MINUTE_MS, maxPoints: 3 } as const
    const expected = {
      resolution: '1m',
      stepMs: MINUTE_MS,
      unit: 'percent',
      times: [noon, noon + MINUTE_MS, noon + 2 * MINUTE_MS],
      series: [
        { endpointId: 1, name: 'db', instance: '', mean: [null, null, 2] },
        { endpointId: 1, name: 'web', instance: '', mean: [0.3333, null, null] },
      ],
    }
    expect(await metrics.service.rangeAll({ ...query, metric: 'cpu.percent' })).toEqual(expected)
    await metrics.settle()
    expect(await metrics.service.rangeAll({ ...query, metric: 'cpu.percent' })).toEqual(expected)
    const bytes = await metrics.service.rangeAll({ ...query, metric: 'memory.used.bytes' })
    expect(bytes.series[0]?.mean).toEqual([1e9 + 1, null, null])
  })

  it('keeps names as data', async () => {
    const hostile = `'; DROP TABLE metrics; -- "$1" \\ 🦊 %s`
    await metrics.write([aSample({ timeMs: noon, value: 1, name: hostile, instance: hostile })])
    const query = { endpointId: 1, subject: 'container', name: hostile } as const
    expect(await metrics.service.series(query)).toEqual([
      { metric: 'cpu.percent', instance: hostile, unit: 'percent' },
    ])
    const { series } = await metrics.service.range({
      ...query,
      metrics: [hostile, 'cpu.percent'],
      fromMs: noon,
      toMs: noon + 1,
      maxPoints: 10,
    })
    expect(series[0]?.mean).toEqual([1])
  })

  it('answers nothing, and no error, about what it does not know', async () => {
    const range = { fromMs: noon, toMs: noon + HOUR_MS, maxPoints: 500 }
    expect((await metrics.service.range({ ...web, ...range, name: 'nobody' })).series).toEqual([])
    const all = await metrics.service.rangeAll({ subject: 'host', metric: 'cpu.percent', ...range })
    expect(all.series).toEqual([])
    expect(await metrics.service.top({ subject: 'host', metric: 'x', ...range, limit: 5 })).toEqual([])
    expect((await metrics.service.range({ ...web, ...range, fromMs: 0, toMs: 1 })).series).toEqual([])
  })
})
