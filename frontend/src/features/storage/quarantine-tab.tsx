import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { StorageUnit } from '../../lib/api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Select } from '../../ui/input.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { QuarantinedRowItem } from './quarantined-row.tsx'

const t = texts.storage.quarantine
const PAGE = 100

interface QuarantineTabProps {
  units: readonly StorageUnit[]
  /** Whose rows are shown; all when undefined. */
  unit: string | undefined
  onUnit: (unit: string | undefined) => void
}

const hasRows = ({ quarantine }: StorageUnit) => quarantine.open + quarantine.acknowledged > 0

export function QuarantineTab({ units, unit, onUnit }: QuarantineTabProps) {
  const held = units.filter(hasRows)
  const chosen = units.find((each) => each.unit === unit)
  return (
    <>
      <p className="mb-3 text-ink-2 text-sm">{t.hint}</p>
      {held.length === 0 ? (
        <Card>
          <EmptyState icon={ShieldCheck} title={t.empty}>
            {t.emptyHint}
          </EmptyState>
        </Card>
      ) : (
        <>
          <div className="mb-3 flex flex-wrap items-center gap-2">
            <Select
              aria-label={t.unit}
              value={unit ?? ''}
              onChange={(event) => onUnit(event.target.value === '' ? undefined : event.target.value)}
            >
              <option value="">{t.allUnits}</option>
              {units
                .filter((each) => hasRows(each) || each.unit === unit)
                .map((each) => (
                  <option key={each.unit} value={each.unit}>
                    {each.unit}
                  </option>
                ))}
            </Select>
            {chosen ? <Decide unit={chosen} /> : null}
          </div>
          <RowList unit={unit} />
        </>
      )}
    </>
  )
}

function RowList({ unit }: { unit: string | undefined }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['storage', 'quarantine', unit ?? null],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/storage/quarantine', {
          params: {
            query: {
              limit: PAGE,
              ...(unit === undefined ? {} : { unit }),
              ...(pageParam === null ? {} : { after: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: ({ items }) => (items.length === PAGE ? (items.at(-1)?.id ?? null) : null),
  })
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) {
    return (
      <Loading className="grid gap-2">
        {[1, 2, 3].map((row) => (
          <Skeleton key={row} className="h-14" />
        ))}
      </Loading>
    )
  }
  return (
    <Card>
      <ul className="divide-y divide-line">
        {data.pages.flatMap(({ items }) => items.map((row) => <QuarantinedRowItem key={row.id} row={row} />))}
      </ul>
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

/** Accept that the open rows stay behind, or try rows again that were corrected in their source. */
function Decide({ unit }: { unit: StorageUnit }) {
  const queries = useQueryClient()
  // The number that was seen when the dialog opened is the one that is accepted: later rows are not.
  const [accepting, setAccepting] = useState<number | null>(null)
  const path = { params: { path: { unit: unit.unit } } }
  const refresh = () => queries.invalidateQueries({ queryKey: ['storage'] })
  const accept = useMutation({
    mutationFn: (rows: number) =>
      unwrap(api.POST('/api/storage/units/{unit}/quarantine/acknowledge', { ...path, body: { rows } })),
    onSuccess: (_unit, rows) => {
      toast.done(t.accepted(formatCount(rows)))
      setAccepting(null)
    },
    onSettled: refresh,
  })
  const replay = useMutation({
    mutationFn: () => unwrap(api.POST('/api/storage/units/{unit}/quarantine/replay', path)),
    onSuccess: ({ replayed, left }) => toast.done(t.replayed(replayed, left)),
    onError: (error) => toast.error(error.message),
    onSettled: refresh,
  })
  const { open } = unit.quarantine
  return (
    <>
      <Button busy={replay.isPending} onClick={() => replay.mutate()}>
        {t.replay}
      </Button>
      {open > 0 ? <Button onClick={() => setAccepting(open)}>{t.accept(formatCount(open))}</Button> : null}
      <ConfirmDialog
        open={accepting !== null}
        onClose={() => {
          accept.reset()
          setAccepting(null)
        }}
        onConfirm={() => {
          if (accepting !== null) accept.mutate(accepting)
        }}
        title={t.acceptTitle(formatCount(accepting ?? 0))}
        description={t.acceptHint}
        confirm={t.accept(formatCount(accepting ?? 0))}
        busy={accept.isPending}
        error={accept.error?.message}
      />
    </>
  )
}
