export type MigrationErrorCode =
  /** The database was migrated by a newer version. */
  | 'newer-database'
  /** A file was changed after it had been applied. */
  | 'changed-file'
  /** A file that was applied is not part of this version. */
  | 'missing-file'
  /** A file belongs before one that was applied already. */
  | 'out-of-order'
  /** The rows of `_app_migrations` were changed by hand. */
  | 'broken-chain'
  /** Another process held the lock all the time. */
  | 'lock-timeout'
  /** A statement of the file failed; nothing of the file was kept. */
  | 'failed'
  /** The account may not create tables, or there is no schema to create them in. */
  | 'no-rights'
  /** The database was set up with TimescaleDB, which is not there, or not as expected. */
  | 'timescale'
  /** The migrations of this installation are incomplete or misnamed. */
  | 'bad-file'

/** Why a database could not be brought to the schema of this version. The message says what to do. */
export class MigrationError extends Error {
  readonly code: MigrationErrorCode
  /** Name of the migration, where one is to blame. */
  readonly file: string | undefined

  constructor(
    code: MigrationErrorCode,
    file: string | undefined,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options)
    this.name = 'MigrationError'
    this.code = code
    this.file = file
  }
}

/** What the refusal of a CREATE (SQLSTATE 42501) means for the operator. */
export function noRights(cause: Error, file?: string): MigrationError {
  const text =
    `The account may not create tables (${cause.message}). As the owner of the database run ` +
    'GRANT CREATE, USAGE ON SCHEMA public TO <account>, or make the account the owner of the database.'
  return new MigrationError('no-rights', file, text, { cause })
}

/** What it means that CREATE finds no schema (SQLSTATE 3F000, or current_schema() is null). */
export function noSchema(cause?: unknown): MigrationError {
  const text =
    'The search_path of this account names no schema that exists: create the schema, or change the search_path ' +
    'of the account or of POSTGRES_APP_URL.'
  return new MigrationError('no-rights', undefined, text, { cause })
}
