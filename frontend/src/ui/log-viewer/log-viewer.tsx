import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ScrollText, SearchX } from 'lucide-react'
import {
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { cn } from '../../lib/cn.ts'
import { logTexts } from '../../lib/texts/logs.ts'
import { stripAnsi } from '../ansi/ansi.ts'
import { Button } from '../button.tsx'
import { EmptyState, Loading, Skeleton } from '../states.tsx'
import { toast } from '../toast.tsx'
import type { LogEntry } from './log-buffer.ts'
import { LogDrawer } from './log-drawer.tsx'
import type { LogFeed } from './log-feed.ts'
import { hasFilter, type LogFilter, searchPattern } from './log-filter.ts'
import { useLogPrefs } from './log-prefs.ts'
import { LogRow, type LogSource } from './log-row.tsx'
import { formatLogTime } from './log-time.ts'
import { LogToolbar } from './log-toolbar.tsx'

const ROW_HEIGHT = 20
/** Widths of the lines that stand for those on their way. */
const SKELETON = ['w-3/5', 'w-4/5', 'w-2/5', 'w-3/4', 'w-1/2', 'w-2/3'] as const
const END_PX = 24
const OLDER_PX = 400

export interface LogViewerProps {
  feed: LogFeed
  /** one container: no tags; several: each line carries its colour and name */
  sources: readonly LogSource[]
  filter: LogFilter
  onFilter: (filter: LogFilter) => void
  /** further controls of the page, in the toolbar */
  tools?: ReactNode
  /** lines are being fetched for the first time */
  loading: boolean
  /** replaces the lines: an error with its way out */
  problem?: ReactNode
  /** above the lines: "lines around 14:02", "10 lines skipped" */
  notice?: ReactNode
  hasOlder: boolean
  /** lines exist that nobody has looked at: what is shown first is not where the log begins, nothing not all there is */
  unread: boolean
  loadingOlder: boolean
  onLoadOlder: () => void
  /** a line to stand at instead of the newest: its `at` */
  target?: string | undefined
  /** the address of a line, for others */
  linkTo: (entry: LogEntry) => string
  onContext: (entry: LogEntry) => void
  onDownload: (what: 'all' | 'filtered') => void
  className?: string
}

/**
 * Lines in a window of rows, following the newest until the reader scrolls away; from then on the text stands still and
 * new lines are counted. Search and level are asked of the server by whoever feeds it.
 */
export function LogViewer(props: LogViewerProps) {
  const { feed, sources, filter, target } = props
  const version = useSyncExternalStore(feed.subscribe, feed.version)
  const prefs = useLogPrefs()
  const scroller = useRef<HTMLDivElement>(null)
  const [following, setFollowing] = useState(target === undefined)
  const [selectedId, setSelectedId] = useState<number | null>(null)
  const { pattern, error } = useMemo(() => searchPattern(filter), [filter])
  const marked = filter.invert ? null : pattern
  const { buffer } = feed

  // A new function for every version: the list must see that the keys behind its indexes have moved.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as said above.
  const getItemKey = useCallback((index: number) => buffer.get(index)?.id ?? -1 - index, [buffer, version])
  const rows = useVirtualizer({
    count: buffer.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey,
    overscan: 12,
    // Room for the words above the first line.
    paddingStart: ROW_HEIGHT,
    anchorTo: 'end',
    followOnAppend: following,
    scrollEndThreshold: END_PX,
  })

  const follow = useCallback(() => {
    setFollowing(true)
    feed.change((changed) => changed.release())
    rows.scrollToEnd()
  }, [feed, rows])
  const stand = useCallback(() => {
    setFollowing(false)
    feed.change((changed) => changed.hold())
  }, [feed])

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that wrap are measured, others are not; the old sizes are wrong for both.
  useEffect(() => {
    rows.measure()
    if (following) rows.scrollToEnd()
  }, [prefs.wrap])

  // The line of a permalink, once it has been fetched.
  const stoodAt = useRef<string | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: tried again with each version until the line is there.
  useEffect(() => {
    if (target === undefined || stoodAt.current === target || buffer.length === 0) return
    const found = buffer.toArray().findIndex((entry) => entry.at !== null && entry.at >= target)
    if (found === -1) return
    stoodAt.current = target
    stand()
    setSelectedId(buffer.get(found)?.id ?? null)
    rows.scrollToIndex(found, { align: 'center' })
  }, [target, version])

  const lastTop = useRef(0)
  const { hasOlder, loadingOlder, onLoadOlder } = props
  const onScroll = () => {
    const element = scroller.current
    if (!element) return
    const movedUp = element.scrollTop < lastTop.current - 1
    lastTop.current = element.scrollTop
    const fromEnd = element.scrollHeight - element.clientHeight - element.scrollTop
    if (following && movedUp && fromEnd > END_PX) stand()
    else if (!following && !movedUp && fromEnd <= 2 && target === undefined) follow()
    // Lines that leave move the scroll bar too; only a reader who has left the end asks for older ones.
    if (!following && movedUp && element.scrollTop < OLDER_PX && hasOlder && !loadingOlder) onLoadOlder()
  }

  const selectedIndex = selectedId === null ? -1 : buffer.indexOf(selectedId)
  const selected = buffer.get(selectedIndex)
  const select = (index: number) => {
    const entry = buffer.get(index)
    if (entry?.kind !== 'line') return
    if (following) stand()
    setSelectedId(entry.id)
    rows.scrollToIndex(index, { align: 'auto' })
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape' && selected) setSelectedId(null)
    else if (event.key === 'End') follow()
    else if (event.key === 'Enter' && !selected) select(rows.range?.endIndex ?? buffer.length - 1)
    else if (selected && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      select(selectedIndex + (event.key === 'ArrowUp' ? -1 : 1))
    } else return
    event.preventDefault()
  }
  const onClick = (event: React.MouseEvent) => {
    // Marking text with the mouse is not a choice of a line.
    if (!(event.target instanceof Element) || window.getSelection()?.toString()) return
    const id = Number(event.target.closest('[data-log-row]')?.getAttribute('data-log-row'))
    if (Number.isFinite(id) && id > 0) select(buffer.indexOf(id))
  }

  const copy = async (text: string, done: string) => {
    try {
      await navigator.clipboard.writeText(text)
      toast.done(done)
    } catch {
      // No clipboard outside a secure context, or the permission was refused.
      toast.error(logTexts.noClipboard)
    }
  }
  const copyShown = () => {
    const lines = buffer
      .toArray()
      .map((entry) => `${formatLogTime(entry.at, prefs.times)} ${stripAnsi(entry.text)}`.trimStart())
    void copy(lines.join('\n'), logTexts.copied(lines.length))
  }

  const many = sources.length > 1
  const byKey = useMemo(() => new Map(sources.map((source) => [source.key, source])), [sources])
  const empty = buffer.length === 0
  const nothing = props.unread ? logTexts.nothingSoFar : logTexts.nothingFound

  return (
    <section
      className={cn(
        'flex min-h-80 min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-card',
        props.className,
      )}
    >
      <LogToolbar
        filter={filter}
        onFilter={props.onFilter}
        patternError={error}
        following={following}
        onFollow={() => (following ? stand() : follow())}
        onCopyShown={copyShown}
        onDownload={props.onDownload}
        manySources={many}
        tools={props.tools}
      />
      {props.notice}
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <div className="relative flex min-h-0 min-w-0 flex-1 flex-col">
          {props.problem ?? (
            <div
              ref={scroller}
              role="log"
              aria-live="off"
              aria-label={logTexts.label}
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard.
              tabIndex={0}
              onScroll={onScroll}
              onKeyDown={onKeyDown}
              onClick={onClick}
              className="mono min-h-0 flex-1 overflow-auto text-xs -outline-offset-2"
            >
              <div className="relative" style={{ height: rows.getTotalSize() }}>
                {!empty && (
                  <p className="absolute top-0 px-3 text-ink-3 leading-5">
                    {loadingOlder
                      ? logTexts.olderLoading
                      : hasOlder || props.unread
                        ? ''
                        : logTexts.beginning}
                  </p>
                )}
                {rows.getVirtualItems().map((item) => {
                  const entry = buffer.get(item.index)
                  if (entry === undefined) return null
                  return (
                    <LogRow
                      key={entry.id}
                      entry={entry}
                      index={item.index}
                      top={item.start}
                      wrap={prefs.wrap}
                      times={prefs.times}
                      source={many && prefs.tags ? byKey.get(entry.source) : undefined}
                      pattern={marked}
                      selected={entry.id === selectedId}
                      measure={prefs.wrap ? rows.measureElement : undefined}
                    />
                  )
                })}
              </div>
            </div>
          )}
          {empty && props.loading && !props.problem && (
            <Loading className="absolute inset-0 grid content-start gap-2 overflow-hidden p-3">
              {SKELETON.map((width) => (
                <Skeleton key={width} className={cn('h-3', width)} />
              ))}
            </Loading>
          )}
          {empty && !props.loading && !props.problem && (
            <div className="pointer-events-none absolute inset-0 grid place-items-center">
              <EmptyState
                className="pointer-events-auto"
                icon={hasFilter(filter) ? SearchX : ScrollText}
                title={hasFilter(filter) ? nothing : logTexts.empty}
                actions={
                  hasFilter(filter) && (
                    <Button onClick={() => props.onFilter({})}>{logTexts.clearSearch}</Button>
                  )
                }
              >
                {hasFilter(filter) ? logTexts.nothingFoundHint : logTexts.emptyHint}
              </EmptyState>
            </div>
          )}
          {!following && buffer.pending > 0 && (
            <div className="absolute inset-x-0 bottom-3 flex justify-center">
              <Button
                size="sm"
                variant="primary"
                className="tabular rounded-full"
                title={buffer.missed > 0 ? logTexts.missed(buffer.missed) : logTexts.toNewest}
                onClick={follow}
              >
                <ArrowDown aria-hidden />
                {logTexts.newLines(buffer.pending + buffer.missed)}
              </Button>
            </div>
          )}
        </div>
        {selected && (
          <LogDrawer
            entry={selected}
            sourceLabel={byKey.get(selected.source)?.label}
            onClose={() => setSelectedId(null)}
            onCopyLine={() => void copy(stripAnsi(selected.text), logTexts.lineCopied)}
            onCopyLink={
              selected.at === null
                ? null
                : () => void copy(new URL(props.linkTo(selected), location.href).href, logTexts.linkCopied)
            }
            onContext={selected.at === null ? null : () => props.onContext(selected)}
          />
        )}
      </div>
    </section>
  )
}
