import type { SqlValue } from './app-db.ts'
import { DbError } from './db-errors.ts'
import type { BoundValue } from './sqlite-protocol.ts'
import { encodeSqliteValue } from './sqlite-values.ts'
import { timestamp } from './timestamps.ts'

/** Values per message: large enough to be cheap, small enough to stay a few megabytes. */
const valuesPerMessage = 50_000
/** Placeholders of one statement; SQLite's limit is 32,766. */
const valuesPerStatement = 10_000
/**
 * Rows of one INSERT: as many as there are, in few enough sizes for their statements to stay prepared. A statement of
 * one row costs half as much again, and with triggers, whose journal each statement opens anew, twice as much.
 */
const sizes = [128, 16, 1]

/** How rows are cut: `start` to `end` go in one message, `together` rows in each of its statements. */
export function* insertParts(
  rows: number,
  width: number,
): Generator<{ readonly start: number; readonly end: number; readonly together: number }> {
  let start = 0
  for (const together of sizes) {
    if (together > 1 && together * width > valuesPerStatement) continue
    const statements = Math.max(1, Math.floor(valuesPerMessage / (width * together)))
    while (rows - start >= together) {
      const end = start + together * Math.min(statements, Math.floor((rows - start) / together))
      yield { start, end, together }
      start = end
    }
  }
}

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
