import { setTimeout as sleep } from 'node:timers/promises'

/** Less than a scheduler's turn is not worth a rest. */
const LEAST_MS = 3
/** Whoever waited for a lock, or was put to sleep with the machine, has not worked all that time. */
const LONGEST_REST_MS = 500

/** Leaves the machine to others for a part of the time, while there are others. */
export interface Pace {
  /**
   * To be called after each small piece of work: once it adds up, rests as long as the share of work asks for.
   *
   * @param workedMs since the last call, where it is known better than by the clock.
   */
  rest(workedMs?: number): Promise<void>
  /** The same for work that goes on at the same time. */
  beside(): Pace
}

/**
 * @param share of the time that is worked while `isWanted`, more than 0 and at most 1.
 * @param isWanted whether others want the machine now.
 */
export function createPace(share: number, isWanted: () => boolean): Pace {
  let sinceMs = performance.now()
  let addedMs = 0
  return {
    async rest(workedMs) {
      addedMs = workedMs === undefined ? performance.now() - sinceMs : addedMs + workedMs
      if (addedMs < LEAST_MS) return
      const restMs = Math.min((addedMs * (1 - share)) / share, LONGEST_REST_MS)
      addedMs = 0
      if (isWanted()) await sleep(restMs)
      sinceMs = performance.now()
    },
    beside: () => createPace(share, isWanted),
  }
}
