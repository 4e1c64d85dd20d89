import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { History } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { MoveLogEntry } from '../../lib/api/types.ts'
import { formatCount, formatDuration, shortId } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'

const t = texts.storage.timeline
const PAGE = 50
const SHORT = 8

function useLog() {
  return useInfiniteQuery({
    queryKey: ['storage', 'log'],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/storage/log', {
          params: { query: { limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: ({ items }) => (items.length === PAGE ? (items.at(-1)?.id ?? null) : null),
  })
}

/** The last steps, below the units. */
export function TimelineCard() {
  const { data } = useLog()
  const entries = data?.pages.flatMap(({ items }) => items) ?? []
  if (entries.length === 0) return null
  return (
    <Card>
      <CardHeader
        title={t.title}
        actions={
          entries.length > SHORT ? (
            <Button size="sm" variant="ghost" asChild>
              <Link to="/storage" search={{ tab: 'timeline' }}>
                {t.all}
              </Link>
            </Button>
          ) : null
        }
      />
      <Entries entries={entries.slice(0, SHORT)} />
    </Card>
  )
}

/** Everything that was done, newest first. */
export function TimelineTab() {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useLog()
  const entries = data?.pages.flatMap(({ items }) => items)
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!entries && !error) {
    return (
      <Loading className="grid gap-2">
        {[1, 2, 3, 4].map((row) => (
          <Skeleton key={row} className="h-8" />
        ))}
      </Loading>
    )
  }
  return (
    <Card>
      {!entries || entries.length === 0 ? (
        <EmptyState icon={History} title={t.empty}>
          {t.emptyHint}
        </EmptyState>
      ) : (
        <Entries entries={entries} />
      )}
      {hasNextPage ? (
        <div className="flex justify-center border-line border-t p-3">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {texts.common.loadMore}
          </Button>
        </div>
      ) : null}
    </Card>
  )
}

function Entries({ entries }: { entries: readonly MoveLogEntry[] }) {
  return (
    <ol className="not-first:border-t divide-y divide-line border-line text-sm">
      {entries.map((entry) => (
        <li
          key={entry.id}
          className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5 px-4 py-2 lg:grid lg:grid-cols-[9.5rem_7rem_14rem_5rem_4rem_1fr]"
        >
          <Time at={entry.at} show="exact" className="hidden text-ink-3 sm:inline" />
          <Time at={entry.at} className="text-ink-3 sm:hidden" />
          <span className="min-w-0 break-words font-medium">{entry.unit}</span>
          <span>{texts.storage.did[entry.action] ?? entry.action}</span>
          <span className="text-ink-2">{entry.actor ?? t.product}</span>
          <span className="tabular text-ink-3 text-xs">{texts.storage.epoch(entry.epoch)}</span>
          <span className="tabular min-w-0 basis-full break-words text-ink-3 text-xs sm:basis-0 sm:grow">
            {describe(entry.details)}
          </span>
        </li>
      ))}
    </ol>
  )
}

/** What is known of a step, short; `pauseMs` and `seconds` are times, a digest is cut. */
function describe(details: MoveLogEntry['details']): string {
  return Object.entries(details)
    .flatMap(([name, value]) => {
      if (value === null || value === undefined) return []
      if (typeof value === 'number') return [describeNumber(name, value)]
      if (Array.isArray(value) && value.length === 0) return []
      if (name.toLowerCase().endsWith('digest') && typeof value === 'string')
        return [`digest ${shortId(value)}`]
      if (Array.isArray(value)) return [`${value.length} ${name}`]
      if (name === 'path') return [String(value).replace(/^.*\//, '')]
      if (name === 'to' && (value === 'sqlite' || value === 'postgres'))
        return [texts.storage.facts.flipTo(texts.storage.stores[value])]
      if (name === 'sha256') return [`SHA-256 ${shortId(String(value))}`]
      return [`${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`]
    })
    .join(' · ')
}

function describeNumber(name: string, value: number): string {
  if (name.endsWith('Ms')) return `${name.slice(0, -2)} ${formatDuration(value)}`
  if (name === 'seconds') return formatDuration(value * 1000)
  if (name === 'share') return texts.storage.shadow.share(value)
  return name.endsWith('s')
    ? texts.storage.counted(formatCount(value), name.slice(0, -1))
    : `${name} ${value}`
}
