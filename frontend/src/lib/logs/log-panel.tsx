import { type ReactNode, useMemo, useState } from 'react'
import { type LogFilter, searchPattern } from '../../ui/log-viewer/log-filter.ts'
import { formatLogTime } from '../../ui/log-viewer/log-time.ts'
import { LogViewer } from '../../ui/log-viewer/log-viewer.tsx'
import { ErrorState } from '../../ui/states.tsx'
import { paletteColor } from '../../ui/time-chart/palette.ts'
import { logTexts } from '../texts/logs.ts'
import { downloadLogs, type LogTarget, targetKey } from './fetch-logs.ts'
import { LogNotice, SearchNotice } from './search-notice.tsx'
import { shortLabels } from './short-labels.ts'
import { useLogFeed } from './use-log-feed.ts'
import { useRestOfWindow } from './use-rest-of-window.ts'

interface LogPanelProps {
  /** must be the same array while the targets are the same */
  targets: readonly LogTarget[]
  filter: LogFilter
  onFilter: (filter: LogFilter) => void
  /** time of a line to show with what is around it; undefined follows the newest */
  line: string | undefined
  onLine: (at: string | undefined) => void
  tools?: ReactNode
}

const NO_FILTER: LogFilter = {}

/** The log viewer fed by the API and the live connection. */
export function LogPanel({ targets, filter, onFilter, line, onLine, tools }: LogPanelProps) {
  // Half-typed expressions are not asked of the server: the lines of the last whole one stay.
  const [asked, setAsked] = useState(NO_FILTER)
  const valid = searchPattern(filter).error === null ? filter : asked
  if (valid !== asked) setAsked(valid)
  // Around a moment all lines are shown: what is around it is why one looks.
  const { feed, ...state } = useLogFeed(targets, line === undefined ? valid : NO_FILTER, line)
  const sources = useMemo(() => {
    const labels = shortLabels(targets.map((target) => target.name))
    return targets.map((target, index) => ({
      key: targetKey(target),
      label: labels[index] ?? target.name,
      color: paletteColor(index),
    }))
  }, [targets])
  const { ref, height } = useRestOfWindow()
  const { search } = state
  const notice =
    line !== undefined ? (
      <LogNotice action={logTexts.backToLive} onAction={() => onLine(undefined)}>
        {logTexts.contextOf(formatLogTime(line, 'full'))}
      </LogNotice>
    ) : state.error && !state.loading && feed.buffer.length > 0 ? (
      <LogNotice alert action={logTexts.tryAgain} onAction={state.retry}>
        {state.error.message}
      </LogNotice>
    ) : search && (search.phase !== 'done' || search.limit !== null) ? (
      <SearchNotice
        search={search}
        further={state.older.size > 0}
        onStop={state.stopSearch}
        onAgain={state.retry}
        onFurther={state.loadOlder}
      />
    ) : state.dropped > 0 ? (
      <LogNotice>{logTexts.dropped(state.dropped)}</LogNotice>
    ) : null
  return (
    <div ref={ref} className="min-h-80" style={{ height }}>
      <LogViewer
        key={line ?? 'live'}
        className="h-full"
        feed={feed}
        tools={tools}
        sources={sources}
        filter={line === undefined ? filter : NO_FILTER}
        onFilter={(next) => {
          if (line !== undefined) onLine(undefined)
          onFilter(next)
        }}
        loading={state.loading}
        problem={
          state.error && feed.buffer.length === 0 ? (
            <ErrorState error={state.error} onRetry={state.retry} />
          ) : undefined
        }
        notice={notice}
        hasOlder={state.older.size > 0}
        unread={search !== null && (search.phase !== 'done' || search.limit !== null)}
        loadingOlder={state.loadingOlder}
        onLoadOlder={state.loadOlder}
        target={line}
        linkTo={(entry) => {
          const url = new URL(location.href)
          url.searchParams.set('line', entry.at ?? '')
          return url.href
        }}
        onContext={(entry) => onLine(entry.at ?? undefined)}
        onDownload={(what) => {
          for (const target of targets) downloadLogs(target, what === 'all' ? NO_FILTER : filter)
        }}
      />
    </div>
  )
}
