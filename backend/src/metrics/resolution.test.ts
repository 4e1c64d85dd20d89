import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bucketStart,
  bucketTimes,
  chooseResolution,
  DAY_MS,
  DEFAULT_RETENTION,
  keptDays,
  MINUTE_MS,
  oldestSampleMs,
  planSegments,
  ROLLUPS,
  rollupOf,
} from './resolution.ts'

const NOW = Date.UTC(2026, 5, 15, 12, 0, 0)

function choose(
  hours: number,
  maxPoints: number,
  over: Partial<Parameters<typeof chooseResolution>[0]> = {},
) {
  return chooseResolution({
    fromMs: NOW - hours * 3_600_000,
    toMs: NOW,
    maxPoints,
    nowMs: NOW,
    sampleIntervalMs: 10_000,
    retention: DEFAULT_RETENTION,
    ...over,
  })
}

describe('chooseResolution', () => {
  it('takes the finest resolution that fits the budget', () => {
    expect(choose(1, 500)).toBe('raw')
    expect(choose(1, 359)).toBe('1m')
    expect(choose(6, 500)).toBe('1m')
    expect(choose(24, 500)).toBe('5m')
    expect(choose(7 * 24, 500)).toBe('1h')
    expect(choose(30 * 24, 1000)).toBe('1h')
    expect(choose(365 * 24, 1000)).toBe('1d')
  })

  it('takes a coarser one where the finer no longer holds the beginning of the range', () => {
    const old = { fromMs: NOW - 8 * DAY_MS, toMs: NOW - 8 * DAY_MS + 3_600_000 }
    expect(choose(1, 1000, old)).toBe('1m')
    expect(choose(1, 1000, { fromMs: NOW - 31 * DAY_MS, toMs: NOW - 31 * DAY_MS + 3_600_000 })).toBe('5m')
    expect(choose(1, 1000, { fromMs: NOW - 130 * DAY_MS, toMs: NOW - 130 * DAY_MS + 3_600_000 })).toBe('1h')
  })

  it('never takes raw samples where they are not wanted', () => {
    expect(choose(1, 10_000, { raw: false })).toBe('1m')
  })

  it('takes days when nothing fits', () => {
    expect(choose(365 * 24, 10)).toBe('1d')
    expect(choose(1, 0)).toBe('1d')
  })

  it('does not let what is older than every rollup decide', () => {
    expect(choose(0, 9_000, { fromMs: 0 })).toBe('1h')
  })

  it('takes a coarser one where a finer was cut off, though the setting was raised since', () => {
    const ago = (days: number) => NOW - days * DAY_MS
    const retention = { ...DEFAULT_RETENTION, rawDays: 30, rollup1mDays: 60 }
    const reach = { raw: ago(7), '1m': ago(30), '5m': ago(200), '1h': ago(200), '1d': ago(200) }
    const from = (days: number) => ({ fromMs: ago(days), toMs: ago(days) + 3_600_000, retention, reach })
    expect(choose(1, 1000, from(6))).toBe('raw')
    expect(choose(1, 1000, from(8))).toBe('1m')
    expect(choose(1, 1000, from(31))).toBe('5m')
  })

  it('takes the finest of all that begin together, however little there is', () => {
    const first = NOW - 5.3 * 3_600_000
    const reach = { raw: first, '1m': bucketStart(first, MINUTE_MS), '1h': bucketStart(first, 3_600_000) }
    expect(choose(24, 10_000, { reach })).toBe('raw')
    expect(choose(24, 10_000, { reach, raw: false })).toBe('1m')
    expect(choose(24, 10_000, { reach: { ...reach, '1d': bucketStart(first, DAY_MS) } })).toBe('raw')
    expect(choose(24, 10_000, { reach: { raw: first } })).toBe('raw')
  })

  it('follows the retention settings', () => {
    const retention = { ...DEFAULT_RETENTION, rawDays: 30 }
    expect(choose(1, 1000, { fromMs: NOW - 8 * DAY_MS, toMs: NOW - 8 * DAY_MS + 3_600_000, retention })).toBe(
      'raw',
    )
  })
})

describe('keptDays', () => {
  it('never lets a rollup end before the samples it is made of', () => {
    const retention = { rawDays: 40, rollup1mDays: 1, rollup5mDays: 1, rollupDays: 10 }
    for (const { level } of ROLLUPS) expect(keptDays(level, retention)).toBe(43)
  })

  it('never keeps fine rollups longer than the coarse ones', () => {
    expect(keptDays('5m', { ...DEFAULT_RETENTION, rollupDays: 60 })).toBe(60)
  })

  it('refuses samples a day before their neighbours go', () => {
    expect(NOW - oldestSampleMs(NOW, DEFAULT_RETENTION)).toBe(6 * DAY_MS)
    expect(NOW - oldestSampleMs(NOW, { ...DEFAULT_RETENTION, rawDays: 1 })).toBe(DAY_MS / 2)
  })
})

describe('bucketTimes', () => {
  it('starts at the bucket of the beginning and ends before the end', () => {
    expect(bucketTimes(61_000, 240_000, 60_000)).toEqual([60_000, 120_000, 180_000])
    expect(bucketTimes(60_000, 60_001, 60_000)).toEqual([60_000])
    expect(bucketTimes(60_000, 60_000, 60_000)).toEqual([])
  })
})

describe('planSegments', () => {
  it('reads ever finer tables towards the newest minutes', () => {
    const hour = 60 * MINUTE_MS
    const watermarks = { '1m': 10 * hour + 7 * MINUTE_MS, '5m': 10 * hour, '1h': 9 * hour, '1d': 0 }
    expect(planSegments('1h', 0, 11 * hour, watermarks)).toEqual([
      { source: 'metrics_1h', fromMs: 0, toMs: 9 * hour },
      { source: 'metrics_5m', fromMs: 9 * hour, toMs: 10 * hour },
      { source: 'metrics_1m', fromMs: 10 * hour, toMs: 10 * hour + 7 * MINUTE_MS },
      { source: 'metrics', fromMs: 10 * hour + 7 * MINUTE_MS, toMs: 11 * hour },
      { source: 'recent', fromMs: 10 * hour + 7 * MINUTE_MS, toMs: 11 * hour },
    ])
  })

  it('covers any range once, whatever the watermarks', () => {
    const time = fc.integer({ min: 0, max: 10 * DAY_MS })
    const watermarks = fc.record({ '1m': time, '5m': time, '1h': time, '1d': time })
    const level = fc.constantFrom('1m' as const, '5m' as const, '1h' as const, '1d' as const)
    fc.assert(
      fc.property(level, time, time, watermarks, (chosen, a, b, marks) => {
        const [fromMs, toMs] = a < b ? [a, b] : [b, a]
        const segments = planSegments(chosen, fromMs, toMs, marks).filter(({ source }) => source !== 'recent')
        let reached = fromMs
        for (const segment of segments) {
          expect(segment.fromMs).toBe(reached)
          expect(segment.toMs).toBeGreaterThan(segment.fromMs)
          reached = segment.toMs
        }
        expect(reached).toBe(toMs)
      }),
    )
  })
})

describe('ROLLUPS', () => {
  it('are each made of whole buckets of the one before', () => {
    for (const [index, rollup] of ROLLUPS.entries()) {
      const before = ROLLUPS[index - 1]
      if (!before) continue
      expect(rollup.finer).toBe(before.table)
      expect(rollup.stepMs % before.stepMs).toBe(0)
      expect(rollup.strideMs % rollup.stepMs).toBe(0)
    }
    expect(() => rollupOf('2m' as '1m')).toThrow(RangeError)
  })
})
