import { expect, test } from 'vitest'
import { createLiveStore, seriesKey, splitSeriesKey } from './live-series.ts'

test('collects values by series in order of time', () => {
  const store = createLiveStore(60_000)
  store.add(1000, { cpu: 1, 'net[eth0]': 5 })
  store.add(2000, { cpu: 2 })
  expect(store.get('cpu')).toEqual({ times: [1000, 2000], values: [1, 2] })
  expect(store.get('net[eth0]')).toEqual({ times: [1000], values: [5] })
  expect(store.get('none')).toBeUndefined()
  expect(store.newestMs()).toBe(2000)
})

test('ignores a sample that is not newer than the last', () => {
  const store = createLiveStore(60_000)
  store.add(2000, { cpu: 1 })
  store.add(2000, { cpu: 2 })
  store.add(1000, { cpu: 3 })
  expect(store.get('cpu')).toEqual({ times: [2000], values: [1] })
})

test('lets go of what is older than it keeps', () => {
  const store = createLiveStore(10_000)
  for (let second = 0; second <= 2000; second += 1) store.add(second * 1000, { cpu: second })
  const times = store.get('cpu')?.times ?? []
  expect(times.at(-1)).toBe(2_000_000)
  expect(times.length).toBeLessThan(400)
  expect(times.length).toBeGreaterThanOrEqual(10)
})

test('names of series go both ways, brackets in a mount included', () => {
  for (const [metric, instance] of [
    ['load.1', ''],
    ['fs.used.bytes', '/mnt/[a]'],
  ] as const) {
    expect(splitSeriesKey(seriesKey(metric, instance))).toEqual({ metric, instance })
  }
})
