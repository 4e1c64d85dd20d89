// biome-ignore-all lint/a11y/useSemanticElements: rows of a real table cannot be placed one by one; the roles say the same.
// biome-ignore-all lint/a11y/useFocusableInteractive: the links, buttons and boxes inside take the focus; a row is not pressed itself.
import { ArrowDown, ArrowUp } from 'lucide-react'
import { cn } from '../../lib/cn.ts'
import { tableTexts } from '../../lib/texts/table.ts'
import { Checkbox } from '../input.tsx'
import type { TableColumn } from './table-column.ts'
import type { TableSort } from './table-order.ts'

interface TableHeaderProps<T> {
  columns: readonly TableColumn<T>[]
  template: string
  sort: TableSort | undefined
  onSort: (sort: TableSort) => void
  /** null where rows cannot be selected */
  allSelected: boolean | 'some' | null
  onSelectAll: (selected: boolean) => void
}

/** What a click on a column's head asks for: its own direction first, then the other. */
function nextSort<T>(column: TableColumn<T>, sort: TableSort | undefined): TableSort {
  const descending = sort?.id === column.id ? !sort.descending : (column.descendingFirst ?? false)
  return { id: column.id, descending }
}

export function TableHeader<T>(props: TableHeaderProps<T>) {
  const { sort } = props
  return (
    <div
      role="row"
      aria-rowindex={1}
      className="grid h-9 items-center gap-x-4 border-line border-b px-3 font-medium text-ink-3 text-xs"
      style={{ gridTemplateColumns: props.template }}
    >
      {props.allSelected !== null && (
        <div role="columnheader" className="grid">
          <Checkbox
            aria-label={tableTexts.selectAll}
            checked={props.allSelected === true}
            ref={(box) => {
              if (box) box.indeterminate = props.allSelected === 'some'
            }}
            onChange={(event) => props.onSelectAll(event.target.checked)}
          />
        </div>
      )}
      {props.columns.map((column) => {
        const active = sort?.id === column.id
        const Arrow = sort?.descending ? ArrowDown : ArrowUp
        return (
          <div
            key={column.id}
            role="columnheader"
            aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : undefined}
            className={cn('min-w-0', column.align === 'right' && 'text-right')}
          >
            {column.value ? (
              <button
                type="button"
                onClick={() => props.onSort(nextSort(column, sort))}
                className={cn(
                  'inline-flex max-w-full items-center align-top gap-1 rounded-sm hover:text-ink',
                  column.align === 'right' && 'flex-row-reverse',
                  active && 'text-ink',
                )}
              >
                <span className="truncate">{column.header}</span>
                {active && <Arrow className="size-3 shrink-0" aria-hidden />}
              </button>
            ) : (
              <span className="block truncate">{column.header}</span>
            )}
          </div>
        )
      })}
    </div>
  )
}
