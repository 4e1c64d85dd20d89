export interface TableSort {
  /** id of a column */
  id: string
  descending: boolean
}

/** What a column sorts by; null and undefined come last whichever way. */
export type SortValue = string | number | null | undefined

/** `cpu` and `-cpu` (descending) in the URL; undefined when the column is not known. */
export function parseSort(text: string | undefined, columns: readonly string[]): TableSort | undefined {
  if (text === undefined) return undefined
  const descending = text.startsWith('-')
  const id = descending ? text.slice(1) : text
  return columns.includes(id) ? { id, descending } : undefined
}

export const formatSort = (sort: TableSort): string => `${sort.descending ? '-' : ''}${sort.id}`

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

function compareValues(a: SortValue, b: SortValue, descending: boolean): number {
  const aMissing = a === null || a === undefined
  const bMissing = b === null || b === undefined
  if (aMissing || bMissing) return Number(aMissing) - Number(bMissing)
  const order =
    typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
  return descending ? -order : order
}

/** A sorted copy; rows that compare equal keep the order they came in. Values are read once per row. */
export function sortRows<T>(rows: readonly T[], value: (row: T) => SortValue, descending: boolean): T[] {
  return rows
    .map((row) => ({ row, value: value(row) }))
    .sort((a, b) => compareValues(a.value, b.value, descending))
    .map(({ row }) => row)
}

/**
 * Puts rows into the order their keys had before, so that a list sorted by a living value stands still while the value
 * changes. Rows that were not there go to the end, in the order given.
 */
export function keepOrder<T>(rows: readonly T[], keys: readonly string[], keyOf: (row: T) => string): T[] {
  const place = new Map(keys.map((key, index) => [key, index]))
  return rows
    .map((row) => ({ row, place: place.get(keyOf(row)) ?? Number.MAX_SAFE_INTEGER }))
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row)
}

export type TableItem<T> =
  | { kind: 'group'; key: string; label: string; rows: readonly T[]; open: boolean }
  | { kind: 'row'; key: string; row: T }

/**
 * Rows in groups, groups by name, rows without a group (null) last under `restLabel`. Within a group the order given
 * stays. Rows of a closed group are left out.
 */
export function groupRows<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  groupOf: (row: T) => string | null,
  closed: ReadonlySet<string>,
  restLabel: string,
): TableItem<T>[] {
  const groups = new Map<string | null, T[]>()
  for (const row of rows) {
    const name = groupOf(row)
    const members = groups.get(name)
    if (members) members.push(row)
    else groups.set(name, [row])
  }
  const names = [...groups.keys()].sort((a, b) => (a === null ? 1 : b === null ? -1 : collator.compare(a, b)))
  return names.flatMap((name): TableItem<T>[] => {
    const members = groups.get(name) ?? []
    // A group named like the rest must not share its key.
    const key = name === null ? 'rest' : `group ${name}`
    const open = !closed.has(key)
    const head: TableItem<T> = { kind: 'group', key, label: name ?? restLabel, rows: members, open }
    return open
      ? [head, ...members.map((row): TableItem<T> => ({ kind: 'row', key: keyOf(row), row }))]
      : [head]
  })
}
