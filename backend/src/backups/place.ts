import { join } from 'node:path'
import type { Config } from '../core/config/config.ts'
import type { Log } from '../core/log.ts'
import { sqliteFile } from '../db/app-db-router.ts'
import { domainNames } from '../db/domains.ts'
import { GateTimeoutError, type StorageControl } from '../db/storage-control.ts'
import { backupError } from './backup-error.ts'
import type { BackupPlace } from './engine.ts'

export type BackupConfig = Pick<
  Config,
  | 'dataDir'
  | 'backupDir'
  | 'backupKey'
  | 'postgresToolsDir'
  | 'postgresAppUrl'
  | 'postgresAdminUrl'
  | 'secretKey'
>

/** Opening two snapshots takes a moment; a gate opens itself after twice this time. */
const GATE_MS = 5_000
const ATTEMPTS = 5

/** The installation as its configuration says, for a process in which nobody writes. */
export function placeOf(config: BackupConfig, log: Log, clock: () => Date): BackupPlace {
  return {
    folder: config.backupDir,
    dataDir: config.dataDir,
    sqlitePath: sqliteFile(config.dataDir),
    postgresUrl: config.postgresAppUrl,
    adminUrl: config.postgresAdminUrl,
    toolsDir: config.postgresToolsDir,
    secret: config.backupKey,
    secretKeyFile: config.secretKey === undefined ? join(config.dataDir, 'secret.key') : undefined,
    log,
    clock,
    freeze: (work) => work(),
  }
}

/** Holds writes back with the gates that moves use. @throws AppError `storage_busy` when they do not pause in time. */
export async function frozen<T>(control: StorageControl, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const gate = await control.close(domainNames, { deadlineMs: GATE_MS })
      try {
        const result = await work()
        if (!gate.closed) throw busy()
        return result
      } finally {
        gate.open()
      }
    } catch (error) {
      if (!(error instanceof GateTimeoutError)) throw error
      if (attempt === ATTEMPTS) throw busy(error)
    }
  }
}

const busy = (cause?: unknown) =>
  backupError(
    'storage_busy',
    'Writes did not pause for the moment that a backup of both stores needs: try again',
    {
      cause,
    },
  )
