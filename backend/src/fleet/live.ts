import type { Log } from '../core/log.ts'
import { consume, engineSeconds, toLogLine } from './container-logs.ts'
import { CounterTracker } from './counter-tracker.ts'
import { readContainerStats } from './docker/container-stats.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { LogFrameParser } from './docker/log-frames.ts'
import type { LiveSample } from './fleet.schema.ts'
import type { FleetState } from './fleet.state.ts'
import type { ContainerEntry } from './fleet-entries.ts'
import type { LogLine, LogLines } from './log.schema.ts'
import { guessLevel } from './log-level.ts'
import { pause } from './pause.ts'
import { eachContainerValue, liveValues } from './samples.ts'

export interface LiveDeps {
  readonly state: FleetState
  readonly sourceOf: (endpointId: number) => DockerSource | undefined
  readonly log: Log
}

interface Loop {
  stop(): void
}

const RETRY_MS = 1_000
const LIVE_GAP_MS = 3_500
const LOG_BATCH_MS = 100
const MAX_BATCH_LINES = 2_000
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/**
 * Streams the stats of a container, about one a second, for as long as somebody watches it. It goes on when the
 * container stops, starts or is made anew under its name.
 */
export function watchStats(
  deps: LiveDeps,
  target: { endpointId: number; name: string },
  emit: (sample: LiveSample) => void,
): Loop {
  return whileWatched(deps, target, async (source, entry, signal) => {
    const tracker = new CounterTracker(LIVE_GAP_MS)
    for await (const stats of source.statsStream(entry.summary.id, signal)) {
      const timeMs = Date.now()
      const reading = readContainerStats(stats, tracker, {
        timeMs,
        monotonicMs: performance.now(),
        epoch: '',
      })
      // The engine goes on sending empty readings after the container has stopped.
      if (!reading) return
      const values = liveValues((add) => eachContainerValue(reading, add))
      emit({ ...target, subject: 'container', timeMs, values })
    }
  })
}

/**
 * Follows the log of a container from now on, through restarts. Lines come in batches, ten a second at most; what is
 * beyond 2,000 lines or 4 MB in one of them is dropped, oldest first, and counted.
 */
export function watchLogs(
  deps: LiveDeps,
  target: { endpointId: number; name: string },
  emit: (lines: LogLines) => void,
): Loop {
  let batch: LogLine[] = []
  let batchBytes = 0
  let dropped = 0
  let seq = 0
  let lastAt: string | null = null
  const openedAt = new Date().toISOString()

  function flush(): void {
    if (batch.length === 0 && dropped === 0) return
    emit({ ...target, lines: batch, dropped })
    batch = []
    batchBytes = 0
    dropped = 0
  }
  const timer = setInterval(flush, LOG_BATCH_MS)

  const loop = whileWatched(deps, target, async (source, entry, signal) => {
    const resumeAt = lastAt
    const parser = new LogFrameParser(entry.inspected?.tty ?? false, (line) => {
      // `since` includes the line it names; the engine's timestamps all have nine digits, so text order is time order.
      if (resumeAt !== null && line.at !== null && line.at <= resumeAt) return
      lastAt = line.at ?? lastAt
      batch.push(toLogLine(line, guessLevel(line.text), seq++))
      batchBytes += line.text.length
      while (batch.length > MAX_BATCH_LINES || (batchBytes > MAX_BATCH_BYTES && batch.length > 1)) {
        batchBytes -= batch.shift()?.text.length ?? 0
        dropped++
      }
    })
    const request = { stdout: true, stderr: true, follow: true, since: engineSeconds(resumeAt ?? openedAt) }
    await consume(await source.logs(entry.summary.id, request, signal), parser)
  })
  return {
    stop() {
      clearInterval(timer)
      loop.stop()
    },
  }
}

/** Repeats `work` while the container runs and its endpoint is connected, until stopped. */
function whileWatched(
  deps: LiveDeps,
  target: { endpointId: number; name: string },
  work: (source: DockerSource, entry: ContainerEntry, signal: AbortSignal) => Promise<void>,
): Loop {
  const abort = new AbortController()
  const run = async () => {
    // A container that has ended still has its last words to give, once per start.
    let readEnded = ''
    while (!abort.signal.aborted) {
      const source = deps.sourceOf(target.endpointId)
      const entry = deps.state.findContainer(target.endpointId, target.name)
      const key = entry ? `${entry.summary.id} ${entry.summary.startedAt ?? ''}` : ''
      if (source && entry && (entry.summary.state === 'running' || readEnded !== key)) {
        if (entry.summary.state !== 'running') readEnded = key
        try {
          await work(source, entry, abort.signal)
        } catch (error) {
          if (abort.signal.aborted) return
          deps.log.debug({ err: error, ...target }, 'a live stream ended')
        }
      }
      await pause(RETRY_MS, abort.signal)
    }
  }
  void run()
  return { stop: () => abort.abort() }
}
