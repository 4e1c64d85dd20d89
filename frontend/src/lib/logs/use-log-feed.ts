import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { type LogEntry, mergeByTime } from '../../ui/log-viewer/log-buffer.ts'
import { createLogFeed, type LogFeed } from '../../ui/log-viewer/log-feed.ts'
import { createLogMatcher, type LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { live } from '../socket.ts'
import { useLiveResync } from '../use-live.ts'
import {
  fetchContext,
  fetchLines,
  fetchMarkedLines,
  isSearch,
  type LogTarget,
  targetKey,
} from './fetch-logs.ts'
import { eventEntry, lineEntry, newestAt } from './log-entries.ts'
import { runOlderSearch, runSearch, type SearchState } from './run-search.ts'

interface FeedState {
  loading: boolean
  loadingOlder: boolean
  error: Error | null
  /** older lines are there, per container */
  older: ReadonlySet<string>
  /** lines the server skipped because this connection was too slow */
  dropped: number
  /** null while nothing is searched for */
  search: SearchState | null
}

const START: FeedState = {
  loading: true,
  loadingOlder: false,
  error: null,
  older: new Set(),
  dropped: 0,
  search: null,
}

/** What is known of the old lines once they are in the feed. */
interface Loaded {
  older: ReadonlySet<string>
  /** lines up to this time have been seen, by container */
  seenUntil: ReadonlyMap<string, string>
}

/**
 * Old lines of the containers from the server, followed by live ones. Watching begins before the old lines are asked
 * for, so that none falls between; what comes twice is recognised by its time. A search shows its matches while it runs.
 *
 * @param around shows the lines around this moment instead, without following.
 */
export function useLogFeed(targets: readonly LogTarget[], filter: LogFilter, around: string | undefined) {
  const keys = targets.map(targetKey).join(' ')
  const filterKey = JSON.stringify(filter)
  const [attempt, setAttempt] = useState(0)
  const [state, setState] = useState(START)
  const older = useRef<AbortController | null>(null)
  const searching = useRef<AbortController | null>(null)
  /** how far back each container has been searched */
  const searchedFrom = useRef(new Map<string, string>())
  // biome-ignore lint/correctness/useExhaustiveDependencies: another choice of lines begins with an empty feed.
  const feed = useMemo(() => createLogFeed(), [keys, filterKey, around])

  // biome-ignore lint/correctness/useExhaustiveDependencies: `keys` and `filterKey` stand for targets and filter.
  useEffect(() => {
    const stop = new AbortController()
    setState(START)
    searchedFrom.current = new Map()
    const fail = (error: unknown) => {
      if (stop.signal.aborted) return
      setState((before) => ({
        ...before,
        loading: false,
        search: null,
        error: error instanceof Error ? error : new Error(String(error)),
      }))
    }
    if (around !== undefined) {
      Promise.all(targets.map((target) => fetchContext(target, around, stop.signal))).then((lists) => {
        if (stop.signal.aborted) return
        feed.change((buffer) => {
          buffer.clear()
          buffer.append(mergeByTime(lists))
        })
        setState({ ...START, loading: false, older: new Set(keys.split(' ')) })
      }, fail)
      return () => stop.abort()
    }

    const wanted = new Set(targets.map(targetKey))
    const matches = createLogMatcher(filter)
    let seenUntil: ReadonlyMap<string, string> = new Map()
    let early: LogEntry[] | null = []
    const take = (entries: readonly LogEntry[]) => {
      const fresh = entries.filter(
        (entry) => matches(entry) && (entry.at === null || entry.at > (seenUntil.get(entry.source) ?? '')),
      )
      if (early) early.push(...fresh)
      else if (fresh.length > 0) feed.push(fresh)
    }
    const stops = [
      live.on('logs:lines', (message) => {
        const key = targetKey(message)
        if (!wanted.has(key)) return
        take(message.lines.map((line) => lineEntry(line, key)))
        if (message.dropped > 0)
          setState((before) => ({ ...before, dropped: before.dropped + message.dropped }))
      }),
      live.on('fleet:event', (event) => {
        const key = targetKey({ endpointId: event.endpointId, name: event.subjectName })
        const mark = wanted.has(key) ? eventEntry(event, key) : null
        if (mark) take([mark])
      }),
      ...[...wanted].map((key) => live.watch(`logs:${key}`)),
    ]
    const search = async (): Promise<Loaded> => {
      const stopped = new AbortController()
      searching.current = stopped
      feed.change((buffer) => buffer.clear())
      const onState = (next: SearchState) => setState((before) => ({ ...before, search: next }))
      const run = { targets, filter, stop: stopped.signal, signal: stop.signal, onState }
      const outcome = await runSearch(run, (entries, clear) => {
        // At once and together: a list that is empty for a moment would scroll to its top.
        feed.change((buffer) => {
          if (clear) buffer.clear()
          buffer.append(entries)
        })
      })
      searchedFrom.current = outcome.from
      return outcome
    }
    const load = isSearch(filter) ? search() : loadNewest(targets, filter, feed, stop.signal)
    load.then((loaded) => {
      if (stop.signal.aborted) return
      seenUntil = loaded.seenUntil
      const waiting = early ?? []
      early = null
      take(waiting)
      setState((before) => ({ ...before, loading: false, older: loaded.older }))
    }, fail)
    return () => {
      stop.abort()
      older.current?.abort()
      older.current = null
      for (const release of stops) release()
    }
  }, [keys, filterKey, around, attempt, feed])

  // Lines written while the connection was down were sent to nobody.
  useLiveResync(() => setAttempt((before) => before + 1))

  const loadOlder = useCallback(() => {
    if (older.current) return
    const stop = new AbortController()
    older.current = stop
    setState((before) => ({ ...before, loadingOlder: true }))
    const shown = feed.buffer.toArray()
    const oldestOf = (key: string) =>
      shown.find((entry) => entry.source === key && entry.kind === 'line' && entry.at !== null)?.at ??
      searchedFrom.current.get(key)
    const asked = targets.filter((target) => {
      const key = targetKey(target)
      return state.older.has(key) && oldestOf(key) !== undefined
    })
    const finish = (entries: readonly LogEntry[], change: Partial<FeedState>) => {
      if (stop.signal.aborted) return
      older.current = null
      feed.change((buffer) => buffer.prepend(entries))
      setState((before) => ({ ...before, loadingOlder: false, ...change }))
    }
    const search = async () => {
      const stopped = new AbortController()
      searching.current = stopped
      const onState = (next: SearchState) => setState((before) => ({ ...before, search: next }))
      const run = { targets: asked, filter, stop: stopped.signal, signal: stop.signal, onState }
      const outcome = await runOlderSearch(run, (key) => oldestOf(key) ?? '')
      for (const [key, from] of outcome.from) searchedFrom.current.set(key, from)
      // Where a limit left nothing, asking again would end at the same limit.
      const goesOn = stopped.signal.aborted || outcome.entries.length > 0
      finish(outcome.entries, { older: goesOn ? outcome.older : new Set() })
    }
    const load = async () => {
      const pages = await Promise.all(
        asked.map(async (target) => {
          const key = targetKey(target)
          const until = oldestOf(key) ?? ''
          const page = await fetchLines(target, around === undefined ? filter : {}, { until }, stop.signal)
          const entries = page.entries.filter((entry) => entry.at !== null && entry.at < until)
          return { key, entries, more: page.more && entries.length > 0 }
        }),
      )
      finish(mergeByTime(pages.map((page) => page.entries)), {
        older: new Set(pages.filter(({ more }) => more).map(({ key }) => key)),
      })
    }
    const loading = around === undefined && isSearch(filter) ? search() : load()
    loading.catch((error: unknown) =>
      finish([], { search: null, error: error instanceof Error ? error : new Error(String(error)) }),
    )
  }, [feed, targets, filter, around, state.older])

  return {
    ...state,
    feed,
    loadOlder,
    stopSearch: () => searching.current?.abort(),
    retry: () => setAttempt((before) => before + 1),
  }
}

async function loadNewest(
  targets: readonly LogTarget[],
  filter: LogFilter,
  feed: LogFeed,
  signal: AbortSignal,
): Promise<Loaded> {
  const pages = await Promise.all(targets.map((target) => fetchMarkedLines(target, filter, signal)))
  if (!signal.aborted) {
    feed.change((buffer) => {
      buffer.clear()
      buffer.append(mergeByTime(pages.map((page) => page.entries)))
    })
  }
  return {
    older: new Set(targets.filter((_, index) => pages[index]?.more).map(targetKey)),
    seenUntil: new Map(
      pages.flatMap(({ entries }): [string, string][] =>
        entries[0] ? [[entries[0].source, newestAt(entries)]] : [],
      ),
    ),
  }
}
