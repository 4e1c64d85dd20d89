import { describe, expect, it } from 'vitest'
import { CounterTracker } from './counter-tracker.ts'

/** A tracker read every ten seconds, each step given as [source ms, monotonic ms, value, epoch]. */
function rates(steps: readonly (readonly [number, number, number, string?])[], maxGapMs = 30_000) {
  const tracker = new CounterTracker(maxGapMs)
  return steps.map(([source, monotonic, value, epoch]) => {
    tracker.begin(source, monotonic, epoch ?? 'a')
    return tracker.rate('bytes', value)
  })
}

describe('CounterTracker', () => {
  it('gives the increase per second from the second reading on', () => {
    expect(
      rates([
        [0, 500, 100],
        [10_000, 10_500, 1_100],
        [20_000, 20_500, 1_100],
      ]),
    ).toEqual([null, 100, 0])
  })

  it('has no rate at the step where the counter was reset, and goes on after it', () => {
    expect(
      rates([
        [0, 0, 5_000],
        [10_000, 10_000, 20],
        [20_000, 20_000, 1_020],
      ]),
    ).toEqual([null, null, 100])
  })

  it('has no rate after a restart, even when the counter is already above its old value', () => {
    expect(
      rates([
        [0, 0, 10, 'a'],
        [10_000, 10_000, 50_000, 'b'],
        [20_000, 20_000, 60_000, 'b'],
      ]),
    ).toEqual([null, null, 1_000])
  })

  it('takes an unknown start time for the same run', () => {
    expect(
      rates([
        [0, 0, 0, ''],
        [10_000, 10_000, 100, 'a'],
      ]),
    ).toEqual([null, 10])
  })

  it('has no rate after a gap of more than three intervals', () => {
    expect(
      rates([
        [0, 0, 0],
        [30_001, 30_001, 100],
        [40_001, 40_001, 200],
      ]),
    ).toEqual([null, null, 10])
    expect(
      rates([
        [0, 0, 0],
        [30_000, 30_000, 300],
      ]),
    ).toEqual([null, 10])
  })

  it('has no rate when the clock of the source jumps forward or back', () => {
    expect(
      rates([
        [0, 0, 0],
        [25_000, 10_000, 100],
        [35_000, 20_000, 200],
      ]),
    ).toEqual([null, null, 10])
    expect(
      rates([
        [90_000, 0, 0],
        [80_000, 10_000, 100],
        [90_000, 20_000, 200],
      ]),
    ).toEqual([null, null, 10])
  })

  it('has no rate after a sleep, when only the wall clock went on', () => {
    expect(
      rates([
        [0, 0, 0],
        [25_000, 5_000, 100],
      ]),
    ).toEqual([null, null])
  })

  it('bears that an answer waited for some seconds', () => {
    expect(
      rates([
        [0, 0, 0],
        [10_000, 13_000, 100],
      ]),
    ).toEqual([null, 10])
  })

  it('has no rate for a counter that was absent at the last reading', () => {
    const tracker = new CounterTracker(30_000)
    tracker.begin(0, 0)
    tracker.rate('eth0', 5)
    tracker.begin(1_000, 1_000)
    expect(tracker.rate('eth0', 6)).toBe(1)
    expect(tracker.rate('eth1', 1_000_000)).toBeNull()
  })

  it('has no rate twice in the same moment', () => {
    expect(
      rates([
        [0, 0, 0],
        [0, 0, 100],
      ]),
    ).toEqual([null, null])
  })
})
