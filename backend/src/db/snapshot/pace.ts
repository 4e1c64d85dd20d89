import { setTimeout as sleep } from 'node:timers/promises'

/** Less than a scheduler's turn is not worth a rest. */
const LEAST_MS = 3

/** Leaves the machine to others for a part of the time, while there are others. */
export interface Pace {
  /** To be called after each small piece of work: once it adds up, rests as long as the share of work asks for. */
  rest(): Promise<void>
  /** The same for work that goes on at the same time. */
  beside(): Pace
}

/**
 * @param share of the time that is worked while `isWanted`, more than 0 and at most 1.
 * @param isWanted whether others want the machine now.
 */
export function createPace(share: number, isWanted: () => boolean): Pace {
  let sinceMs = performance.now()
  return {
    async rest() {
      const workedMs = performance.now() - sinceMs
      if (workedMs < LEAST_MS) return
      if (isWanted()) await sleep((workedMs * (1 - share)) / share)
      sinceMs = performance.now()
    },
    beside: () => createPace(share, isWanted),
  }
}
