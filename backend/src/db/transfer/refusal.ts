import { type DbErrorKind, isDbError } from '../db-errors.ts'
import { rejected, type SourceValue } from './codecs.ts'
import type { Reject, RejectReason, TableShape } from './types.ts'

const reasons: Partial<Record<DbErrorKind, RejectReason>> = {
  unique: 'unique',
  'foreign-key': 'orphan',
  check: 'check',
  'not-null': 'null',
}

/** What quarantine calls it when a store refuses a row with `error`. */
export function reasonOfRefusal(error: unknown): RejectReason {
  if (!isDbError(error)) return 'refused'
  return error.isKeyTooLong ? 'too-long' : (reasons[error.kind] ?? 'refused')
}

/** A row that the target itself does not take. */
export const refusalOf = (shape: TableShape, raw: readonly SourceValue[], error: Error): Reject =>
  rejected(shape, raw, null, reasonOfRefusal(error), error.message)
