import { useMemo, useRef } from 'react'
import type { TableColumn } from './table-column.ts'
import { keepOrder, sortRows, type TableSort } from './table-order.ts'

interface Order<T> {
  ordered: readonly T[]
  /** the rows would stand in another order if sorted now */
  outdated: boolean
}

/**
 * Rows in the order of the sort. By a column whose values move by themselves they are sorted once, and then stand still
 * until the sort changes or `again` grows: nothing jumps under a pointer.
 */
export function useTableOrder<T>(
  rows: readonly T[],
  rowKey: (row: T) => string,
  column: TableColumn<T> | undefined,
  sort: TableSort | undefined,
  again: number,
): Order<T> {
  const frozen = useRef<{ id: string; keys: string[] } | null>(null)
  return useMemo(() => {
    const value = column?.value
    if (sort === undefined || value === undefined) {
      frozen.current = null
      return { ordered: rows, outdated: false }
    }
    const sorted = sortRows(rows, value, sort.descending)
    if (!column?.live) {
      frozen.current = null
      return { ordered: sorted, outdated: false }
    }
    const id = `${sort.id} ${sort.descending} ${again}`
    // A first answer without values yet is no order worth keeping.
    const worthKeeping = rows.some((row) => value(row) !== null && value(row) !== undefined)
    if (frozen.current?.id !== id || !worthKeeping) {
      frozen.current = worthKeeping ? { id, keys: sorted.map(rowKey) } : null
      return { ordered: sorted, outdated: false }
    }
    const ordered = keepOrder(rows, frozen.current.keys, rowKey)
    return { ordered, outdated: ordered.some((row, index) => row !== sorted[index]) }
  }, [rows, rowKey, column, sort, again])
}
