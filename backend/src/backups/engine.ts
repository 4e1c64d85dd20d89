import type { Log } from '../core/log.ts'
import type { Pace } from '../db/snapshot/index.ts'
import { backupError } from './backup-error.ts'

/** Where the installation and its backups are. Nothing here needs the product to run. */
export interface BackupPlace {
  /** Of the backups. */
  readonly folder: string
  readonly dataDir: string
  readonly sqlitePath: string
  readonly postgresUrl: string | undefined
  /** A superuser of the same server, for databases that the user of `postgresUrl` may not fill. */
  readonly adminUrl: string | undefined
  /** Folder of pg_dump; undefined: wherever it is. */
  readonly toolsDir: string | undefined
  /** What backups are encrypted with. */
  readonly secret: string | undefined
  /** The file of the key of stored secrets; undefined where SECRET_KEY is set. */
  readonly secretKeyFile: string | undefined
  readonly log: Log
  readonly clock: () => Date
  /** Runs `work`, which is short, while nothing is written to either store. */
  freeze<T>(work: () => Promise<T>): Promise<T>
  /** Called at each step of a restore; tests end the process there. */
  onStep?(step: string): void | Promise<void>
}

/** Of the time, while a backup is made or proved and the server is asked for something. */
export const WORKING_SHARE = 1 / 7

export interface Watch {
  readonly signal: AbortSignal
  /** Of work that goes on beside a server that answers requests: what it takes gives way to them. */
  readonly pace?: Pace | undefined
  /** @param share between 0 and 1; null where nobody can tell. */
  onProgress(step: BackupStep, share: number | null): void
}

export type BackupStep = 'copying' | 'dumping' | 'restoring' | 'comparing' | 'saving' | 'swapping'

/** What was cancelled says so, and not how its last statement ended. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw backupError('cancelled', 'It was cancelled; nothing was changed')
}
