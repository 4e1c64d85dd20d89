/** Waits; resolves early when `signal` fires, because whoever waits then looks at the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}

/** Runs `work` on every item with at most `limit` under way. Rejects with the first failure, after all have ended. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const item = items[next++]
      if (item !== undefined) await work(item)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** Exponential backoff with jitter: between half of and the whole of 1 s, 2 s, 4 s … `maxMs`. */
export function backoffMs(failures: number, random: () => number, maxMs = 60_000): number {
  const full = Math.min(maxMs, 1000 * 2 ** Math.min(failures - 1, 20))
  return full * (0.5 + random() / 2)
}

/** Lets one loop sleep until there is work. */
export interface Bell {
  ring(): void
  /** Resolves once it has been rung since the last wait ended; a ring while nobody waits is kept. */
  wait(): Promise<void>
}

/** @param signal rings it when it fires, so that the loop sees that it should end */
export function createBell(signal: AbortSignal): Bell {
  let rung = false
  let resume: (() => void) | undefined
  const ring = () => {
    rung = true
    resume?.()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    async wait() {
      if (!rung) {
        await new Promise<void>((resolve) => {
          resume = resolve
        })
      }
      rung = false
      resume = undefined
    },
  }
}

/** Runs one piece of work after the other, in the order they were given. */
export function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work, work)
    last = result
    return result
  }
}
