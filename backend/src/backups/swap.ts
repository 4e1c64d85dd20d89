import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { isDbError } from '../db/db-errors.ts'
import {
  databaseExists,
  dropDatabase,
  linkToAny,
  onDatabase,
  openPgSnapshot,
  renameDatabase,
  withLink,
} from '../db/snapshot/index.ts'
import { backupError, hasCode } from './backup-error.ts'
import type { BackupPlace } from './engine.ts'
import { syncFolder, writeWhole } from './folder.ts'
import { databaseOf, entrances } from './unpack.ts'

const names = z.object({ live: z.string(), fresh: z.string(), old: z.string() })

/**
 * What a swap does, written down before it begins. `fresh` takes the place of `live`, which is kept as `old`: names of
 * databases, or paths.
 */
const journalSchema = z.object({
  name: z.string(),
  stamp: z.string(),
  postgres: names.nullable(),
  sqlite: names.nullable(),
  secretKey: names.nullable(),
  safety: z.string().nullable(),
})
export type Journal = z.infer<typeof journalSchema>
type Names = z.infer<typeof names>

const pathOf = (place: BackupPlace) => join(place.dataDir, 'restore.json')

export const writeJournal = (place: BackupPlace, journal: Journal): Promise<void> =>
  writeWhole(pathOf(place), JSON.stringify(journal))

export async function removeJournal(place: BackupPlace): Promise<void> {
  await rm(pathOf(place), { force: true })
  await syncFolder(place.dataDir)
}

/** The restore whose swap was begun; undefined when there is none. */
export async function readJournal(place: BackupPlace): Promise<Journal | undefined> {
  try {
    return journalSchema.parse(JSON.parse(await readFile(pathOf(place), 'utf8')))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Exchanges the stores. May be done again after it was interrupted anywhere. */
export async function swap(place: BackupPlace, journal: Journal): Promise<void> {
  // First what may be refused: somebody else's session on the database.
  if (journal.postgres) await swapDatabases(place, journal.postgres)
  await place.onStep?.('database-swapped')
  if (journal.sqlite) await swapFiles(place, journal.sqlite, ['', '-wal'])
  if (journal.sqlite) await rm(`${journal.sqlite.live}-shm`, { force: true })
  await place.onStep?.('file-swapped')
  if (journal.secretKey) await swapFiles(place, journal.secretKey, [''])
  if (journal.postgres) await startJobs(place)
  await place.onStep?.('swapped')
}

/** A database cannot be renamed by a session on it: each of the two is renamed from within the other. */
async function swapDatabases(place: BackupPlace, { live, fresh, old }: Names): Promise<void> {
  const url = place.postgresUrl
  if (url === undefined)
    throw backupError('store_missing', 'A restore was begun with a PostgreSQL database: set POSTGRES_APP_URL')
  const within = async (candidates: readonly string[], from: string, to: string) => {
    const { link } = await linkToAny(url, candidates)
    try {
      if ((await databaseExists(link, from)) && !(await databaseExists(link, to)))
        await renameDatabase(link, from, to)
    } finally {
      await link.close()
    }
  }
  const isThere = async (name: string) => {
    const { link } = await linkToAny(url, [fresh, live, old, ...entrances(url)])
    return databaseExists(link, name).finally(() => link.close())
  }
  if (!(await isThere(fresh))) return
  await within([fresh], live, old)
  await place.onStep?.('database-set-aside')
  await within([old, ...entrances(url).slice(1)], fresh, live)
}

/** TimescaleDB stops its jobs in a database that is renamed, and lets nobody but a superuser start them again. */
async function startJobs({ postgresUrl: url, adminUrl, log }: BackupPlace): Promise<void> {
  if (url === undefined) return
  try {
    const live = await openPgSnapshot(url)
    await live.close()
    if (!live.facts.hypertables) return
    const start = 'SELECT _timescaledb_functions.start_background_workers()'
    await withLink(onDatabase(adminUrl ?? url, databaseOf(url)), (link) => link.script(start))
  } catch (error) {
    // What was restored is there all the same; the doctor tells of jobs that stand still.
    if (!isDbError(error)) throw error
    log.warn({ err: error }, 'the jobs of TimescaleDB could not be started after a restore')
  }
}

async function swapFiles(
  place: BackupPlace,
  { live, fresh, old }: Names,
  ends: readonly string[],
): Promise<void> {
  if (!existsSync(fresh)) return
  // The log first: a file without its log would miss what is only there.
  for (const end of ends.toReversed()) {
    if (existsSync(live + end) && !existsSync(old + end)) await rename(live + end, old + end)
  }
  await syncFolder(dirname(live))
  await place.onStep?.('file-set-aside')
  await rename(fresh, live)
  await syncFolder(dirname(live))
}

/**
 * Gives a swap up that was refused: what was there is there again, what was prepared is dropped.
 *
 * @throws AppError `restore_failed` when it went too far to be given up: the next start finishes it.
 */
export async function abandonSwap(place: BackupPlace, journal: Journal): Promise<void> {
  const { postgres, sqlite, secretKey } = journal
  const url = place.postgresUrl
  const tooFar = (cause?: unknown) =>
    backupError(
      'restore_failed',
      'The restore was interrupted on its last step: start the server again to finish it',
      {
        cause,
      },
    )
  if (postgres && url !== undefined) {
    try {
      const { link } = await linkToAny(url, [...entrances(url), postgres.old, postgres.fresh])
      try {
        // Set aside, or in its new place already.
        if (await databaseExists(link, postgres.old)) throw tooFar()
        await dropDatabase(link, postgres.fresh)
      } finally {
        await link.close()
      }
    } catch (error) {
      // The server is away: with a journal it is finished at the next start, without one the scratch is dropped then.
      if (await readJournal(place)) throw tooFar(error)
      place.log.warn({ err: error }, 'a database of a restore that was given up is still there')
    }
  }
  if (sqlite && existsSync(sqlite.old)) throw tooFar()
  await removeJournal(place)
  for (const path of [sqlite?.fresh, secretKey?.fresh]) {
    if (path !== undefined) for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
  }
}
