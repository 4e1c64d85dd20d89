import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStorage, type Storage, type StorageDeps, sqliteFile } from '../db/app-db-router.ts'
import { domainNames } from '../db/domains.ts'
import { migrate } from '../db/migrate.ts'
import { readPlacements } from '../db/placement-store.ts'
import { openPostgresStore } from '../db/postgres.ts'
import { locationOf } from '../db/stores.ts'
import { AdoptError } from './adopt-error.ts'
import { copyDatabase } from './database-copy.ts'

export type InstallationDeps = Pick<StorageDeps, 'config' | 'log' | 'clock' | 'settleRoles'>

/**
 * Opens the storage of an installation whose server is stopped.
 *
 * @throws StoreInUseError or {@link AdoptError} `in-use` when it is not stopped; `not-ready` when a domain cannot be
 *   written to; ConfigError
 */
export async function openInstallation(deps: InstallationDeps): Promise<Storage> {
  const { postgresAppUrl } = deps.config
  if (postgresAppUrl !== undefined) await requireNoServer(postgresAppUrl)
  return openReady(deps)
}

/**
 * The same for a trial: SQLite as a copy in `folder`, or a new file there when the installation has none yet. Of
 * PostgreSQL it is the database itself, which must be prepared already, because opening it would prepare it.
 */
export async function openForTrial(deps: InstallationDeps, folder: string): Promise<Storage> {
  const { config } = deps
  const file = sqliteFile(config.dataDir)
  if (existsSync(file)) await copyDatabase(file, sqliteFile(folder))
  if (config.postgresAppUrl !== undefined) await requirePrepared(config.postgresAppUrl)
  return openReady({ ...deps, config: { ...config, dataDir: folder } })
}

async function openReady(deps: InstallationDeps): Promise<Storage> {
  const storage = await openStorage(deps)
  const reasons = new Set(storage.status().domains.flatMap(({ reason }) => (reason === null ? [] : [reason])))
  if (reasons.size === 0) return storage
  await storage.close()
  throw new AdoptError('not-ready', `The installation cannot be written to: ${[...reasons].join('; ')}`)
}

/** How long the server of PostgreSQL may take to notice that a process was killed. */
const GONE_AFTER_MS = 3_000

/** PostgreSQL has no lock like that of the SQLite file; its sessions say who uses it. */
async function requireNoServer(url: string): Promise<void> {
  const store = openPostgresStore({ url, maxConnections: 1, applicationName: 'holdfast adopt' })
  const deadline = performance.now() + GONE_AFTER_MS
  try {
    for (;;) {
      const row = await store.db.queryOne<{ since: string; client: string | null }>(
        `SELECT a.backend_start AS since, a.client_addr::text AS client
         FROM pg_stat_activity AS a
         WHERE a.datname = current_database() AND a.application_name = 'holdfast'
         ORDER BY a.backend_start, a.pid LIMIT 1`,
      )
      if (row === undefined) return
      if (performance.now() > deadline) throw inUse(url, row)
      await sleep(100)
    }
  } finally {
    await store.close()
  }
}

function inUse(url: string, session: { since: string; client: string | null }): AdoptError {
  return new AdoptError(
    'in-use',
    `A Holdfast server uses the database ${locationOf(url)} (from ${session.client ?? 'this machine'}, since ` +
      `${session.since}). Stop it while the data of the older dashboard is adopted.`,
  )
}

async function requirePrepared(url: string): Promise<void> {
  const store = openPostgresStore({ url, maxConnections: 1, applicationName: 'holdfast adopt' })
  try {
    const { pending } = await migrate(store, { dryRun: true })
    if (pending.length === 0 && (await readPlacements(store.db)).size >= domainNames.length) return
  } finally {
    await store.close()
  }
  throw new AdoptError(
    'not-ready',
    `The database ${locationOf(url)} does not have the tables of this version yet, and a trial changes nothing. ` +
      'Start Holdfast on it once and stop it again.',
  )
}

/** Where what an adoption leaves on disk is kept. */
export const adoptedFolder = (dataDir: string) => join(dataDir, 'adopted')
