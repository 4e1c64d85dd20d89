/** How many containers of one endpoint are asked at once. */
export interface SampleLanes {
  now(): number
  /**
   * @param waitedMs sum of the times from asking to the answer, of one cycle
   * @param busyShare of that cycle in which this process had something to do, 0 to 1
   */
  adapt(waitedMs: number, busyShare: number): void
}

const LANES = { first: 24, least: 6, most: 64 }
/** Share of the interval that a cycle may take. */
const CYCLE_SHARE = 0.4

export function createSampleLanes(intervalMs: number): SampleLanes {
  let lanes = LANES.first
  return {
    now: () => lanes,
    // So that the waiting of a whole cycle fits in its share of the interval: engines before version 24 hold each answer
    // until their next second, and slow links do the same. What this process kept itself waiting is no reason to ask
    // more at once: it would only be busier.
    adapt(waitedMs, busyShare) {
      const needed = Math.ceil((waitedMs * (1 - busyShare)) / (intervalMs * CYCLE_SHARE))
      lanes = Math.min(LANES.most, Math.max(LANES.least, needed))
    },
  }
}
