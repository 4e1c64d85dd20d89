// biome-ignore-all lint/a11y/useSemanticElements: rows of a real table cannot be placed one by one; the roles say the same.
// biome-ignore-all lint/a11y/useFocusableInteractive: the links, buttons and boxes inside take the focus; a row is not pressed itself.
import { ChevronRight } from 'lucide-react'
import { memo, type ReactNode } from 'react'
import { cn } from '../../lib/cn.ts'
import { Checkbox } from '../input.tsx'
import type { TableColumn } from './table-column.ts'

interface TableRowProps<T> {
  row: T
  rowKey: string
  index: number
  top: number
  height: number
  template: string
  columns: readonly TableColumn<T>[]
  selected: boolean | null
  selectLabel: string
  onSelect: (key: string, selected: boolean) => void
}

/**
 * Memoised by the identity of its row: of ten thousand rows, the one whose data changed is drawn again. The link of
 * the first cell covers the whole row (`after:inset-0`); what else can be pressed lies above it.
 */
function Row<T>(props: TableRowProps<T>) {
  return (
    <div
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.selected ?? undefined}
      className={cn(
        'absolute inset-x-0 top-0 grid items-center gap-x-4 border-line border-b px-3 text-sm focus-within:bg-raised hover:bg-raised',
        props.selected && 'bg-accent-soft',
      )}
      style={{
        height: props.height,
        gridTemplateColumns: props.template,
        transform: `translateY(${props.top}px)`,
      }}
    >
      {props.selected !== null && (
        <div role="cell" className="relative z-10 grid">
          <Checkbox
            aria-label={props.selectLabel}
            checked={props.selected}
            onChange={(event) => props.onSelect(props.rowKey, event.target.checked)}
          />
        </div>
      )}
      {props.columns.map((column) => (
        <div
          key={column.id}
          role="cell"
          className={cn('min-w-0 truncate', column.align === 'right' && 'tabular text-right')}
        >
          {column.cell(props.row)}
        </div>
      ))}
    </div>
  )
}

export const TableRow = memo(Row) as typeof Row

interface GroupRowProps {
  label: string
  open: boolean
  index: number
  top: number
  height: number
  /** counts and totals, at the right of the name */
  summary: ReactNode
  onToggle: () => void
}

/** Head of a group of rows; folds them away. */
export function GroupRow(props: GroupRowProps) {
  return (
    <div
      role="row"
      aria-rowindex={props.index + 2}
      className="absolute inset-x-0 top-0 border-line border-b bg-raised/60 text-sm"
      style={{ height: props.height, transform: `translateY(${props.top}px)` }}
    >
      <div role="cell" className="flex h-full items-center gap-2 px-3">
        <button
          type="button"
          aria-expanded={props.open}
          onClick={props.onToggle}
          className="-ml-1 flex min-w-0 items-center gap-1 rounded-sm pr-1 font-medium hover:text-accent"
        >
          <ChevronRight className={cn('size-4 shrink-0 text-ink-3', props.open && 'rotate-90')} aria-hidden />
          <span className="truncate">{props.label}</span>
        </button>
        <div className="flex min-w-0 flex-1 items-center gap-3 text-ink-2 text-xs">{props.summary}</div>
      </div>
    </div>
  )
}
