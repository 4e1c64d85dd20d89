import { DbError, type DbErrorKind } from './db-errors.ts'
import { MissingDriverError } from './missing-driver.ts'
import type { SqliteFailure } from './sqlite-protocol.ts'

const kinds: Readonly<Record<string, DbErrorKind>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique',
  SQLITE_CONSTRAINT_ROWID: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign-key',
  SQLITE_CONSTRAINT_CHECK: 'check',
  SQLITE_CONSTRAINT_TRIGGER: 'check',
  SQLITE_CONSTRAINT_NOTNULL: 'not-null',
  SQLITE_CONSTRAINT_DATATYPE: 'invalid-value',
  SQLITE_MISMATCH: 'invalid-value',
  SQLITE_TOOBIG: 'invalid-value',
  SQLITE_RANGE: 'invalid-value',
  BINDING: 'invalid-value',
  SQLITE_BUSY: 'busy',
  SQLITE_LOCKED: 'busy',
  SQLITE_FULL: 'disk-full',
  SQLITE_READONLY: 'read-only',
  SQLITE_CORRUPT: 'corrupt',
  SQLITE_NOTADB: 'corrupt',
  SQLITE_CANTOPEN: 'unavailable',
  SQLITE_IOERR: 'unavailable',
  SQLITE_PERM: 'unavailable',
  SQLITE_PROTOCOL: 'unavailable',
  MODULE: 'unavailable',
}

function kindOf(code: string): DbErrorKind {
  // Extended codes begin with their primary code: SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_WRITE.
  const primary = code.split('_').slice(0, 2).join('_')
  return kinds[code] ?? kinds[primary] ?? 'other'
}

const advice: Partial<Record<DbErrorKind, string>> = {
  'disk-full': 'Free space on that disk; nothing of this write was kept.',
  'read-only': 'Give the user of this process write permission on the file and its folder.',
  corrupt: 'The file is damaged or no SQLite database. Move it aside and restore a backup.',
  busy: 'Another process holds the write lock of this file.',
}

const mayOpen =
  'See that it is a file, and that the user of this process may read and write it and its folder.'

/** @param path the database file, named in messages about it. */
export function sqliteError(failure: SqliteFailure, path: string): DbError {
  const kind = kindOf(failure.code)
  const details = { engineCode: failure.code, constraint: constraintOf(failure, kind) }
  if (failure.code === 'MODULE') return new MissingDriverError(failure.message)
  const hint = /^SQLITE_(CANTOPEN|PERM)/.test(failure.code) ? mayOpen : advice[kind]
  return new DbError(kind, hint ? `${path}: ${failure.message}. ${hint}` : failure.message, details)
}

/** SQLite names the columns only in the message: `UNIQUE constraint failed: users.username`. */
function constraintOf(failure: SqliteFailure, kind: DbErrorKind): string | undefined {
  if (kind !== 'unique' && kind !== 'check' && kind !== 'not-null') return undefined
  const colon = failure.message.indexOf(': ')
  return colon < 0 ? undefined : failure.message.slice(colon + 2)
}
