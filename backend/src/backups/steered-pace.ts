import { setTimeout as sleep } from 'node:timers/promises'
import { type Pace, PgLink } from '../db/snapshot/index.ts'

/** To begin with: what is found too long costs a moment, what is too short costs those who ask. */
const FIRST_MS = 200
const LEAST_MS = 1
const MOST_MS = 500
const LOOK_EVERY_MS = 100
/** A server that always works, or never, makes a rest e times as long, or as short, in so many looks. */
const LOOKS = 4
/** After the longest statements: a proof of a large database is not to take days. */
const MOST_AFTER_STATEMENT_MS = 60_000

/** Rests of a program's work in the server. */
export interface SteeredPace {
  /** To be called after each piece that it took from the server or was handed. @throws DbError when the server cannot be asked. */
  rest(): Promise<void>
  /**
   * Makes it rest between statements that nobody hands it, such as those that build indexes, which nothing can interrupt.
   *
   * @param over the end of the program.
   * @throws DbError when the server cannot be asked.
   */
  restBetweenStatements(over: Promise<void>): Promise<void>
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
    restBetweenStatements: (over) => restBetweenStatements(pace, link, program, over),
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

/**
 * Rests by a lock on the table in work: it is granted when the statement ends, the next one there waits for it, and it
 * goes with its session, so that a program whose master was killed does not wait for ever. Never more than one is held, and
 * nothing is waited for with it.
 */
async function restBetweenStatements(
  pace: Pace,
  link: PgLink,
  program: string,
  over: Promise<void>,
): Promise<void> {
  let isOver = false
  let isWaiting = false
  const ending = over.then(async () => {
    isOver = true
    // The server finishes an index also for a program that is gone.
    if (isWaiting) await link.cancel()
  })
  const orOver = (ms: number) => Promise.race([over, sleep(ms, undefined, { ref: false })])
  const restBehind = async (table: string) => {
    const sinceMs = performance.now()
    isWaiting = true
    try {
      await link.script(`SET LOCAL lock_timeout = 0; LOCK TABLE ONLY ${table} IN ROW EXCLUSIVE MODE`)
    } finally {
      isWaiting = false
    }
    const workedMs = performance.now() - sinceMs
    await orOver(Math.min(MOST_AFTER_STATEMENT_MS, (workedMs * (1 - pace.share)) / pace.share))
  }
  const resting = async () => {
    try {
      for (; !isOver; await orOver(LOOK_EVERY_MS)) {
        const table = pace.isWanted() ? await tableInWork(link, program) : undefined
        if (table !== undefined && !isOver) await link.transaction(() => restBehind(table))
      }
    } catch (error) {
      if (!isOver) throw error // cancelled otherwise
    }
  }
  await Promise.all([ending, resting()])
}

/** A table for which a session of `program` holds a lock that keeps writers away. */
async function tableInWork(link: PgLink, program: string): Promise<string | undefined> {
  const [found] = await link.texts(
    `
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_locks AS l
    JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.datname = current_database() AND a.application_name = $1
    JOIN pg_class AS c ON c.oid = l.relation AND c.relkind = 'r'
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE l.granted AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'AccessExclusiveLock')
    LIMIT 1
    `,
    [program],
  )
  return found?.[0] ?? undefined
}

/** How long to rest from now on: the same on average once the server works for that share of the rests. */
export function steeredRest(restMs: number, isWorking: boolean, share: number): number {
  const step = ((isWorking ? 1 : 0) - share) / LOOKS
  return Math.min(MOST_MS, Math.max(LEAST_MS, restMs * Math.exp(step)))
}
