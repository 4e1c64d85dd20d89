import type { ReactNode } from 'react'
import type { SortValue } from './table-order.ts'

export interface TableColumn<T> {
  id: string
  header: string
  cell: (row: T) => ReactNode
  /** what it sorts by; a column without it cannot be sorted */
  value?: (row: T) => SortValue
  /** the value moves by itself: the order then stands still until asked for again */
  live?: boolean
  /** first click sorts the largest to the top */
  descendingFirst?: boolean
  /** px it needs at least; further width is shared by `grow` */
  minWidth: number
  grow?: number
  align?: 'left' | 'right'
  /** 1 is always shown; the higher, the sooner it goes when there is no room */
  priority: number
  /** off until chosen in the menu */
  offByDefault?: boolean
}
