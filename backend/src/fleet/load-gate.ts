/** Runs work once there is room for it, in the order it came. */
export type LoadGate = <T>(work: () => Promise<T>) => Promise<T>

/** The answers of `least` take some 25 ms; with fewer at once a loaded machine would not get through its samples. */
const LIMIT = { least: 64, most: 1024 }
const LOOK_MS = 100
const LATE_MS = 20
const BUSY_SHARE = 0.8

/**
 * Bounds what all endpoints ask at once. Answers that come in together are handled in one turn of the event loop, so
 * many fast engines would keep everybody else waiting: while the loop is busy and late there is room for less. An
 * engine that answers late leaves the loop idle: then there is room for more.
 */
export function createLoadGate(): LoadGate {
  const waiting: (() => void)[] = []
  let limit = LIMIT.least
  let active = 0
  let timer: NodeJS.Timeout | undefined

  function letIn(): void {
    while (active < limit && waiting.length > 0) {
      active++
      waiting.shift()?.()
    }
  }

  function look(dueMs: number, before: ReturnType<typeof performance.eventLoopUtilization>): void {
    const { utilization } = performance.eventLoopUtilization(before)
    timer = undefined
    if (active === 0) limit = Math.min(limit, LIMIT.least)
    else {
      // Room that nobody asks for would be there at once when fast engines come.
      if (waiting.length > 0) limit = nextLimit(limit, performance.now() - dueMs, utilization)
      letIn()
      watch()
    }
  }

  function watch(): void {
    if (timer) return
    const before = performance.eventLoopUtilization()
    const dueMs = performance.now() + LOOK_MS
    timer = setTimeout(() => look(dueMs, before), LOOK_MS)
    timer.unref()
  }

  return async (work) => {
    if (active < limit) active++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    watch()
    try {
      return await work()
    } finally {
      active--
      letIn()
    }
  }
}

/**
 * @param lateMs how late a timer came
 * @param busyShare of the time since the last look that the loop had something to do, 0 to 1
 */
export function nextLimit(limit: number, lateMs: number, busyShare: number): number {
  if (busyShare < BUSY_SHARE) return Math.min(LIMIT.most, Math.ceil(limit * 1.25))
  return lateMs > LATE_MS ? Math.max(LIMIT.least, Math.floor(limit * 0.7)) : limit
}
