import { createLogBuffer, type LogBuffer, type LogEntry } from './log-buffer.ts'

/** Lines kept on screen. At 10,000 a scroll bar still says something and a phone still breathes. */
const CAPACITY = 10_000
const FLUSH_MS = 50

export interface LogFeed {
  readonly buffer: LogBuffer
  /** Grows with every change of the buffer; for useSyncExternalStore. */
  version(): number
  subscribe(listener: () => void): () => void
  /** Takes live lines; they reach the buffer together, in the next animation frame. */
  push(entries: readonly LogEntry[]): void
  /** Changes the buffer at once: loading, prepending, holding. Lines still waiting go first. */
  change(work: (buffer: LogBuffer) => void): void
}

/**
 * A buffer that repaints at most every 50 ms, whatever the rate of lines. In a hidden tab no frames come: the queue is
 * then bounded like the buffer, and its oldest lines are those that would have left the buffer anyway.
 */
export function createLogFeed(schedule: (work: () => void) => void = afterFrame): LogFeed {
  const buffer = createLogBuffer(CAPACITY)
  const listeners = new Set<() => void>()
  let queue: LogEntry[] = []
  let version = 0
  let scheduled = false

  const changed = () => {
    version += 1
    for (const listener of listeners) listener()
  }
  const drain = () => {
    if (queue.length === 0) return false
    const entries = queue
    queue = []
    buffer.append(entries)
    return true
  }

  return {
    buffer,
    version: () => version,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    push(entries) {
      for (const entry of entries) queue.push(entry)
      if (queue.length > CAPACITY * 2) queue = queue.slice(-CAPACITY)
      if (scheduled) return
      scheduled = true
      schedule(() => {
        scheduled = false
        if (drain()) changed()
      })
    },
    change(work) {
      drain()
      work(buffer)
      changed()
    },
  }
}

function afterFrame(work: () => void) {
  setTimeout(() => requestAnimationFrame(work), FLUSH_MS)
}
