import { setTimeout as sleep } from 'node:timers/promises'
import { type Pace, PgLink } from '../db/snapshot/index.ts'

const FIRST_MS = 20
const LEAST_MS = 1
const MOST_MS = 500
const LOOK_EVERY_MS = 100
/** A server that always works, or never, makes a rest e times as long, or as short, in so many looks. */
const LOOKS = 4

/** Rests between the pieces that a program takes from the server or hands to it. */
export interface SteeredPace {
  /** To be called after each piece. @throws DbError when the server cannot be asked. */
  rest(): Promise<void>
  close(): Promise<void>
}

/**
 * Keeps the server's sessions of one program at work for the share of the time that `pace` asks for. Between the server
 * and whoever rests there are buffers of many rows, so that how long a piece took says nothing of the work with it:
 * ten times a second the server is asked whether it is at it, and the rests are made longer or shorter by that.
 *
 * @param url of the database that the program works on, as the same user.
 * @param program the `application_name` of its sessions.
 */
export async function steerPace(pace: Pace, url: string, program: string): Promise<SteeredPace> {
  const link = await PgLink.open(url)
  let restMs = FIRST_MS
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return {
    async rest() {
      if (!pace.isWanted()) return
      if (performance.now() - lookedAtMs < LOOK_EVERY_MS) {
        await sleep(restMs)
        return
      }
      // Any moment of a rest is as good as another: the work is at its beginning.
      const before = restMs * Math.random()
      await sleep(before)
      lookedAtMs = performance.now()
      const after = restMs - before
      restMs = steeredRest(restMs, await isAtWork(link, program), pace.share)
      await sleep(after)
    },
    close: () => link.close(),
  }
}

/** Whether the server works for `program` in the database of `link`, and does not wait for it. */
export async function isAtWork(link: PgLink, program: string): Promise<boolean> {
  const [found] = await link.texts(
    `
    SELECT 1 FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.application_name = $1 AND a.state = 'active'
      AND a.wait_event_type IS DISTINCT FROM 'Client'
    LIMIT 1
    `,
    [program],
  )
  return found !== undefined
}

/** How long to rest from now on: the same on average once the server works for that share of the rests. */
export function steeredRest(restMs: number, isWorking: boolean, share: number): number {
  const step = ((isWorking ? 1 : 0) - share) / LOOKS
  return Math.min(MOST_MS, Math.max(LEAST_MS, restMs * Math.exp(step)))
}
