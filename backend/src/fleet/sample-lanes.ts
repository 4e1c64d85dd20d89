/** How many containers of one endpoint are asked at once. */
export interface SampleLanes {
  sampling(): number
  inspecting(): number
  /**
   * @param waitedMs sum of the times from asking to the answer, of one cycle
   * @param busyShare of that cycle in which this process had something to do, 0 to 1
   */
  adapt(waitedMs: number, busyShare: number): void
}

const SAMPLING = { first: 24, least: 6, most: 64 }
const INSPECTING = 4
/**
 * What all endpoints share where no slow engine asks for more: answers that come in together are handled in one turn
 * of the event loop, and at a start all endpoints begin together.
 */
const OF_ALL = 120
/** Share of the interval that a cycle may take. */
const CYCLE_SHARE = 0.4

/** @param endpoints how many there are now */
export function createSampleLanes(intervalMs: number, endpoints: () => number): SampleLanes {
  const share = () => Math.ceil(OF_ALL / Math.max(1, endpoints()))
  let lanes = Math.min(SAMPLING.first, share())
  return {
    sampling: () => lanes,
    inspecting: () => Math.min(INSPECTING, share()),
    // So that the waiting of a whole cycle fits in its share of the interval: engines before version 24 hold each answer
    // until their next second, and slow links do the same. What this process kept itself waiting is no reason to ask
    // more at once: it would only be busier.
    adapt(waitedMs, busyShare) {
      const needed = Math.ceil((waitedMs * (1 - busyShare)) / (intervalMs * CYCLE_SHARE))
      lanes = Math.min(SAMPLING.most, Math.max(Math.min(SAMPLING.least, share()), needed))
    },
  }
}
