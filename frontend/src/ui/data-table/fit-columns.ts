export interface FittedColumn {
  id: string
  minWidth: number
  /** 1 stays longest; columns of equal priority go from the right */
  priority: number
}

/**
 * Ids of the columns that have room, in their given order. Those of priority 1 are shown even where they do not fit.
 *
 * @param available px for all columns together.
 */
export function fitColumns(columns: readonly FittedColumn[], available: number): string[] {
  const byPriority = columns
    .map((column, index) => ({ ...column, index }))
    .sort((a, b) => a.priority - b.priority || a.index - b.index)
  const fitting = new Set<string>()
  let used = 0
  for (const column of byPriority) {
    if (column.priority > 1 && used + column.minWidth > available) break
    used += column.minWidth
    fitting.add(column.id)
  }
  return columns.filter((column) => fitting.has(column.id)).map((column) => column.id)
}
