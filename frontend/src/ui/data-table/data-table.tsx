// biome-ignore-all lint/a11y/useSemanticElements: rows of a real table cannot be placed one by one; the roles say the same.
// biome-ignore-all lint/a11y/useFocusableInteractive: the links, buttons and boxes inside take the focus; a row is not pressed itself.
import { type ColumnDef, getCoreRowModel, useReactTable } from '@tanstack/react-table'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { ArrowDownWideNarrow, Columns3, X } from 'lucide-react'
import { type ReactNode, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { tableTexts } from '../../lib/texts/table.ts'
import { Button } from '../button.tsx'
import { Select } from '../input.tsx'
import { Menu, MenuCheckItem } from '../menu.tsx'
import { useColumnChoice } from './column-prefs.ts'
import { fitColumns } from './fit-columns.ts'
import type { TableColumn } from './table-column.ts'
import { TableHeader } from './table-header.tsx'
import { formatSort, groupRows, parseSort, type TableItem, type TableSort } from './table-order.ts'
import { GroupRow, TableRow } from './table-row.tsx'
import { useElementWidth } from './use-element-width.ts'
import { useTableOrder } from './use-table-order.ts'

const ROW_HEIGHT = 40
const HEAD_HEIGHT = 36
const CARD_HEIGHT = 88
const CARDS_BELOW_PX = 620
const CHECK_PX = 32
const GAP_PX = 16
const SIDES_PX = 24

export interface DataTableProps<T> {
  /** names the table for what is remembered about it, and for screen readers */
  name: string
  label: string
  rows: readonly T[]
  columns: readonly TableColumn<T>[]
  rowKey: (row: T) => string
  rowLabel: (row: T) => string
  sort: TableSort | undefined
  onSort: (sort: TableSort) => void
  /** one row on a phone */
  card: (row: T) => ReactNode
  /** filters, left of the table's own buttons */
  toolbar?: ReactNode
  /** instead of rows when there are none */
  empty: ReactNode
  group?:
    | { of: (row: T) => string | null; restLabel: string; summary: (rows: readonly T[]) => ReactNode }
    | undefined
  /** what can be done with selected rows; without it nothing can be selected */
  bulk?: ((rows: readonly T[], clear: () => void) => ReactNode) | undefined
}

const NONE: ReadonlySet<string> = new Set()

/**
 * A table that draws only the rows in sight. It scrolls with the page under a head that stays; columns without room are
 * left out by priority, below 620 px rows become cards.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  const { rows, columns, rowKey, sort, group } = props
  const frame = useRef<HTMLDivElement>(null)
  const width = useElementWidth(frame)
  const cards = width > 0 && width < CARDS_BELOW_PX
  const [choice, choose] = useColumnChoice(props.name)
  const [again, setAgain] = useState(0)
  const [closed, setClosed] = useState<ReadonlySet<string>>(NONE)
  const [picked, setPicked] = useState<ReadonlySet<string>>(NONE)

  const definitions = useMemo(
    () =>
      columns.map(
        (column): ColumnDef<T> => ({
          id: column.id,
          header: column.header,
          enableHiding: column.priority > 1,
        }),
      ),
    [columns],
  )
  const visibility = useMemo(
    () => Object.fromEntries(columns.map((column) => [column.id, choice[column.id] ?? !column.offByDefault])),
    [columns, choice],
  )
  const table = useReactTable({
    data: useMemo(() => [...rows], [rows]),
    columns: definitions,
    state: { columnVisibility: visibility },
    getCoreRowModel: getCoreRowModel(),
    getRowId: rowKey,
    manualSorting: true,
  })

  const chosen = columns.filter((column) => table.getColumn(column.id)?.getIsVisible() ?? true)
  const available = width - SIDES_PX - (props.bulk ? CHECK_PX : 0)
  const fitted = fitColumns(
    chosen.map((column) => ({ ...column, minWidth: column.minWidth + GAP_PX })),
    available,
  )
  const shownIds = fitted.join(' ')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ids say all that changes; a new array would draw every row again.
  const shown = useMemo(() => columns.filter((column) => fitted.includes(column.id)), [columns, shownIds])
  const template = [
    ...(props.bulk ? [`${CHECK_PX - GAP_PX}px`] : []),
    ...shown.map((column) => (column.grow ? `minmax(0, ${column.grow}fr)` : `${column.minWidth}px`)),
  ].join(' ')

  const sortColumn = columns.find((column) => column.id === sort?.id)
  const { ordered, outdated } = useTableOrder(rows, rowKey, sortColumn, sort, again)
  const items = useMemo<TableItem<T>[]>(
    () =>
      group
        ? groupRows(ordered, rowKey, group.of, closed, group.restLabel)
        : ordered.map((row) => ({ kind: 'row', key: rowKey(row), row })),
    [ordered, rowKey, group, closed],
  )

  // Rows that left the list are no longer chosen.
  const selectedRows = useMemo(
    () => (picked.size === 0 ? [] : ordered.filter((row) => picked.has(rowKey(row)))),
    [picked, ordered, rowKey],
  )
  const clear = useCallback(() => setPicked(NONE), [])
  const select = useCallback((key: string, selected: boolean) => {
    setPicked((before) => {
      const next = new Set(before)
      if (selected) next.add(key)
      else next.delete(key)
      return next
    })
  }, [])
  const toggleGroup = (key: string) => {
    const next = new Set(closed)
    if (!next.delete(key)) next.add(key)
    setClosed(next)
  }
  const onSort = (next: TableSort) => {
    setAgain(again + 1)
    props.onSort(next)
  }

  const body = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  // Banners and filters above may have changed their height with this render.
  useLayoutEffect(() => {
    const top = body.current === null ? 0 : body.current.getBoundingClientRect().top + window.scrollY
    if (Math.abs(top - offset) > 1) setOffset(top)
  })
  const sizeOf = (index: number) =>
    items[index]?.kind === 'group' ? HEAD_HEIGHT : cards ? CARD_HEIGHT : ROW_HEIGHT
  const view = useWindowVirtualizer({
    count: items.length,
    estimateSize: sizeOf,
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 8,
    scrollMargin: offset,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: cards and rows differ in height.
  useLayoutEffect(() => view.measure(), [cards])

  const all = selectedRows.length === 0 ? false : selectedRows.length === rows.length ? true : 'some'

  return (
    <div ref={frame} className="min-w-0">
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {props.toolbar}
        <div className="ml-auto flex items-center gap-2">
          {outdated && (
            <Button variant="ghost" title={tableTexts.sortAgainHint} onClick={() => setAgain(again + 1)}>
              <ArrowDownWideNarrow aria-hidden />
              {tableTexts.sortAgain}
            </Button>
          )}
          {cards ? (
            <Select
              aria-label={tableTexts.sortBy}
              value={sort ? formatSort(sort) : ''}
              onChange={(event) => {
                const next = parseSort(
                  event.target.value,
                  columns.map((column) => column.id),
                )
                if (next) onSort(next)
              }}
            >
              {columns
                .filter((column) => column.value)
                .flatMap((column) => [
                  <option key={column.id} value={column.id}>{`${column.header} ↑`}</option>,
                  <option key={`-${column.id}`} value={`-${column.id}`}>{`${column.header} ↓`}</option>,
                ])}
            </Select>
          ) : (
            <Menu
              trigger={
                <Button
                  variant="ghost"
                  size="icon"
                  aria-label={tableTexts.columns}
                  title={tableTexts.columns}
                >
                  <Columns3 aria-hidden />
                </Button>
              }
            >
              {columns
                .filter((column) => table.getColumn(column.id)?.getCanHide())
                .map((column) => (
                  <MenuCheckItem
                    key={column.id}
                    checked={visibility[column.id] ?? true}
                    onCheckedChange={(checked) => choose(column.id, checked)}
                  >
                    <span className="flex-1">{column.header}</span>
                    {visibility[column.id] && !fitted.includes(column.id) && (
                      <span className="text-ink-3 text-xs">{tableTexts.noRoom}</span>
                    )}
                  </MenuCheckItem>
                ))}
            </Menu>
          )}
        </div>
      </div>

      <div
        role="table"
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
        className="overflow-clip rounded-lg border border-line bg-card"
      >
        {/* Below the page's own head, which stays too. */}
        <div role="rowgroup" className="sticky top-12 z-20 rounded-t-lg bg-card">
          {!cards && (
            <TableHeader
              columns={shown}
              template={template}
              sort={sort}
              onSort={onSort}
              allSelected={props.bulk ? all : null}
              onSelectAll={(on) => setPicked(on ? new Set(rows.map(rowKey)) : NONE)}
            />
          )}
        </div>
        <div ref={body} role="rowgroup" className="relative -mb-px" style={{ height: view.getTotalSize() }}>
          {view.getVirtualItems().map((place) => {
            const item = items[place.index]
            if (item === undefined) return null
            const top = place.start - offset
            if (item.kind === 'group') {
              return (
                <GroupRow
                  key={item.key}
                  label={item.label}
                  open={item.open}
                  index={place.index}
                  top={top}
                  height={HEAD_HEIGHT}
                  summary={group?.summary(item.rows)}
                  onToggle={() => toggleGroup(item.key)}
                />
              )
            }
            if (cards) {
              return (
                <div
                  key={item.key}
                  ref={view.measureElement}
                  data-index={place.index}
                  role="row"
                  className="absolute inset-x-0 top-0 border-line border-b"
                  style={{ transform: `translateY(${top}px)` }}
                >
                  <div role="cell" className="relative p-3">
                    {props.card(item.row)}
                  </div>
                </div>
              )
            }
            return (
              <TableRow
                key={item.key}
                row={item.row}
                rowKey={item.key}
                index={place.index}
                top={top}
                height={ROW_HEIGHT}
                template={template}
                columns={shown}
                selected={props.bulk ? picked.has(item.key) : null}
                selectLabel={tableTexts.selectRow(props.rowLabel(item.row))}
                onSelect={select}
              />
            )
          })}
        </div>
        {items.length === 0 && props.empty}
      </div>

      {selectedRows.length > 0 && props.bulk && (
        // At the foot of the window: the table above does not move, and the box that was pressed stays where it is.
        <section
          aria-label={tableTexts.selected(selectedRows.length)}
          className="fixed bottom-4 left-1/2 z-30 flex -translate-x-1/2 animate-appear items-center gap-2 rounded-lg border border-line-strong bg-card p-2 pl-4 text-sm shadow-(--popover-shadow)"
        >
          <span className="tabular whitespace-nowrap font-medium">
            {tableTexts.selected(selectedRows.length)}
          </span>
          {props.bulk(selectedRows, clear)}
          <Button size="icon-sm" variant="ghost" aria-label={tableTexts.clearSelection} onClick={clear}>
            <X aria-hidden />
          </Button>
        </section>
      )}
    </div>
  )
}
