/** Routes that read everything, or answer for as long as somebody listens. */
const SLOW_BY_NATURE = /^\/api\/storage\/|\/logs\b/
/** Health checks and collectors come at their hours, whether somebody is there or not; who follows a backup waits for it. */
const NO_REASON_TO_GIVE_WAY = /^\/health\/|^\/metrics$|^\/api\/backups$/
const MOST_REQUESTS = 200
const RECENT_MS = 5_000
const ENOUGH_REQUESTS = 20

export type RecentRequests = ReturnType<typeof createRecentRequests>

/** What work in the background gives way to: the requests of the last seconds. */
export function createRecentRequests() {
  const times: { atMs: number; tookMs: number }[] = []
  let askedAtMs = Number.NEGATIVE_INFINITY
  return {
    add(path: string, tookMs: number): void {
      const atMs = performance.now()
      if (!NO_REASON_TO_GIVE_WAY.test(path)) askedAtMs = atMs
      if (SLOW_BY_NATURE.test(path)) return
      times.push({ atMs, tookMs })
      if (times.length > MOST_REQUESTS) times.shift()
    },

    /** The slowest but one in a hundred; null when there were few. */
    p99Ms(): number | null {
      const since = performance.now() - RECENT_MS
      const took = times.flatMap((each) => (each.atMs >= since ? [each.tookMs] : [])).sort((a, b) => a - b)
      if (took.length < ENOUGH_REQUESTS) return null
      return took[Math.ceil(took.length * 0.99) - 1] ?? null
    },

    /** Whether a person, or a program in the name of one, has asked for something. */
    isAsked: (): boolean => performance.now() - askedAtMs < RECENT_MS,
  }
}
