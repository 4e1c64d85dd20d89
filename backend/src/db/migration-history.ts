import type { AppDbSession } from './app-db.ts'
import { MigrationError } from './migration-error.ts'
import { chainOf, type MigrationFile } from './migration-files.ts'

/** A row of `_app_migrations`: one file that was applied to this database. */
export interface AppliedMigration {
  readonly name: string
  readonly checksum: string
  readonly chain: string
}

const CREATE_HISTORY = {
  sqlite: `
    CREATE TABLE IF NOT EXISTS _app_migrations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      applied_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
      checksum TEXT NOT NULL,
      chain TEXT NOT NULL
    )
  `,
  postgres: `
    CREATE TABLE IF NOT EXISTS _app_migrations (
      id SERIAL PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
      checksum TEXT NOT NULL,
      chain TEXT NOT NULL
    )
  `,
}

export async function createHistory(db: AppDbSession): Promise<void> {
  await db.execute(CREATE_HISTORY)
}

/** What was applied, in order; empty on a database that was never migrated. */
export async function readHistory(db: AppDbSession): Promise<AppliedMigration[]> {
  const exists = await db.queryOne({
    sqlite: `SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = '_app_migrations'`,
    postgres: `SELECT 1 AS found WHERE to_regclass(quote_ident(current_schema()) || '._app_migrations') IS NOT NULL`,
  })
  if (!exists) return []
  return db.query<AppliedMigration>('SELECT name, checksum, chain FROM _app_migrations ORDER BY id')
}

/** Records `file` as applied after those in `history`, all of its own folder. */
export async function record(
  db: AppDbSession,
  history: readonly AppliedMigration[],
  file: MigrationFile,
): Promise<void> {
  await db.execute('INSERT INTO _app_migrations (name, checksum, chain) VALUES ($1, $2, $3)', [
    file.name,
    file.checksum,
    chainOf(history.at(-1)?.chain ?? '', file),
  ])
}

/**
 * Compares what was applied with the files of one folder: it must be a beginning of them, unchanged.
 *
 * @returns the files still to apply.
 * @throws MigrationError that says how history and files differ.
 */
export function pendingOf(
  history: readonly AppliedMigration[],
  files: readonly MigrationFile[],
): MigrationFile[] {
  let chain = ''
  history.forEach((applied, index) => {
    const file = files.find((each) => each.name === applied.name)
    if (!file) throw unknownMigration(applied, files)
    if (file !== files[index]) throw outOfOrder(files[index], applied)
    if (file.checksum !== applied.checksum) {
      throw new MigrationError(
        'changed-file',
        file.name,
        `${file.name} was changed after it had been applied to this database. Migrations are never edited: ` +
          'restore the file as it was released, and put the change into a new one.',
      )
    }
    chain = chainOf(chain, file)
    if (chain !== applied.chain) {
      throw new MigrationError(
        'broken-chain',
        file.name,
        `The record of ${file.name} in _app_migrations does not follow from the ones before it: ` +
          'the table was changed by hand. Restore it from a backup.',
      )
    }
  })
  return files.slice(history.length)
}

function unknownMigration(applied: AppliedMigration, files: readonly MigrationFile[]): MigrationError {
  const newest = files.at(-1)
  const number = Number(/(\d{3})_/.exec(applied.name)?.[1] ?? Number.NaN)
  if (!newest || number > newest.number) {
    return new MigrationError(
      'newer-database',
      applied.name,
      `The database is newer than this version: it has ${applied.name}, this version knows ` +
        `${newest ? `up to ${newest.name}` : 'none'}. Start the version that wrote it or a later one.`,
    )
  }
  return new MigrationError(
    'missing-file',
    applied.name,
    `${applied.name} was applied to this database but is not part of this version: ` +
      'the installation is incomplete, or the database belongs to another product.',
  )
}

function outOfOrder(expected: MigrationFile | undefined, applied: AppliedMigration): MigrationError {
  const name = expected?.name ?? applied.name
  return new MigrationError(
    'out-of-order',
    name,
    `${name} belongs before ${applied.name}, which this database has already: ` +
      'new migrations get a number after every released one.',
  )
}
