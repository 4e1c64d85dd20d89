import type { Log } from '../core/log.ts'
import { isStorable } from '../core/text.ts'
import { isDbError } from '../db/db-errors.ts'
import { keyText, type MetricsStore, type SampleRow, type SeriesKey } from './metrics.store.ts'
import { DAY_MS, type MetricsRetention, oldestSampleMs } from './resolution.ts'
import { unitOf } from './units.ts'

export interface Sample extends SeriesKey {
  readonly timeMs: number
  readonly value: number
}

export interface RecorderStats {
  /** Samples that wait to be written. */
  readonly queueLength: number
  readonly writtenSamples: number
  /** Taken but lost: the queue was full, or the store refused them. */
  readonly droppedSamples: number
  /** Not taken: no finite number, a time too far in the past or the future, a name that no store can hold. */
  readonly refusedSamples: number
}

export interface RecorderLimits {
  /** A flush begins when this many samples wait. */
  readonly flushRows: number
  /** A flush begins this many ms after the first sample. */
  readonly flushMs: number
  /** Samples that may wait; the oldest are dropped beyond it. */
  readonly maxQueue: number
  /** Series whose ids are remembered; the least recently sampled are forgotten beyond it. */
  readonly maxSeries: number
}

export const RECORDER_LIMITS: RecorderLimits = {
  flushRows: 5_000,
  flushMs: 1_000,
  maxQueue: 200_000,
  maxSeries: 200_000,
}

/** Beyond this a bucket's sum could pass what a double holds, and PostgreSQL would refuse the rollup. */
const MAX_MAGNITUDE = 1e300
const RETRY_MS = 5_000

/** An index key of PostgreSQL ends at 2,704 bytes. */
const MAX_KEY_CHARACTERS = 500

/** What will pass by itself: the samples are kept for it. */
const PASSING = new Set([
  'unavailable',
  'busy',
  'deadlock',
  'serialization',
  'timeout',
  'disk-full',
  'read-only',
])

function willPass(error: unknown): boolean {
  return isDbError(error) && PASSING.has(error.kind)
}

interface CachedSeries {
  readonly id: number
  latestMs: number
}

export type Recorder = ReturnType<typeof createRecorder>

/** Takes samples at once and writes them in batches; while the store is away they wait. */
export function createRecorder(deps: {
  store: Pick<MetricsStore, 'ensureSeries' | 'write'>
  clock: () => number
  log: Log
  retention: () => MetricsRetention
  limits?: Partial<RecorderLimits>
}) {
  const limits = { ...RECORDER_LIMITS, ...deps.limits }
  const cache = new Map<string, CachedSeries>()
  let queue: Sample[] = []
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> | undefined
  let closed = false
  let failing = false
  let overflowing = false
  let written = 0
  let dropped = 0
  let refused = 0

  function isAcceptable({ name, metric, instance, timeMs, value }: Sample, nowMs: number): boolean {
    const text = `${name}${metric}${instance}`
    return (
      Math.abs(value) <= MAX_MAGNITUDE &&
      text.length <= MAX_KEY_CHARACTERS &&
      isStorable(text) &&
      Number.isSafeInteger(timeMs) &&
      timeMs <= nowMs + DAY_MS &&
      timeMs >= oldestSampleMs(nowMs, deps.retention())
    )
  }

  function schedule(delayMs: number): void {
    if (timer || closed) return
    timer = setTimeout(() => {
      timer = undefined
      void flush()
    }, delayMs)
    timer.unref()
  }

  function trim(): void {
    const excess = queue.length - limits.maxQueue
    if (excess <= 0) return
    queue.splice(0, excess)
    dropped += excess
    if (!overflowing) deps.log.warn({ queued: queue.length }, 'the oldest samples are lost: too many wait')
    overflowing = true
  }

  function flush(): Promise<void> {
    flushing ??= drain().finally(() => {
      flushing = undefined
      if (queue.length > 0) schedule(failing ? RETRY_MS : limits.flushMs)
    })
    return flushing
  }

  async function drain(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    while (queue.length > 0) {
      const batch = queue.splice(0, limits.flushRows)
      try {
        await writeBatch(batch).catch((error: unknown) => {
          if (willPass(error)) throw error
          // Remembered ids may be of series that a restore or a retention run has taken away.
          cache.clear()
          return writeBatch(batch)
        })
        written += batch.length
        if (failing) deps.log.info({ queued: queue.length }, 'samples are written again')
        failing = false
      } catch (error) {
        const passing = willPass(error)
        if (passing) {
          queue = [...batch, ...queue]
          trim()
        } else dropped += batch.length
        if (!failing)
          deps.log.warn({ err: error, samples: batch.length, kept: passing }, 'samples not written')
        failing = true
        if (passing) return
      }
    }
    if (overflowing) deps.log.info({ lost: dropped }, 'no samples wait any more')
    overflowing = false
  }

  async function writeBatch(batch: readonly Sample[]): Promise<void> {
    // One statement must not touch a row twice: the last value of a series and time counts.
    const newest = new Map<string, Map<number, Sample>>()
    for (const sample of batch) {
      const text = keyText(sample)
      const byTime = newest.get(text)
      if (byTime) byTime.set(sample.timeMs, sample)
      else newest.set(text, new Map([[sample.timeMs, sample]]))
    }
    await remember(
      [...newest].flatMap(([text, byTime]) => (cache.has(text) ? [] : [...byTime.values()].slice(0, 1))),
    )

    const samples: SampleRow[] = []
    const latest: SampleRow[] = []
    const advanced: [CachedSeries, number][] = []
    for (const [text, byTime] of newest) {
      const series = cache.get(text)
      if (!series) throw new Error('a series was not made')
      cache.delete(text)
      cache.set(text, series)
      let last: SampleRow | undefined
      for (const { timeMs, value } of byTime.values()) {
        // -0 would come back as 0 from one engine and as -0 from the other.
        const row = { seriesId: series.id, timeMs, value: value + 0 }
        samples.push(row)
        if (timeMs >= (last?.timeMs ?? series.latestMs)) last = row
      }
      if (last) {
        latest.push(last)
        advanced.push([series, last.timeMs])
      }
    }
    await deps.store.write(samples, latest)
    for (const [series, latestMs] of advanced) series.latestMs = latestMs
    for (const text of cache.keys()) {
      if (cache.size <= limits.maxSeries) break
      cache.delete(text)
    }
  }

  async function remember(unknown: readonly Sample[]): Promise<void> {
    const keys = unknown.map((sample) => ({ ...sample, unit: unitOf(sample.metric) }))
    for (const series of await deps.store.ensureSeries(keys)) {
      cache.set(keyText(series), { id: series.id, latestMs: series.latestMs ?? Number.NEGATIVE_INFINITY })
    }
  }

  return {
    /** Never blocks and never throws; what is not taken is counted. After `close` nothing is taken. */
    record(samples: readonly Sample[]): void {
      const nowMs = deps.clock()
      for (const sample of samples) {
        if (!closed && isAcceptable(sample, nowMs)) queue.push(sample)
        else refused += 1
      }
      trim()
      if (queue.length >= limits.flushRows && !failing) void flush()
      else if (queue.length > 0) schedule(failing ? RETRY_MS : limits.flushMs)
    },

    /** Writes what waits. Resolves also when the store refuses it: it is then kept or counted as dropped. */
    flush,

    /** Forgets the ids of series; needed after series were deleted. */
    forget(): void {
      cache.clear()
    },

    /** Takes no more samples and writes what waits. */
    async close(): Promise<void> {
      closed = true
      clearTimeout(timer)
      timer = undefined
      await flushing
      await flush()
      clearTimeout(timer)
    },

    stats(): RecorderStats {
      return {
        queueLength: queue.length,
        writtenSamples: written,
        droppedSamples: dropped,
        refusedSamples: refused,
      }
    },
  }
}
