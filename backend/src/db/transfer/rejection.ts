import type { RejectReason } from './types.ts'

/** Why one value cannot be held by the other store. */
export class Rejection extends Error {
  readonly reason: RejectReason

  constructor(reason: RejectReason, message: string) {
    super(message)
    this.name = 'Rejection'
    this.reason = reason
  }
}

/** What an operator can do about it. */
export const suggestions: Readonly<Record<RejectReason, string>> = {
  nul: 'Remove the NUL character: PostgreSQL cannot store it in text.',
  utf8: 'Write the text again in UTF-8: its bytes are no valid UTF-8.',
  surrogate: 'Replace the unpaired surrogate: it is half of a character.',
  json: 'Write valid JSON into the column.',
  boolean: 'Set the column to 0 or 1.',
  integer: 'Set the column to a whole number.',
  float: 'Set the column to a number that both stores can hold.',
  range: 'Set the column to a number within its range.',
  timestamp: 'Write a full point in time: 2026-11-21T03:04:05.000Z.',
  type: 'Write a value of the type of the column.',
  null: 'Give the column a value: it must not be empty.',
  orphan: 'Restore the row that it refers to, or delete this one.',
  unique: 'Change or delete one of the rows that have the same unique value.',
  check: 'Set the column to one of the values that are allowed.',
  'too-long': 'Shorten the text: an index cannot hold it.',
  refused: 'Correct the row as the message says, or delete it.',
}
