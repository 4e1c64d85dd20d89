import type { SqlValue } from './app-db.ts'
import { DbError } from './db-errors.ts'
import type { BoundValue } from './sqlite-protocol.ts'
import { encodeSqliteValue } from './sqlite-values.ts'
import { timestamp } from './timestamps.ts'

/**
 * The values of all rows in one array.
 *
 * @param timed positions of the columns declared TIMESTAMPTZ: their texts are brought into canonical form.
 * @throws DbError `invalid-value` for a row of another width, or a value that cannot be stored.
 */
export function flattenRows(
  rows: readonly (readonly SqlValue[])[],
  width: number,
  timed: readonly number[],
): BoundValue[] {
  const values: BoundValue[] = []
  for (const row of rows) {
    if (row.length !== width) {
      throw new DbError('invalid-value', `insertMany: a row has ${row.length} values for ${width} columns`)
    }
    const start = values.length
    for (const value of row) values.push(encodeSqliteValue(value))
    for (const i of timed) {
      const value = values[start + i]
      if (typeof value === 'string') values[start + i] = canonicalTimestamp(value)
    }
  }
  return values
}

function canonicalTimestamp(text: string): string {
  try {
    return timestamp(text)
  } catch (error) {
    if (error instanceof RangeError) throw new DbError('invalid-value', error.message)
    throw error
  }
}
