/** A line, or a mark between lines (a container started or stopped). */
export interface LogEntry {
  /** unique in the viewer, never reused */
  id: number
  kind: 'line' | 'mark'
  /** key of the container it came from */
  source: string
  /** ISO 8601 UTC with up to nanoseconds; null when the engine gave none */
  at: string | null
  stream: 'stdout' | 'stderr'
  text: string
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | null
  /** the line went on, but a limit cut it */
  truncated?: boolean
}

export interface LogBuffer {
  readonly length: number
  /** Lines that arrived while held and wait for `release`. */
  readonly pending: number
  /** Lines that arrived while held but did not fit; they can be fetched again, they are not shown. */
  readonly missed: number
  readonly held: boolean
  get(index: number): LogEntry | undefined
  indexOf(id: number): number
  append(entries: readonly LogEntry[]): void
  prepend(entries: readonly LogEntry[]): void
  hold(): void
  release(): void
  clear(): void
  /** Everything shown, oldest first. */
  toArray(): LogEntry[]
}

/**
 * The newest `capacity` lines in a ring: appending never copies what is there, the oldest fall out. While held (the
 * reader has scrolled away) the ring stands still and new lines wait beside it, at most `capacity` of them.
 * Older lines put in front by hand may go beyond the capacity, up to five times it, until the next append trims them.
 */
export function createLogBuffer(capacity: number): LogBuffer {
  let slots: LogEntry[] = []
  // Index of the oldest line in `slots`; everything before it has fallen out and is cut off once in a while.
  let head = 0
  let waiting: LogEntry[] = []
  let missed = 0
  let held = false

  const add = (entries: readonly LogEntry[]) => {
    for (const entry of entries) insertByTime(entry)
    if (slots.length - head > capacity) head = slots.length - capacity
    if (head > capacity) {
      slots = slots.slice(head)
      head = 0
    }
  }
  // Several containers answer in turns: a line may be older than the last one shown, by little.
  const insertByTime = (entry: LogEntry) => {
    let position = slots.length
    if (entry.at !== null) {
      while (position > head && slots.length - position < 1000) {
        const before = slots[position - 1]
        if (
          before === undefined ||
          before.source === entry.source ||
          before.at === null ||
          before.at <= entry.at
        )
          break
        position -= 1
      }
    }
    if (position === slots.length) slots.push(entry)
    else slots.splice(position, 0, entry)
  }

  return {
    get length() {
      return slots.length - head
    },
    get pending() {
      return waiting.length
    },
    get missed() {
      return missed
    },
    get held() {
      return held
    },
    get: (index) => (index < 0 ? undefined : slots[head + index]),
    indexOf(id) {
      const found = slots.findIndex((entry, index) => index >= head && entry.id === id)
      return found === -1 ? -1 : found - head
    },
    append(entries) {
      if (!held) {
        add(entries)
        return
      }
      waiting.push(...entries)
      if (waiting.length > capacity) {
        missed += waiting.length - capacity
        waiting = waiting.slice(waiting.length - capacity)
      }
    },
    prepend(entries) {
      const room = capacity * 5 - (slots.length - head)
      const older = room > 0 ? entries.slice(-room) : []
      const shown = slots.slice(head)
      // Older lines of one container may be newer than what is shown of another.
      const oneSource = [older[0], ...shown].every((entry) => entry?.source === shown[0]?.source)
      slots = oneSource ? [...older, ...shown] : mergeByTime([older, shown])
      head = 0
    },
    hold() {
      held = true
    },
    release() {
      held = false
      add(waiting)
      waiting = []
      missed = 0
    },
    clear() {
      slots = []
      waiting = []
      head = 0
      missed = 0
    },
    toArray: () => slots.slice(head),
  }
}

/** Merges lines of several containers, each already in order, into one order by time; a line without time stays behind its predecessor. */
export function mergeByTime(lists: readonly (readonly LogEntry[])[]): LogEntry[] {
  const dated = lists.flatMap((list) => {
    let last = ''
    return list.map((entry) => {
      last = entry.at ?? last
      return { entry, time: last }
    })
  })
  // Array.sort is stable: equal times keep the order of their container.
  return dated.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).map(({ entry }) => entry)
}
