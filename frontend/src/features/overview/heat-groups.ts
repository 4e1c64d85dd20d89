import type { HeatCell } from '../../lib/api/types.ts'

export interface HeatGroup {
  key: string
  endpointId: number
  /** null: the containers of an endpoint that belong to no stack. */
  stack: string | null
  cells: HeatCell[]
}

const collator = new Intl.Collator('en', { numeric: true })

/**
 * Cells by endpoint and stack, both by name as people count, containers without a stack last. The order depends on names
 * only, so that a cell keeps its place while its state changes.
 */
export function groupHeat(cells: readonly HeatCell[]): HeatGroup[] {
  const groups = new Map<string, HeatGroup>()
  for (const cell of cells) {
    const key = `${cell.endpointId}/${cell.stack ?? ''}`
    const group = groups.get(key) ?? { key, endpointId: cell.endpointId, stack: cell.stack, cells: [] }
    groups.set(key, group)
    group.cells.push(cell)
  }
  const ordered = [...groups.values()].sort(
    (a, b) =>
      a.endpointId - b.endpointId ||
      Number(a.stack === null) - Number(b.stack === null) ||
      collator.compare(a.stack ?? '', b.stack ?? ''),
  )
  for (const group of ordered) {
    group.cells.sort((a, b) => collator.compare(a.name, b.name) || a.id.localeCompare(b.id))
  }
  return ordered
}
