/**
 * What can go wrong in a store, in one vocabulary for all engines. Adapters translate SQLSTATE and
 * SQLite result codes into it, never message text.
 */
export type DbErrorKind =
  | 'unique'
  | 'foreign-key'
  | 'check'
  | 'not-null'
  | 'invalid-value'
  | 'busy'
  | 'deadlock'
  | 'serialization'
  | 'timeout'
  | 'cancelled'
  | 'disk-full'
  | 'read-only'
  | 'corrupt'
  | 'unavailable'
  | 'other'

const rowKinds: ReadonlySet<DbErrorKind> = new Set([
  'unique',
  'foreign-key',
  'check',
  'not-null',
  'invalid-value',
])
const indexKeyTooLong = '54000'

export class DbError extends Error {
  readonly kind: DbErrorKind
  /** SQLSTATE or SQLite result code, as the engine gave it. */
  readonly engineCode: string | undefined
  /** Constraint name (PostgreSQL) or `table.column` list (SQLite), where the engine tells. */
  readonly constraint: string | undefined
  /** True when the connection was lost during COMMIT: the transaction may have been kept or not. */
  readonly outcomeUnknown: boolean

  constructor(
    kind: DbErrorKind,
    message: string,
    details: {
      cause?: unknown
      engineCode?: string | undefined
      constraint?: string | undefined
      outcomeUnknown?: boolean
    } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'DbError'
    this.kind = kind
    this.engineCode = details.engineCode
    this.constraint = details.constraint
    this.outcomeUnknown = details.outcomeUnknown ?? false
  }

  /** True when a value is too long for an index of PostgreSQL. */
  get isKeyTooLong(): boolean {
    return this.engineCode === indexKeyTooLong
  }

  /** True when the store has something against a row, and nothing against being written to. */
  get refusesRow(): boolean {
    return rowKinds.has(this.kind) || this.isKeyTooLong
  }

  /** True when running the same transaction again may succeed. */
  get retryable(): boolean {
    return this.kind === 'busy' || this.kind === 'deadlock' || this.kind === 'serialization'
  }
}

/** The outer handle was used inside its own transaction: a hang on one engine, a silent escape on the other. */
export class TransactionMisuseError extends Error {
  constructor() {
    super('Use the transaction handle inside transaction(): the outer handle would escape it')
    this.name = 'TransactionMisuseError'
  }
}

export function isDbError(error: unknown, kind?: DbErrorKind): error is DbError {
  return error instanceof DbError && (kind === undefined || error.kind === kind)
}
