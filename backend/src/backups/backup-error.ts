import { AppError } from '../core/errors.ts'

/** Why something with a backup is refused or failed. Stable; documented in docs/runbooks/back-up-and-restore.md. */
const STATUS = {
  backup_unknown: 404,
  backup_name: 400,
  not_a_backup: 422,
  backup_damaged: 422,
  backup_newer: 422,
  backup_too_large: 413,
  backup_exists: 409,
  folder_unusable: 503,
  key_missing: 422,
  key_wrong: 422,
  pg_tools_missing: 503,
  pg_tools_too_old: 503,
  pg_tools_failed: 502,
  store_missing: 422,
  store_away: 503,
  storage_busy: 503,
  disk_too_small: 507,
  disk_full: 507,
  operation_running: 409,
  nothing_running: 409,
  cancelled: 409,
  rights_missing: 422,
  server_older: 422,
  extension_missing: 422,
  foreign_schemas: 422,
  other_installation: 422,
  verify_failed: 422,
  confirmation: 400,
  restore_offline: 409,
  restore_failed: 500,
} as const

export type BackupCode = keyof typeof STATUS

export function backupError(
  code: BackupCode,
  message: string,
  details: { cause?: unknown; extra?: Readonly<Record<string, unknown>> } = {},
): AppError {
  return new AppError(STATUS[code], code, message, details)
}

export const isBackupError = (error: unknown, code: BackupCode): error is AppError =>
  error instanceof AppError && error.code === code

export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
