import { quoteName } from '../sql-text.ts'
import { keyColumns } from './codecs.ts'
import type { TableShape } from './types.ts'

/** A value costs SQLite's driver several times what its bytes cost; fewer are not worth the document around them. */
const fewest = 4

/**
 * How the rows of a table are read fast: most columns together in one JSON array, which comes first, and the others behind
 * it. An array tells texts from numbers and holds integers exactly. It does not hold every double, and bytes may be taken
 * for a document: a row with bytes where none belong has no array. The key is needed by itself.
 */
export interface ReadLayout {
  /** For each column of the shape where it is in a row that was read; `TOGETHER` for those in the array. */
  readonly places: readonly number[]
  /** Whether there is an array. */
  readonly together: boolean
  /** What is selected from `t`. */
  readonly select: string
}

export const TOGETHER = -1

export function readLayout(shape: TableShape): ReadLayout {
  const { columns } = shape
  const key = keyColumns(shape)
  const fits = columns.map(
    ({ kind }, i) => !key.includes(i) && (kind === 'text' || kind === 'integer' || kind === 'boolean'),
  )
  const together = fits.filter(Boolean).length >= fewest
  const name = (i: number) => `t.${quoteName(columns[i]?.name ?? '')}`
  if (!together) {
    return {
      places: columns.map((_, i) => i),
      together,
      select: columns.map((_, i) => name(i)).join(', '),
    }
  }
  const inArray = columns.flatMap((_, i) => (fits[i] ? [name(i)] : []))
  // Bytes come behind everything else in the order of values.
  const hasBytes = inArray.map((each) => `${each} >= x''`).join(' OR ')
  const behind = columns.flatMap((_, i) => (fits[i] ? [] : [i]))
  return {
    places: fits.map((fit, i) => (fit ? TOGETHER : behind.indexOf(i) + 1)),
    together,
    select: [`iif(${hasBytes}, NULL, json_array(${inArray.join(', ')}))`, ...behind.map(name)].join(', '),
  }
}
