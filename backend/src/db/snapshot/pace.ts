import { setTimeout as sleep } from 'node:timers/promises'

/** Less than a scheduler's turn is not worth a rest. */
const LEAST_MS = 3
/** Whoever waited for a lock, or was put to sleep with the machine, has not worked all that time. */
const LONGEST_REST_MS = 500

/** Leaves the machine to others for a part of the time, while there are others. */
export interface Pace {
  /** Of the time, that is worked while somebody else wants the machine. */
  readonly share: number
  /** Whether others want the machine now. */
  isWanted(): boolean
  /** To be called after each small piece of work: once it adds up, rests as long as the share of work asks for. */
  rest(): Promise<void>
  /** For two works that go on at the same time: each has half of the share. */
  halves(): readonly [Pace, Pace]
}

/** @param share more than 0 and at most 1. */
export function createPace(share: number, isWanted: () => boolean): Pace {
  let sinceMs = performance.now()
  return {
    share,
    isWanted,
    async rest() {
      const workedMs = performance.now() - sinceMs
      if (workedMs < LEAST_MS) return
      if (isWanted()) await sleep(Math.min((workedMs * (1 - share)) / share, LONGEST_REST_MS))
      sinceMs = performance.now()
    },
    halves: () => [createPace(share / 2, isWanted), createPace(share / 2, isWanted)],
  }
}
