import { DbError, type DbErrorKind } from '../db-errors.ts'
import { rejected, type SourceValue } from './codecs.ts'
import type { Reject, RejectReason, TableShape } from './types.ts'

const reasons: Partial<Record<DbErrorKind, RejectReason>> = {
  unique: 'unique',
  'foreign-key': 'orphan',
  check: 'check',
  'not-null': 'null',
}

/** A row that the target itself does not take. */
export function refusalOf(shape: TableShape, raw: readonly SourceValue[], error: Error): Reject {
  const tooLong = error instanceof DbError && error.engineCode === '54000'
  const known = error instanceof DbError ? reasons[error.kind] : undefined
  return rejected(shape, raw, null, tooLong ? 'too-long' : (known ?? 'refused'), error.message)
}
