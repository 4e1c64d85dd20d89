import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { StorageControl } from '../db/storage-control.ts'

const RESOLUTION_MS = 10
const PROBE_EVERY_MS = 250
const LIMITS_MS = { loop: 40, request: 500, sqlite: 150, postgres: 150 } as const

export interface Throttle {
  /** Why copying should wait now; null when it need not. */
  reason(): string | null
  /** Resolves when the product is well again, or `signal` ends the wait. Returns the seconds waited. */
  rest(signal: AbortSignal): Promise<number>
  stop(): void
}

/**
 * Holds copying back for the sake of the product: its event loop, its requests, and how long a write waits for the
 * SQLite file or a query for a PostgreSQL connection. Probes run only while somebody has copied lately.
 */
export function createThrottle(deps: {
  readonly control: StorageControl
  /** Recent p99 of requests; null when there were none. */
  readonly requestP99Ms: () => number | null
}): Throttle {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const waits = { loop: 0, sqlite: 0, postgres: 0 }
  let timer: NodeJS.Timeout | undefined
  let askedAt = 0
  let probing = false

  async function probe(): Promise<void> {
    waits.loop = Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS)
    histogram.reset()
    if (probing) return
    probing = true
    try {
      const { control } = deps
      const [sqlite, postgres] = await Promise.all([
        timed(async () => control.store('sqlite')?.connection(() => Promise.resolve())),
        timed(async () => control.store('postgres')?.db.healthCheck()),
      ])
      waits.sqlite = sqlite
      waits.postgres = postgres
    } finally {
      probing = false
    }
  }

  function watch(): void {
    askedAt = performance.now()
    if (timer) return
    histogram.enable()
    timer = setInterval(() => {
      if (performance.now() - askedAt > 10_000) stop()
      else void probe()
    }, PROBE_EVERY_MS)
    timer.unref()
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    histogram.disable()
    Object.assign(waits, { loop: 0, sqlite: 0, postgres: 0 })
  }

  function reason(): string | null {
    const request = deps.requestP99Ms()
    if (waits.loop > LIMITS_MS.loop) return `the event loop is ${Math.round(waits.loop)} ms late`
    if (request !== null && request > LIMITS_MS.request)
      return `requests take ${Math.round(request)} ms (p99)`
    if (waits.sqlite > LIMITS_MS.sqlite) return `writes wait ${Math.round(waits.sqlite)} ms for SQLite`
    if (waits.postgres > LIMITS_MS.postgres)
      return `PostgreSQL answers after ${Math.round(waits.postgres)} ms`
    return null
  }

  return {
    reason,
    async rest(signal) {
      watch()
      const started = performance.now()
      // A little progress is always made: a product that is busy for good must not keep the move from ending.
      while (reason() !== null && !signal.aborted && performance.now() - started < 2_000) {
        askedAt = performance.now()
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      return (performance.now() - started) / 1000
    },
    stop,
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  try {
    await work()
  } catch {
    return 0 // a store that is away is no reason to wait: the copy itself will say so
  }
  return performance.now() - started
}
