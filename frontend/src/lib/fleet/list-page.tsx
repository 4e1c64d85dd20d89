import { useNavigate, useSearch } from '@tanstack/react-router'
import { type LucideIcon, SearchX } from 'lucide-react'
import { type ReactNode, useMemo } from 'react'
import { Button } from '../../ui/button.tsx'
import { DataTable } from '../../ui/data-table/data-table.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { formatSort, parseSort, type TableSort } from '../../ui/data-table/table-order.ts'
import { SearchInput } from '../../ui/input.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { useEndpointFilter } from '../endpoint-filter.ts'

/** What a list of the fleet is: all about it that does not change. */
export interface ListSpec<T> {
  /** names the table for what is remembered about it */
  name: string
  title: string
  icon: LucideIcon
  texts: {
    search: string
    empty: string
    emptyHint: string
    emptyCommand: string
    nothingFound: string
    clear: string
  }
  hint?: (rows: readonly T[]) => ReactNode
  columns: readonly TableColumn<T>[]
  defaultSort: TableSort
  rowKey: (row: T) => string
  rowLabel: (row: T) => string
  card: (row: T) => ReactNode
  /** texts of a row that the search looks at */
  searched: (row: T) => readonly (string | null)[]
}

interface ListPageProps<T> {
  list: ListSpec<T>
  query: { data: readonly T[] | undefined; error: Error | null; refetch: () => Promise<unknown> }
  /** further filters of the page, and what they leave */
  filters?: ReactNode
  keep?: ((row: T) => boolean) | undefined
}

/** A page of one list of the fleet: search and order from the URL, table, and its loading, empty and error states. */
export function ListPage<T extends { endpointId: number }>({ list, query, filters, keep }: ListPageProps<T>) {
  const { title, texts, columns, defaultSort, searched } = list
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const change = (next: { q?: string | undefined; sort?: string | undefined }) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...next }), replace: true })
  const endpointId = useEndpointFilter()
  const sort = useMemo(
    () =>
      parseSort(
        search.sort,
        columns.map((column) => column.id),
      ) ?? defaultSort,
    [search.sort, columns, defaultSort],
  )
  const needle = search.q?.trim().toLowerCase() ?? ''
  const shown = useMemo(
    () =>
      query.data?.filter(
        (row) =>
          (endpointId === undefined || row.endpointId === endpointId) &&
          (keep?.(row) ?? true) &&
          (needle === '' || searched(row).some((text) => text?.toLowerCase().includes(needle))),
      ),
    [query.data, endpointId, keep, needle, searched],
  )
  return (
    <>
      <PageHeader title={title} hint={shown && list.hint?.(shown)} />
      {query.error && !shown ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !shown ? (
        <Loading className="space-y-2">
          <Skeleton className="h-8 w-72" />
          <Skeleton className="h-[50dvh]" />
        </Loading>
      ) : (
        <DataTable
          name={list.name}
          label={title}
          rows={shown}
          columns={columns}
          rowKey={list.rowKey}
          rowLabel={list.rowLabel}
          sort={sort}
          onSort={(next) => change({ sort: formatSort(next) })}
          card={list.card}
          toolbar={
            <>
              <SearchInput
                className="w-full sm:w-72"
                value={search.q ?? ''}
                onChange={(q) => change({ q: q === '' ? undefined : q })}
                placeholder={texts.search}
              />
              {filters}
            </>
          }
          empty={
            query.data?.length === 0 ? (
              <EmptyState icon={list.icon} title={texts.empty} command={texts.emptyCommand}>
                {texts.emptyHint}
              </EmptyState>
            ) : (
              <EmptyState
                icon={SearchX}
                title={texts.nothingFound}
                actions={
                  <Button onClick={() => void navigate({ to: '.', search: {} })}>{texts.clear}</Button>
                }
              />
            )
          }
        />
      )}
    </>
  )
}
