import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { type LogEntry, mergeByTime } from '../../ui/log-viewer/log-buffer.ts'
import { createLogFeed } from '../../ui/log-viewer/log-feed.ts'
import { createLogMatcher, type LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { live } from '../socket.ts'
import { useLiveResync } from '../use-live.ts'
import { fetchContext, fetchLines, fetchMarkedLines, type LogTarget, targetKey } from './fetch-logs.ts'
import { eventEntry, lineEntry, newestAt } from './log-entries.ts'

interface FeedState {
  loading: boolean
  loadingOlder: boolean
  error: Error | null
  /** older lines are there, per container */
  older: ReadonlySet<string>
  /** lines the server skipped because this connection was too slow */
  dropped: number
}

const START: FeedState = { loading: true, loadingOlder: false, error: null, older: new Set(), dropped: 0 }

/**
 * Old lines of the containers from the server, followed by live ones. Watching begins before the old lines are asked
 * for, so that none falls between; what comes twice is recognised by its time.
 *
 * @param around shows the lines around this moment instead, without following.
 */
export function useLogFeed(targets: readonly LogTarget[], filter: LogFilter, around: string | undefined) {
  const keys = targets.map(targetKey).join(' ')
  const filterKey = JSON.stringify(filter)
  const [attempt, setAttempt] = useState(0)
  const [state, setState] = useState(START)
  const older = useRef<AbortController | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another choice of lines begins with an empty feed.
  const feed = useMemo(() => createLogFeed(), [keys, filterKey, around])

  // biome-ignore lint/correctness/useExhaustiveDependencies: `keys` and `filterKey` stand for targets and filter.
  useEffect(() => {
    const stop = new AbortController()
    setState(START)
    const fail = (error: unknown) => {
      if (stop.signal.aborted) return
      setState((before) => ({
        ...before,
        loading: false,
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
    const seenUntil = new Map<string, string>()
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
    Promise.all(targets.map((target) => fetchMarkedLines(target, filter, stop.signal))).then((pages) => {
      if (stop.signal.aborted) return
      for (const { entries } of pages) {
        const source = entries[0]?.source
        if (source !== undefined) seenUntil.set(source, newestAt(entries))
      }
      const waiting = early ?? []
      early = null
      feed.change((buffer) => {
        buffer.clear()
        buffer.append(mergeByTime(pages.map((page) => page.entries)))
      })
      take(waiting)
      const more = targets.filter((_, index) => pages[index]?.more).map(targetKey)
      setState((before) => ({ ...before, loading: false, older: new Set(more) }))
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
    const load = async (target: LogTarget) => {
      const key = targetKey(target)
      const oldest = shown.find(
        (entry) => entry.source === key && entry.kind === 'line' && entry.at !== null,
      )?.at
      if (!oldest || !state.older.has(key)) return { entries: [], more: false }
      const page = await fetchLines(
        target,
        around === undefined ? filter : {},
        { until: oldest },
        stop.signal,
      )
      const entries = page.entries.filter((entry) => entry.at !== null && entry.at < oldest)
      return { entries, more: page.more && entries.length > 0 }
    }
    const finish = (change: Partial<FeedState>) => {
      if (stop.signal.aborted) return
      older.current = null
      setState((before) => ({ ...before, loadingOlder: false, ...change }))
    }
    Promise.all(targets.map(load)).then(
      (pages) => {
        if (stop.signal.aborted) return
        feed.change((buffer) => buffer.prepend(mergeByTime(pages.map((page) => page.entries))))
        finish({ older: new Set(targets.filter((_, index) => pages[index]?.more).map(targetKey)) })
      },
      (error: unknown) => finish({ error: error instanceof Error ? error : new Error(String(error)) }),
    )
  }, [feed, targets, filter, around, state.older])

  return { ...state, feed, loadOlder, retry: () => setAttempt((before) => before + 1) }
}
