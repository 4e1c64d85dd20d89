import { SearchX } from 'lucide-react'
import { type ReactNode, useMemo } from 'react'
import { Button } from '../../ui/button.tsx'
import { DataTable } from '../../ui/data-table/data-table.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { formatSort, parseSort, type TableSort } from '../../ui/data-table/table-order.ts'
import { SearchInput } from '../../ui/input.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { useEndpointFilter } from '../endpoint-filter.ts'

interface ListSearch {
  q?: string | undefined
  sort?: string | undefined
}

interface ListPageProps<T> {
  /** names the table for what is remembered about it */
  name: string
  title: string
  hint?: (rows: readonly T[]) => ReactNode
  query: { data: readonly T[] | undefined; error: Error | null; refetch: () => Promise<unknown> }
  columns: readonly TableColumn<T>[]
  defaultSort: TableSort
  rowKey: (row: T) => string
  rowLabel: (row: T) => string
  card: (row: T) => ReactNode
  /** texts of a row that the search looks at */
  searched: (row: T) => readonly (string | null)[]
  searchLabel: string
  search: ListSearch
  onSearch: (change: ListSearch) => void
  /** further filters of the page, and what they leave */
  filters?: ReactNode
  keep?: ((row: T) => boolean) | undefined
  /** when there is nothing at all */
  empty: ReactNode
  nothingFound: string
  onClear: () => void
  clearLabel: string
}

/** A page of one list of the fleet: search, table, and its loading, empty and error states. */
export function ListPage<T extends { endpointId: number }>(props: ListPageProps<T>) {
  const { query, columns, search, defaultSort, searched, keep } = props
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
      <PageHeader title={props.title} hint={shown && props.hint?.(shown)} />
      {query.error && !shown ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !shown ? (
        <Loading className="space-y-2">
          <Skeleton className="h-8 w-72" />
          <Skeleton className="h-[50dvh]" />
        </Loading>
      ) : (
        <DataTable
          name={props.name}
          label={props.title}
          rows={shown}
          columns={columns}
          rowKey={props.rowKey}
          rowLabel={props.rowLabel}
          sort={sort}
          onSort={(next) => props.onSearch({ sort: formatSort(next) })}
          card={props.card}
          toolbar={
            <>
              <SearchInput
                className="w-full sm:w-72"
                value={search.q ?? ''}
                onChange={(q) => props.onSearch({ q: q === '' ? undefined : q })}
                placeholder={props.searchLabel}
              />
              {props.filters}
            </>
          }
          empty={
            query.data?.length === 0 ? (
              props.empty
            ) : (
              <EmptyState
                icon={SearchX}
                title={props.nothingFound}
                actions={<Button onClick={props.onClear}>{props.clearLabel}</Button>}
              />
            )
          }
        />
      )}
    </>
  )
}
