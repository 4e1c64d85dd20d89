import { isDbError } from '../db/db-errors.ts'
import {
  type CanonicalRow,
  type Reject,
  reasonOfRefusal,
  rejected,
  type TableShape,
} from '../db/transfer/index.ts'

/** The row, refused by the store that it was to go to; undefined when the error is not about the row. */
export function refusedRow(shape: TableShape, row: CanonicalRow, error: unknown): Reject | undefined {
  if (!isDbError(error) || !error.refusesRow) return undefined
  return rejected(shape, row, columnIn(shape, error.constraint), reasonOfRefusal(error), error.message)
}

/** SQLite names `table.column`; PostgreSQL a constraint, which says it in its name at best. */
function columnIn(shape: TableShape, constraint: string | undefined): string | null {
  return shape.columns.find((column) => constraint === `${shape.table}.${column.name}`)?.name ?? null
}
