import { describe, expect, it } from 'vitest'
import { createSampleLanes } from './sample-lanes.ts'

const INTERVAL_MS = 10_000

describe('createSampleLanes', () => {
  it('asks more at once where the engine is slow, and fewer again', () => {
    const lanes = createSampleLanes(INTERVAL_MS)
    expect(lanes.now()).toBe(24)
    lanes.adapt(100 * 1500, 0)
    expect(lanes.now()).toBe(38)
    lanes.adapt(1_000_000, 0)
    expect(lanes.now()).toBe(64)
    lanes.adapt(100 * 5, 0)
    expect(lanes.now()).toBe(6)
  })

  it('does not take its own slowness for that of the engine', () => {
    const lanes = createSampleLanes(INTERVAL_MS)
    lanes.adapt(100 * 1500, 0.98)
    expect(lanes.now()).toBe(6)
  })
})
