import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, startTestApp, type TestApp } from '../../test/app.ts'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { aSample, openMetrics } from '../../test/metrics.ts'
import { bucketStart, MINUTE_MS } from './resolution.ts'

describe.each(plainDatabases)('metrics API on $name', ({ open }) => {
  let opened: TestDatabase
  let app: TestApp
  let viewer: Client
  const from = bucketStart(Date.now(), MINUTE_MS) - 10 * MINUTE_MS
  const to = from + 5 * MINUTE_MS
  const thing = 'endpointId=7&subject=container&name=web'

  beforeAll(async () => {
    opened = await open({ migrated: true })
    await openMetrics(opened.db, Date.now()).write([
      aSample({ endpointId: 7, timeMs: from, value: 10 }),
      aSample({ endpointId: 7, timeMs: from + 2 * MINUTE_MS, value: 30 }),
      aSample({ endpointId: 7, timeMs: from, value: 5, name: 'db' }),
      aSample({ endpointId: 7, timeMs: from, value: 4096, metric: 'memory.used.bytes' }),
    ])
    app = await startTestApp({ db: opened.db })
    await app.admin()
    viewer = await app.userWith('viewer')
  })

  afterAll(async () => {
    await app.stop()
    await opened.close()
  })

  it('answers only those who may look', async () => {
    for (const path of ['range', 'all', 'latest', 'top', 'series']) {
      expect((await app.client().get(`/api/metrics/${path}`)).status).toBe(401)
    }
  })

  it('gives the history of a container in columns', async () => {
    const path = `/api/metrics/range?${thing}&metrics=cpu.percent,nothing&from=${from}&to=${to}&points=5`
    const { status, body } = await viewer.get(path)
    expect(status).toBe(200)
    expect(body).toEqual({
      resolution: '1m',
      stepMs: MINUTE_MS,
      series: [
        {
          metric: 'cpu.percent',
          instance: '',
          unit: 'percent',
          times: [0, 1, 2, 3, 4].map((minute) => from + minute * MINUTE_MS),
          mean: [10, null, 30, null, null],
          min: [10, null, 30, null, null],
          max: [10, null, 30, null, null],
        },
      ],
    })
  })

  it('gives samples as they came where there is room', async () => {
    const { body } = await viewer.get(`/api/metrics/range?${thing}&from=${from}&to=${to}`)
    expect(body.resolution).toBe('raw')
    expect(body.series.map((series: { metric: string }) => series.metric)).toEqual([
      'cpu.percent',
      'memory.used.bytes',
    ])
  })

  it('gives one metric of everything, the ranking, the newest values and what there is', async () => {
    const query = `subject=container&metric=cpu.percent&from=${from}&to=${to}`
    const all = await viewer.get(`/api/metrics/all?${query}&points=5`)
    expect(all.body.series).toEqual([
      { endpointId: 7, name: 'db', instance: '', mean: [5, null, null, null, null] },
      { endpointId: 7, name: 'web', instance: '', mean: [10, null, 30, null, null] },
    ])
    const top = await viewer.get(`/api/metrics/top?${query}&limit=1`)
    expect(top.body.items).toEqual([
      { endpointId: 7, name: 'web', instance: '', unit: 'percent', mean: 20, max: 30 },
    ])
    const latest = await viewer.get('/api/metrics/latest?subject=container')
    expect(latest.body.items).toContainEqual({
      endpointId: 7,
      subject: 'container',
      name: 'web',
      metric: 'cpu.percent',
      instance: '',
      unit: 'percent',
      timeMs: from + 2 * MINUTE_MS,
      value: 30,
    })
    const series = await viewer.get(`/api/metrics/series?${thing}`)
    expect(series.body.items.map((item: { metric: string }) => item.metric)).toEqual([
      'cpu.percent',
      'memory.used.bytes',
    ])
  })

  it.each([
    ['range', `endpointId=7&subject=container&from=${to}&to=${from}`, 'to'],
    ['range', `endpointId=7&subject=planet&from=1&to=2`, 'subject'],
    ['range', `endpointId=x&subject=host&from=1&to=2`, 'endpointId'],
    ['range', `endpointId=7&subject=host&from=1&to=2&points=0`, 'points'],
    ['range', `endpointId=7&subject=host&from=1&to=2&points=5001`, 'points'],
    ['range', `endpointId=7&subject=host&from=-1&to=2`, 'from'],
    ['range', `endpointId=7&subject=host&from=1&to=99999999999999999999`, 'to'],
    ['all', `subject=host&from=1&to=2`, 'metric'],
    ['top', `subject=host&metric=load.1&from=1&to=2&limit=501`, 'limit'],
    ['latest', `subject=x`, 'subject'],
    ['series', `subject=host`, 'endpointId'],
  ])('refuses %s?%s', async (path, query, wrong) => {
    const { status, body } = await viewer.get(`/api/metrics/${path}?${query}`)
    expect(status).toBe(400)
    expect(body.code).toBe('invalid_input')
    expect(body.issues.map((issue: { path: string }) => issue.path)).toContain(wrong)
  })
})
