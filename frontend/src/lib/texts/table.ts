import { formatCount } from '../format.ts'

export const tableTexts = {
  columns: 'Columns',
  noRoom: 'no room',
  selectAll: 'Select all',
  selectRow: (name: string) => `Select ${name}`,
  selected: (count: number) => `${formatCount(count)} selected`,
  clearSelection: 'Clear the selection',
  sortAgain: 'Sort again',
  sortAgainHint: 'Values have changed since; the rows stand still until you ask',
  sortBy: 'Sort by',
  descending: 'Largest or last first',
  ascending: 'Smallest or first first',
  rows: (count: number) => `${formatCount(count)} rows`,
}
