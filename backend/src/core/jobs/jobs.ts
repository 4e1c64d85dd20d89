import { Cron } from 'croner'
import { isDbError } from '../../db/db-errors.ts'
import type { Log } from '../log.ts'

export interface Job {
  readonly name: string
  /** Seconds between the end of one run and the start of the next, or a cron pattern (UTC). */
  readonly every: number | string
  /** Run once right after `start()`, besides the schedule. */
  readonly atStart?: boolean
  /** `signal` fires when the product stops; a long run should then end early at a safe point. */
  run(signal: AbortSignal): Promise<void>
}

export interface Jobs {
  add(job: Job): void
  start(): void
  /** Runs a job now, besides its schedule; one that is under way counts. Does nothing for a name nobody added. */
  run(name: string): Promise<void>
  /** Starts no more runs, and resolves when those under way have ended. */
  stop(): Promise<void>
}

/** Runs each job on its schedule, never twice at once. A run that fails is logged, and the next one comes as planned. */
export function createJobs(deps: { log: Log }): Jobs {
  const stopping = new AbortController()
  const jobs: Job[] = []
  const stops: (() => void)[] = []
  const running = new Map<string, Promise<void>>()
  let started = false

  async function attempt(job: Job): Promise<void> {
    try {
      await job.run(stopping.signal)
    } catch (error) {
      if (stopping.signal.aborted) return
      // The storage has told about it already, and the job comes again.
      if (isDbError(error, 'unavailable'))
        deps.log.debug({ err: error, job: job.name }, 'job waits for its store')
      else deps.log.error({ err: error, job: job.name }, 'job failed')
    } finally {
      running.delete(job.name)
    }
  }

  function runOnce(job: Job): Promise<void> {
    if (stopping.signal.aborted) return Promise.resolve()
    const current = running.get(job.name)
    if (current !== undefined) return current
    const run = attempt(job)
    running.set(job.name, run)
    return run
  }

  function scheduleInterval(job: Job, seconds: number): void {
    let timer: NodeJS.Timeout
    const next = () => {
      timer = setTimeout(() => void runOnce(job).then(next), seconds * 1000)
      timer.unref()
    }
    next()
    stops.push(() => clearTimeout(timer))
  }

  function schedule(job: Job): void {
    if (typeof job.every === 'number') scheduleInterval(job, job.every)
    else {
      const cron = new Cron(job.every, { timezone: 'UTC', unref: true }, () => runOnce(job))
      stops.push(() => cron.stop())
    }
    if (job.atStart) void runOnce(job)
  }

  return {
    add(job) {
      jobs.push(job)
      if (started) schedule(job)
    },
    start() {
      if (started) return
      started = true
      jobs.forEach(schedule)
    },
    async run(name) {
      const job = jobs.find((each) => each.name === name)
      if (job && started) await runOnce(job)
    },
    async stop() {
      stopping.abort()
      for (const stop of stops) stop()
      await Promise.all(running.values())
    },
  }
}
