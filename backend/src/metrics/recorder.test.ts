import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { aSample } from '../../test/metrics.ts'
import { createLogger } from '../core/log.ts'
import { DbError } from '../db/db-errors.ts'
import { createMetricsStore } from './metrics.store.ts'
import { createRecorder, type RecorderLimits, type Sample } from './recorder.ts'
import { DAY_MS, DEFAULT_RETENTION } from './resolution.ts'

const NOW = Date.UTC(2026, 5, 15, 12)

describe.each(plainDatabases)('recorder on $name', ({ open }) => {
  let opened: TestDatabase
  /** Stands between the recorder and the real store, as a network would. */
  let away: DbError | undefined

  beforeAll(async () => {
    opened = await open({ migrated: true })
  })

  afterAll(() => opened.close())

  beforeEach(async () => {
    away = undefined
    for (const table of ['metrics_recent', 'metric_latest', 'metric_series']) {
      await opened.db.execute(`DELETE FROM ${table}`)
    }
  })

  function start(limits: Partial<RecorderLimits> = {}, log = createLogger('silent')) {
    const store = createMetricsStore(opened.db)
    return createRecorder({
      store: {
        ensureSeries: (keys) => (away ? Promise.reject(away) : store.ensureSeries(keys)),
        write: (samples, latest) => (away ? Promise.reject(away) : store.write(samples, latest)),
      },
      clock: () => NOW,
      log,
      retention: () => DEFAULT_RETENTION,
      limits,
    })
  }

  const stored = () =>
    opened.db.query<{ name: string; time_ms: number; value: number }>(`
      SELECT s.name, r.time_ms, r.value
      FROM metrics_recent AS r JOIN metric_series AS s ON s.id = r.series_id
      ORDER BY s.name, r.time_ms`)

  const numbered = (count: number): Sample[] =>
    Array.from({ length: count }, (_, index) => aSample({ timeMs: NOW + index, value: index }))

  it('refuses what no store can hold, and counts it', async () => {
    const recorder = start()
    recorder.record([
      aSample({ timeMs: NOW, value: Number.NaN }),
      aSample({ timeMs: NOW, value: Number.POSITIVE_INFINITY }),
      aSample({ timeMs: NOW, value: -1e301 }),
      aSample({ timeMs: NOW + 0.5, value: 1 }),
      aSample({ timeMs: NOW + DAY_MS + 1, value: 1 }),
      aSample({ timeMs: NOW - 6 * DAY_MS - 1, value: 1 }),
      aSample({ timeMs: NOW, value: 1, name: 'a\0b' }),
      aSample({ timeMs: NOW, value: 1, name: 'half \ud83e' }),
      aSample({ timeMs: NOW, value: 1, instance: 'x'.repeat(600) }),
      aSample({ timeMs: NOW, value: -0, name: 'ok 🦊' }),
      aSample({ timeMs: NOW + DAY_MS, value: 2, name: 'ok 🦊' }),
    ])
    await recorder.flush()
    expect(recorder.stats()).toEqual({
      queueLength: 0,
      writtenSamples: 2,
      droppedSamples: 0,
      refusedSamples: 9,
    })
    expect((await stored()).map((row) => row.value)).toEqual([0, 2])
  })

  it('writes by itself once enough samples wait', async () => {
    const recorder = start({ flushRows: 3, flushMs: 3_600_000 })
    recorder.record(numbered(3))
    await expect.poll(() => recorder.stats().writtenSamples).toBe(3)
    expect(await stored()).toHaveLength(3)
  })

  it('writes by itself after a while', async () => {
    const recorder = start({ flushMs: 1 })
    recorder.record(numbered(1))
    await expect.poll(() => recorder.stats().writtenSamples).toBe(1)
  })

  it('keeps samples while the store is away and writes them when it is back', async () => {
    const recorder = start({ flushRows: 2 })
    away = new DbError('unavailable', 'away')
    recorder.record(numbered(5))
    await recorder.flush()
    expect(recorder.stats()).toMatchObject({ queueLength: 5, writtenSamples: 0, droppedSamples: 0 })
    away = undefined
    await recorder.flush()
    expect(recorder.stats()).toMatchObject({ queueLength: 0, writtenSamples: 5, droppedSamples: 0 })
    expect((await stored()).map((row) => row.value)).toEqual([0, 1, 2, 3, 4])
    await recorder.close()
  })

  it('says once that samples are lost, and how many when it is over', async () => {
    const log = createLogger('silent')
    const warned = vi.spyOn(log, 'warn')
    const told = vi.spyOn(log, 'info')
    const recorder = start({ maxQueue: 3 }, log)
    recorder.record(numbered(5))
    recorder.record(numbered(5))
    expect(warned.mock.calls).toEqual([[{ queued: 3 }, 'the oldest samples are lost: too many wait']])
    await recorder.flush()
    expect(told.mock.calls).toEqual([[{ lost: 7 }, 'no samples wait any more']])
    recorder.record(numbered(4))
    expect(warned).toHaveBeenCalledTimes(2)
    await recorder.close()
  })

  it('drops the oldest beyond its bound, and counts them', async () => {
    const recorder = start({ maxQueue: 3 })
    away = new DbError('unavailable', 'away')
    recorder.record(numbered(5))
    await recorder.flush()
    recorder.record([aSample({ timeMs: NOW + 9, value: 9 })])
    expect(recorder.stats()).toMatchObject({ queueLength: 3, droppedSamples: 3 })
    away = undefined
    await recorder.flush()
    expect((await stored()).map((row) => row.value)).toEqual([3, 4, 9])
    await recorder.close()
  })

  it('drops a batch that the store refuses for good, and goes on', async () => {
    const recorder = start()
    away = new DbError('check', 'refused')
    recorder.record(numbered(2))
    await recorder.flush()
    expect(recorder.stats()).toMatchObject({ queueLength: 0, droppedSamples: 2 })
    away = undefined
    recorder.record(numbered(1))
    await recorder.flush()
    expect(recorder.stats()).toMatchObject({ writtenSamples: 1, droppedSamples: 2 })
    await recorder.close()
  })

  it('makes a series again that was deleted behind its back', async () => {
    const recorder = start()
    recorder.record(numbered(1))
    await recorder.flush()
    await opened.db.execute('DELETE FROM metric_series')
    recorder.record([aSample({ timeMs: NOW + 5, value: 5 })])
    await recorder.flush()
    expect((await stored()).map((row) => row.value)).toEqual([5])
    expect(recorder.stats()).toMatchObject({ writtenSamples: 2, droppedSamples: 0 })
  })

  it('remembers a bounded number of series and still writes all of them', async () => {
    const recorder = start({ maxSeries: 2, flushRows: 4 })
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const timeMs of [NOW, NOW + 1]) {
      recorder.record(names.map((name) => aSample({ name, timeMs, value: timeMs - NOW })))
      await recorder.flush()
    }
    expect((await stored()).map((row) => row.name).join('')).toBe('aabbccddee')
  })

  it('writes what waits when it is closed, and takes nothing after', async () => {
    const recorder = start()
    recorder.record(numbered(3))
    await recorder.close()
    recorder.record(numbered(2))
    await recorder.close()
    expect(await stored()).toHaveLength(3)
    expect(recorder.stats()).toMatchObject({ writtenSamples: 3, refusedSamples: 2 })
  })
})
