import type { AuditEvent } from '../core/http/http-app.ts'
import { ANONYMOUS } from '../core/http/principal.ts'
import type { Route } from '../core/http/route.ts'
import type { Job } from '../core/jobs/jobs.ts'
import type { Log } from '../core/log.ts'
import type { Storage } from '../db/app-db-router.ts'
import { backupsRoutes } from './backups.routes.ts'
import { type BackupSettings, createBackupsService } from './backups.service.ts'
import { readLast } from './last.ts'
import { type BackupConfig, frozen, placeOf } from './place.ts'
import type { PreparedRestore } from './restore.ts'

export interface BackupsDeps {
  readonly config: BackupConfig
  readonly storage: Pick<Storage, 'control' | 'getAppDbFor'>
  readonly settings: BackupSettings
  readonly log: Log
  readonly clock: () => Date
  audit(event: AuditEvent): Promise<void>
  /** Whether the server is asked for something at present: work gives way then. */
  readonly isAsked: () => boolean
  /** Stops the product, completes a restore and starts it again; without it restores are for the command line. */
  readonly completeRestore?: ((prepared: PreparedRestore, by: string | null) => void) | undefined
  /** This start is the one that a restore ended with. */
  readonly restored?: Restored | undefined
}

export interface Restored {
  readonly name: string
  readonly by: string | null
}

export interface Backups {
  readonly routes: readonly Route[]
  readonly jobs: readonly Job[]
  /** Null unless the last backup failed: what nobody sees, nobody mends. */
  check(): Promise<{ status: 'degraded'; error: string; reason: string } | null>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Everything about backups that runs with the product. */
export function createBackups(deps: BackupsDeps): Backups {
  const { storage, restored } = deps
  const place = placeOf(deps.config, deps.log, deps.clock)
  const service = createBackupsService({
    place: { ...place, freeze: (work) => frozen(storage.control, work) },
    settings: deps.settings,
    getAppDbFor: (domain) => storage.getAppDbFor(domain),
    isAsked: deps.isAsked,
    completeRestore: deps.completeRestore,
  })
  return {
    routes: backupsRoutes({ backups: service }),
    jobs: [{ name: 'backups-schedule', every: 20, run: () => service.tick() }],
    async check() {
      const last = await readLast(place)
      if (last?.kind !== 'create' || last.outcome !== 'failed') return null
      return {
        status: 'degraded',
        error: 'The last backup failed',
        reason: last.message ?? 'See the page Backups',
      }
    },
    async start() {
      service.start()
      if (!restored) return
      // What was recorded when it was asked for is in what it has replaced.
      await deps.audit({
        action: 'backup.restored',
        principal: { ...ANONYMOUS, username: restored.by },
        requestId: 'start',
        ip: 'local',
        outcome: 'done',
        targetType: 'backup',
        targetId: restored.name,
      })
    },
    stop: () => service.stop(),
  }
}
