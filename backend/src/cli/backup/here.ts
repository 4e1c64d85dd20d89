import { existsSync } from 'node:fs'
import type { BackupLoss } from '../../backups/backups.schema.ts'
import { createBackupsService, finishAtStart, placeOf, restoreHere } from '../../backups/index.ts'
import type { Config } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import { createLogger } from '../../core/log.ts'
import { openStorage, sqliteFile } from '../../db/app-db-router.ts'
import { lockSqliteServer } from '../../db/sqlite-server-lock.ts'
import { settleRoles } from '../../moves/index.ts'
import type { BackupClient } from './client.ts'

const clock = () => new Date()

/** Does the work in this process, for an installation whose server is stopped. @throws StoreInUseError when it is not. */
export async function backupsHere(config: Config): Promise<BackupClient> {
  const log = createLogger('error')
  const place = placeOf(config, log, clock)
  const file = sqliteFile(config.dataDir)
  const takeLock = () => (existsSync(file) ? lockSqliteServer(file) : undefined)
  let lock = await takeLock()
  await finishAtStart(place)
  const service = createBackupsService({
    place,
    // What is kept is for the server to decide: nothing is deleted here.
    settings: {
      number: async () => Number.MAX_SAFE_INTEGER,
      boolean: async () => false,
      text: async () => 'UTC',
    },
    getAppDbFor: () => {
      throw new AppError(503, 'store_unavailable', 'The stores are not open')
    },
  })

  async function outcome() {
    await service.settled()
    return (await service.listBackups()).last
  }

  return {
    list: () => service.listBackups(),
    show: (name) => service.getBackup(name),
    async create() {
      service.createBackup('cli')
      return outcome()
    },
    async prove(name) {
      await service.prove(name, 'cli')
      return outcome()
    },
    delete: (name) => service.deleteBackup(name),
    drop: (name) => service.dropSetAside(name),
    cancel: async () => service.cancel(),
    async loss(name) {
      // The stores are opened as by a server, which takes it itself.
      lock?.release()
      lock = undefined
      const loss = await lossHere(config, name)
      lock = await takeLock()
      return { ...loss, obstacle: null }
    },
    restore: (name, safety) => restoreHere(place, name, { safety }),
    async close() {
      await service.stop()
      lock?.release()
    },
  }
}

/** Opens the stores as a server does; where there are none yet, nothing would be lost. */
async function lossHere(config: Config, name: string): Promise<Omit<BackupLoss, 'obstacle'>> {
  const { countLoss, isNew, openNamed } = await import('../../backups/index.ts')
  const log = createLogger('silent')
  const place = placeOf(config, log, clock)
  const { manifest } = await openNamed(place, name)
  const nothing = { since: manifest.createdAt, tables: [] }
  if (await isNew(place)) return nothing
  const storage = await openStorage({ config, log, clock, settleRoles })
  try {
    return { ...nothing, tables: await countLoss((domain) => storage.getAppDbFor(domain), manifest) }
  } finally {
    await storage.close()
  }
}
