import { DbError, type DbErrorKind } from '../db/db-errors.ts'
import {
  type CanonicalRow,
  type Reject,
  type RejectReason,
  rejected,
  type TableShape,
} from '../db/transfer/index.ts'

const reasons: Partial<Record<DbErrorKind, RejectReason>> = {
  unique: 'unique',
  'foreign-key': 'orphan',
  check: 'check',
  'not-null': 'null',
  'invalid-value': 'refused',
}

/** PostgreSQL: a value is too long for an index on its column. */
const TOO_LONG = '54000'

/** The row, refused by the store that it was to go to; undefined when the error is not about the row. */
export function refusedRow(shape: TableShape, row: CanonicalRow, error: unknown): Reject | undefined {
  if (!(error instanceof DbError)) return undefined
  const reason = error.engineCode === TOO_LONG ? 'too-long' : reasons[error.kind]
  return reason && rejected(shape, row, columnIn(shape, error.constraint), reason, error.message)
}

/** SQLite names `table.column`; PostgreSQL a constraint, which says it in its name at best. */
function columnIn(shape: TableShape, constraint: string | undefined): string | null {
  return shape.columns.find((column) => constraint === `${shape.table}.${column.name}`)?.name ?? null
}
