import type { LogEntry } from '../../ui/log-viewer/log-buffer.ts'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { api, unwrap } from '../api/client.ts'
import { stringifySearch } from '../search.ts'
import { eventEntry, lineEntry, withMarks } from './log-entries.ts'

export interface LogTarget {
  endpointId: number
  name: string
}

export const targetKey = (target: LogTarget): string => `${target.endpointId}:${target.name}`

export const LOG_PAGE = 500

export interface LogWindow {
  since?: string
  until?: string
}

export const pathOf = (target: LogTarget) => ({ endpointId: target.endpointId, containerId: target.name })

/** Whether lines must be looked at to be chosen, which may take a while; engines choose streams by themselves. */
export const isSearch = (filter: LogFilter): boolean => Boolean(filter.q) || filter.level !== undefined

export function queryOf(filter: LogFilter) {
  return {
    ...(filter.q ? { q: filter.q } : {}),
    ...(filter.q && filter.regex ? { regex: 'true' as const } : {}),
    ...(filter.q && filter.invert ? { invert: 'true' as const } : {}),
    ...(filter.stream ? { stream: filter.stream } : {}),
    ...(filter.level ? { level: filter.level } : {}),
  }
}

/** Up to 500 lines of one container, oldest first; `more` when older ones match too. */
export async function fetchLines(
  target: LogTarget,
  filter: LogFilter,
  window: LogWindow,
  signal: AbortSignal,
): Promise<{ entries: LogEntry[]; more: boolean }> {
  const page = await unwrap(
    api.GET('/api/containers/{endpointId}/{containerId}/logs', {
      params: { path: pathOf(target), query: { tail: LOG_PAGE, ...queryOf(filter), ...window } },
      signal,
    }),
  )
  const source = targetKey(target)
  return {
    entries: page.lines.map((line) => lineEntry(line, source)),
    more: page.truncated || page.lines.length >= LOG_PAGE,
  }
}

/** The lines with starts and stops of the container among them. */
export async function fetchMarkedLines(
  target: LogTarget,
  filter: LogFilter,
  signal: AbortSignal,
): Promise<{ entries: LogEntry[]; more: boolean }> {
  const [lines, marks] = await Promise.all([
    fetchLines(target, filter, {}, signal),
    fetchMarks(target, signal),
  ])
  return { ...lines, entries: withMarks(lines.entries, marks) }
}

/** Starts and stops of a container, newest first; none when they cannot be had. */
export async function fetchMarks(target: LogTarget, signal: AbortSignal): Promise<LogEntry[]> {
  try {
    const page = await unwrap(
      api.GET('/api/containers/{endpointId}/{containerId}/events', {
        params: { path: pathOf(target), query: { limit: 100 } },
        signal,
      }),
    )
    return page.items.flatMap((event) => eventEntry(event, targetKey(target)) ?? [])
  } catch {
    // Lines are worth showing without marks: the events' store may be away while the engine answers.
    return []
  }
}

const CONTEXT_MS = 60_000

/** Lines before and after a moment, whatever they say; the moment's own line is among them. */
export async function fetchContext(target: LogTarget, at: string, signal: AbortSignal): Promise<LogEntry[]> {
  const until = new Date(Date.parse(at) + CONTEXT_MS).toISOString()
  const [before, after] = await Promise.all([
    fetchLines(target, {}, { until: at }, signal),
    fetchLines(target, {}, { since: at, until }, signal),
  ])
  const seen = new Set(before.entries.map((entry) => `${entry.at} ${entry.text}`))
  return [...before.entries, ...after.entries.filter((entry) => !seen.has(`${entry.at} ${entry.text}`))]
}

/** Lets the browser save the log as a text file; the server streams it. */
export function downloadLogs(target: LogTarget, filter: LogFilter): void {
  const link = document.createElement('a')
  const path = `/api/containers/${target.endpointId}/${encodeURIComponent(target.name)}/logs/download`
  link.href = `${path}${stringifySearch(queryOf(filter))}`
  link.download = `${target.name}.log`
  link.click()
}
