import { LoaderCircle } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from '../../ui/button.tsx'
import { formatLogTime } from '../../ui/log-viewer/log-time.ts'
import { logTexts } from '../texts/logs.ts'
import type { SearchState } from './run-search.ts'

/** A bar above the lines, with at most one thing to do about what it says. */
export function LogNotice(props: {
  children: ReactNode
  alert?: boolean
  action?: string
  onAction?: () => void
}) {
  return (
    <div
      role={props.alert ? 'alert' : undefined}
      className="flex min-h-9 flex-wrap items-center gap-2 border-line border-b bg-info-soft px-3 py-1 text-info text-sm"
    >
      <span className="tabular flex min-w-0 flex-1 items-center gap-2">{props.children}</span>
      {props.action !== undefined && (
        <Button size="sm" onClick={props.onAction}>
          {props.action}
        </Button>
      )}
    </div>
  )
}

/** How far a search is, or why it ended before the log did. */
export function SearchNotice(props: {
  search: SearchState
  /** there are lines before what was looked at that can be asked for */
  further: boolean
  onStop: () => void
  onAgain: () => void
  onFurther: () => void
}) {
  const { phase, scanned, found, limit, at } = props.search
  const time = at === null ? null : formatLogTime(at, 'full')
  if (phase === 'running') {
    return (
      <LogNotice action={logTexts.stopSearch} onAction={props.onStop}>
        <LoaderCircle aria-hidden className="size-4 shrink-0 motion-safe:animate-spin" />
        {logTexts.searching(scanned, found, time)}
      </LogNotice>
    )
  }
  if (phase === 'stopped' || limit === null) {
    return (
      <LogNotice action={logTexts.searchAgain} onAction={props.onAgain}>
        {logTexts.searchStopped(scanned, time)}
      </LogNotice>
    )
  }
  if (!props.further)
    return <LogNotice>{`${logTexts.scanLimit(limit, scanned, time)}. ${logTexts.narrowIt}`}</LogNotice>
  return (
    <LogNotice action={logTexts.searchFurther} onAction={props.onFurther}>
      {logTexts.scanLimit(limit, scanned, time)}
    </LogNotice>
  )
}
