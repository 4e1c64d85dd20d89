import type { LogEntry } from '../../ui/log-viewer/log-buffer.ts'
import { mergeByTime } from '../../ui/log-viewer/log-buffer.ts'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'
import type { LogSearchEnd } from '../api/types.ts'
import { fetchMarks, type LogTarget, targetKey } from './fetch-logs.ts'
import { searchLines } from './search-logs.ts'
import { createSearchMerge } from './search-merge.ts'

/** What a search says of itself while it runs and after it. */
export interface SearchState {
  /** `stopped` by the reader */
  phase: 'running' | 'stopped' | 'done'
  /** lines looked at, of all containers */
  scanned: number
  found: number
  /** what ended it before the beginning of a log */
  limit: LogSearchEnd['limit']
  /** time of the line looked at last while it runs or when it is stopped; after it, how far back it got */
  at: string | null
}

interface SearchRun {
  targets: readonly LogTarget[]
  filter: LogFilter
  /** the reader stops it: what is found stays */
  stop: AbortSignal
  /** the page leaves: nothing is told any more */
  signal: AbortSignal
  onState: (state: SearchState) => void
}

export interface SearchOutcome {
  state: SearchState
  /** containers with lines that nobody has looked at, or more matches than were asked for */
  older: Set<string>
  /** time of the newest line looked at, by container */
  seenUntil: Map<string, string>
  /** time of the oldest line looked at, by container */
  from: Map<string, string>
}

/**
 * Searches the newest lines and shows matches as they are found.
 *
 * @throws what the first failing search throws, when all others have ended
 */
export async function runSearch(run: SearchRun, show: (entries: LogEntry[], clear: boolean) => void) {
  const marks = await Promise.all(run.targets.map((target) => fetchMarks(target, run.signal)))
  const merge = createSearchMerge(
    new Map(run.targets.map((target, index) => [targetKey(target), marks[index] ?? []])),
  )
  return searchAll(run, {
    window: () => ({}),
    onStep(key, step) {
      const { entries, clear } = merge.take(key, step)
      if (clear || entries.length > 0) show(entries, clear)
    },
    onEnd: (key) => show(merge.finish(key).entries, false),
  })
}

/** Searches lines before what is shown. Matches come at the end: newer ones are looked for first. */
export async function runOlderSearch(run: SearchRun, untilOf: (key: string) => string) {
  const found: LogEntry[] = []
  const outcome = await searchAll(run, {
    window: (key) => ({ until: untilOf(key) }),
    onStep: (key, { entries }) =>
      found.push(...entries.filter((entry) => entry.at !== null && entry.at < untilOf(key))),
    onEnd: () => {},
  })
  return { ...outcome, entries: mergeByTime([found]) }
}

interface Hooks {
  window: (key: string) => { until?: string }
  onStep: (key: string, step: { entries: LogEntry[]; skipped: boolean; at: string | null }) => void
  onEnd: (key: string) => void
}

async function searchAll(run: SearchRun, { window, onStep, onEnd }: Hooks): Promise<SearchOutcome> {
  const { targets, filter, stop, signal, onState } = run
  const scanned = new Map<string, number>()
  const outcome: SearchOutcome = {
    state: { phase: 'running', scanned: 0, found: 0, limit: null, at: null },
    older: new Set(),
    seenUntil: new Map(),
    from: new Map(),
  }
  const tell = (change: Partial<SearchState>) => {
    const total = [...scanned.values()].reduce((sum, each) => sum + each, 0)
    outcome.state = { ...outcome.state, ...change, scanned: total }
    if (!signal.aborted) onState(outcome.state)
  }
  tell({})
  const either = AbortSignal.any([stop, signal])
  const search = async (target: LogTarget) => {
    const key = targetKey(target)
    try {
      const end = await searchLines(target, filter, window(key), either, (step) => {
        if (either.aborted) return
        scanned.set(key, step.scanned)
        if (step.at !== null) outcome.seenUntil.set(key, step.at)
        if (step.skipped) outcome.older.add(key)
        onStep(key, step)
        tell({ found: outcome.state.found + step.entries.length, at: step.at })
      })
      scanned.set(key, end.scanned)
      if (end.from !== null) outcome.from.set(key, end.from)
      if (end.truncated) outcome.older.add(key)
      if (end.limit !== null) tell({ limit: end.limit })
    } catch (error) {
      if (!stop.aborted) throw error
      outcome.older.add(key)
    } finally {
      if (!signal.aborted) onEnd(key)
    }
  }
  const settled = await Promise.allSettled(targets.map(search))
  for (const each of settled) if (each.status === 'rejected') throw each.reason
  const reached = [...outcome.from.values()].sort().at(-1) ?? null
  tell(stop.aborted ? { phase: 'stopped' } : { phase: 'done', at: reached })
  return outcome
}
