import { describe, expect, it } from 'vitest'
import { createSampleLanes } from './sample-lanes.ts'

const INTERVAL_MS = 10_000

describe('createSampleLanes', () => {
  it.each([
    [1, 24],
    [5, 24],
    [20, 6],
    [50, 3],
    [1000, 1],
  ])('shares the first lanes among %i endpoints: %i each', (endpoints, each) => {
    expect(createSampleLanes(INTERVAL_MS, () => endpoints).sampling()).toBe(each)
  })

  it('asks more at once where the engine is slow, and fewer again', () => {
    const lanes = createSampleLanes(INTERVAL_MS, () => 50)
    lanes.adapt(100 * 1500, 0)
    expect(lanes.sampling()).toBe(38)
    lanes.adapt(1_000_000, 0)
    expect(lanes.sampling()).toBe(64)
    lanes.adapt(100 * 5, 0)
    expect(lanes.sampling()).toBe(3)
  })

  it('does not take its own slowness for that of the engine', () => {
    const lanes = createSampleLanes(INTERVAL_MS, () => 50)
    lanes.adapt(100 * 1500, 0.98)
    expect(lanes.sampling()).toBe(3)
  })

  it('goes by the endpoints that there are now', () => {
    let endpoints = 1
    const lanes = createSampleLanes(INTERVAL_MS, () => endpoints)
    expect(lanes.inspecting()).toBe(4)
    endpoints = 120
    lanes.adapt(10, 0)
    expect([lanes.inspecting(), lanes.sampling()]).toEqual([1, 1])
  })
})
