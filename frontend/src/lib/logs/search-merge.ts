import { type LogEntry, mergeByTime } from '../../ui/log-viewer/log-buffer.ts'

interface Progress {
  entries: readonly LogEntry[]
  skipped: boolean
  at: string | null
}

/** What can be shown now. `clear`: nothing shown before adjoins it. */
interface Released {
  entries: LogEntry[]
  clear: boolean
}

interface Source {
  waiting: LogEntry[]
  /** every line up to this time has been looked at */
  reached: string
  /** a line of it is shown, so that marks explain something */
  started: boolean
}

/** Later than every time. */
const END = '\uffff'

/**
 * Brings searches of several logs into one order while they run, each from old to new: a line is shown once every
 * search has passed its time. Marks come among them, but for those from before the first line of their container.
 */
export function createSearchMerge(marks: ReadonlyMap<string, readonly LogEntry[]>) {
  const sources = new Map<string, Source>()
  for (const [key, waiting] of marks) {
    sources.set(key, { waiting: mergeByTime([waiting]), reached: '', started: false })
  }
  // Before it, lines of a container that found too many are missing.
  let floor = ''

  function release(clear: boolean): Released {
    const bound = [...sources.values()].reduce(
      (least, { reached }) => (reached < least ? reached : least),
      END,
    )
    const ready = [...sources.values()].map((source) => {
      const later = source.waiting.findIndex((entry) => entry.at !== null && entry.at > bound)
      return source.waiting.splice(0, later === -1 ? source.waiting.length : later)
    })
    const entries = mergeByTime(ready).filter((entry) => {
      if (entry.at !== null && entry.at < floor) return false
      const source = sources.get(entry.source)
      if (!source) return false
      if (entry.kind === 'line') source.started = true
      return source.started
    })
    return { entries, clear }
  }

  return {
    take(key: string, { entries, skipped, at }: Progress): Released {
      const source = sources.get(key)
      if (!source) return { entries: [], clear: false }
      if (skipped) {
        floor = entries[0]?.at ?? floor
        for (const each of sources.values()) each.started = false
      }
      source.waiting = mergeByTime([source.waiting, entries])
      source.reached = at ?? source.reached
      return release(skipped)
    },
    /** That search has ended, whatever the way: nothing waits for it any more. */
    finish(key: string): Released {
      const source = sources.get(key)
      if (source) source.reached = END
      return release(false)
    },
  }
}
