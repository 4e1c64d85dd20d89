import { setTimeout as sleep } from 'node:timers/promises'

/** Less than a scheduler's turn is not worth a rest. */
const LEAST_MS = 2
/** What waited for a lock, or was put to sleep with the machine, has not worked all that time. */
const LONGEST_REST_MS = 500

/** Leaves the machine to others for a part of the time, while there are others. */
export interface Pace {
  /** Of the time, that is worked while somebody else wants the machine. */
  readonly share: number
  /** Whether others want the machine now. */
  isWanted(): boolean
  /** To be called after each small piece, with what it took: once that adds up, rests as long as the share of work asks for. */
  rest(workedMs: number): Promise<void>
  /** For two works that go on at the same time: each has half of the share. */
  halves(): readonly [Pace, Pace]
}

/** @param share more than 0 and at most 1. */
export function createPace(share: number, isWanted: () => boolean): Pace {
  let sinceRestMs = 0
  return {
    share,
    isWanted,
    async rest(workedMs) {
      sinceRestMs += workedMs
      if (sinceRestMs < LEAST_MS) return
      const restMs = Math.min((sinceRestMs * (1 - share)) / share, LONGEST_REST_MS)
      sinceRestMs = 0
      if (isWanted()) await sleep(restMs)
    },
    halves: () => [createPace(share / 2, isWanted), createPace(share / 2, isWanted)],
  }
}
