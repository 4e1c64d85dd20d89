import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { openPostgresStore } from '../db/postgres.ts'
import {
  databaseExists,
  dropDatabase,
  holdsTables,
  linkToAny,
  onDatabase,
  openPgSnapshot,
  withLink,
} from '../db/snapshot/index.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { Archive } from './archive.ts'
import { backupError } from './backup-error.ts'
import { createBackup, translated } from './create.ts'
import { type BackupPlace, throwIfCancelled, type Watch } from './engine.ts'
import { assertRoom, existing } from './folder.ts'
import { type Manifest, type OpenedBackup, openBackup } from './manifest.ts'
import { abandonSwap, type Journal, readJournal, removeJournal, swap, writeJournal } from './swap.ts'
import {
  assertRestorable,
  databaseOf,
  dropScratch,
  entrances,
  isStamp,
  oldName,
  stampOf,
  unpackPostgres,
  unpackSqlite,
} from './unpack.ts'

export interface RestoreOptions {
  /** False: no backup of what is there now. Only for an installation that cannot be read any more. */
  readonly safety: boolean
}

export interface RestoreResult {
  readonly name: string
  /** Backup of what was there before; null where there was nothing. */
  readonly safety: string | null
  /** Where what was there before is kept. */
  readonly kept: readonly string[]
}

/** Beside the live stores lies what will take their place: complete, compared, and used by nobody yet. */
export interface PreparedRestore {
  readonly name: string
  readonly journal: Journal
}

/**
 * Everything of a restore that changes nothing: the product may run meanwhile. What a kill leaves is removed by the next
 * {@link removeLeftovers}.
 *
 * @throws AppError, see backup-error.ts; nothing is left behind.
 */
export async function prepareRestore(
  place: BackupPlace,
  name: string,
  watch: Watch,
): Promise<PreparedRestore> {
  throwIfCancelled(watch.signal)
  const backup = await openBackup(await Archive.open(await existing(place.folder, name)), place.secret)
  await assertRestorable(place, backup.manifest)
  await assertNothingForeign(place, backup.manifest)
  const stamp = await freeStamp(place)
  const fresh = `${place.sqlitePath}.restoring`
  let database: string | undefined
  try {
    if (backup.manifest.sqlite) {
      await assertRoom(place.dataDir, backup.manifest.sqlite.bytes, 'The restored file')
      await removeFile(fresh)
      await unpackSqlite(backup, fresh, watch)
    }
    await place.onStep?.('file-unpacked')
    if (backup.manifest.postgres && place.postgresUrl !== undefined) {
      database = await unpackPostgres(place, backup, place.postgresUrl, watch)
    }
    await place.onStep?.('database-unpacked')
    const journal = await journalOf(place, backup, { database, fresh, stamp })
    return { name, journal }
  } catch (error) {
    await removeFile(fresh)
    await rm(secretDraft(place), { force: true })
    if (database !== undefined) await dropOne(place, database)
    throw translated(error, watch.signal)
  }
}

/**
 * A time for the names of what is set aside that no earlier restore has used: a clock that was set back must not lead to
 * what is kept already.
 */
async function freeStamp(place: BackupPlace): Promise<string> {
  const url = place.postgresUrl
  const files = [place.sqlitePath, place.secretKeyFile].filter((path) => path !== undefined)
  const server = url === undefined ? undefined : (await linkToAny(url, entrances(url))).link
  try {
    for (let atMs = place.clock().getTime(); ; atMs++) {
      const stamp = stampOf(new Date(atMs))
      if (files.some((path) => existsSync(setAsidePath(path, stamp)))) continue
      if (server && url && (await databaseExists(server, oldName(databaseOf(url), stamp)))) continue
      return stamp
    }
  } finally {
    await server?.close()
  }
}

const setAsidePath = (path: string, stamp: string) => `${path}.before-${stamp}`

const secretDraft = (place: BackupPlace) => join(place.dataDir, 'secret.key.restoring')

async function journalOf(
  place: BackupPlace,
  backup: OpenedBackup,
  made: { database: string | undefined; fresh: string; stamp: string },
): Promise<Journal> {
  const { manifest } = backup
  const { database, fresh, stamp } = made
  const url = place.postgresUrl
  if (manifest.secretKey && place.secretKeyFile !== undefined) {
    await writeFile(secretDraft(place), await whole(backup.read('secret.key')), { mode: 0o600, flush: true })
  }
  return {
    name: basename(backup.archive.path),
    stamp,
    postgres:
      database !== undefined && url !== undefined
        ? { live: databaseOf(url), fresh: database, old: oldName(databaseOf(url), stamp) }
        : null,
    sqlite: manifest.sqlite
      ? { live: place.sqlitePath, fresh, old: setAsidePath(place.sqlitePath, stamp) }
      : null,
    secretKey:
      manifest.secretKey && place.secretKeyFile !== undefined
        ? {
            live: place.secretKeyFile,
            fresh: secretDraft(place),
            old: setAsidePath(place.secretKeyFile, stamp),
          }
        : null,
    safety: null,
  }
}

async function whole(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/**
 * The rest of a restore, while the product is stopped: a backup of what is there, then what was prepared takes its place.
 * From the moment the journal is written a kill is no matter: the next start goes on.
 *
 * @throws AppError: what was there is still there, and what was prepared is gone.
 */
export async function completeRestore(
  place: BackupPlace,
  prepared: PreparedRestore,
  options: RestoreOptions,
  watch: Watch,
): Promise<RestoreResult> {
  let journal = prepared.journal
  try {
    await place.onStep?.('stopped')
    watch.onProgress('saving', null)
    if (options.safety) journal = { ...journal, safety: await backUpLive(place, watch) }
    await place.onStep?.('saved')
    throwIfCancelled(watch.signal)
    await adapt(place, prepared)
    await place.onStep?.('adapted')
    watch.onProgress('swapping', null)
    await writeJournal(place, journal)
    await place.onStep?.('journal')
    await swap(place, journal)
  } catch (error) {
    await abandonSwap(place, journal)
    throw translated(error, watch.signal)
  }
  await removeJournal(place)
  return {
    name: prepared.name,
    safety: journal.safety,
    kept: [journal.postgres?.old, journal.sqlite?.old].filter((each) => each !== undefined),
  }
}

/** Null where there is nothing yet. */
async function backUpLive(place: BackupPlace, watch: Watch): Promise<string | null> {
  try {
    return await createBackup(place, 'safety', {
      signal: watch.signal,
      onProgress: (_step, share) => watch.onProgress('saving', share),
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'store_missing') return null
    if (await isNew(place)) return null
    throw error
  }
}

/** Whether there is nothing that a restore could replace: no SQLite file, and no database or an empty one. */
export async function isNew(place: BackupPlace): Promise<boolean> {
  if (existsSync(place.sqlitePath)) return false
  const url = place.postgresUrl
  if (url === undefined) return true
  const { link } = await linkToAny(url, entrances(url))
  const exists = await databaseExists(link, databaseOf(url)).finally(() => link.close())
  return !exists || !(await withLink(url, holdsTables))
}

/**
 * Makes the restored stores right for what is there now: they get an epoch above every other one, so that no store that
 * was not restored contradicts them; nobody stays signed in; and mirrors have to be compared anew.
 */
async function adapt(place: BackupPlace, { journal, name }: PreparedRestore): Promise<void> {
  const { manifest } = await openBackup(await Archive.open(await existing(place.folder, name)), place.secret)
  const epoch = 1 + Math.max(...manifest.placements.map((each) => each.epoch), ...(await liveEpochs(place)))
  if (journal.sqlite) {
    const store = await openSqliteStore({ path: journal.sqlite.fresh, readers: 0 })
    try {
      await adaptStore(store, 'sqlite', manifest, epoch)
    } finally {
      await store.close()
    }
    for (const end of ['-wal', '-shm']) await rm(journal.sqlite.fresh + end, { force: true })
  }
  if (journal.postgres && place.postgresUrl !== undefined) {
    const url = onDatabase(place.postgresUrl, journal.postgres.fresh)
    const store = openPostgresStore({ url, maxConnections: 1, statementTimeoutMs: 0 })
    try {
      await adaptStore(store, 'postgres', manifest, epoch)
    } finally {
      await store.close()
    }
  }
}

async function adaptStore(
  store: SqlStore,
  placement: 'sqlite' | 'postgres',
  manifest: Manifest,
  epoch: number,
): Promise<void> {
  await store.transaction(async (tx) => {
    for (const each of manifest.placements) {
      await tx.execute(
        `UPDATE _placement SET placement = $1, epoch = $2, state = 'complete' WHERE domain = $3`,
        [each.placement, epoch, each.domain],
      )
    }
    const holds = (domain: string) =>
      manifest.placements.some((each) => each.domain === domain && each.placement === placement)
    if (holds('sessions')) await tx.execute('DELETE FROM sessions')
    if (placement === 'sqlite') return
    const [moves] = await tx.rawQuery(`SELECT to_regclass(quote_ident(current_schema()) || '._moves')::text`)
    if (moves?.[0]) await tx.execute(`UPDATE _moves SET details = details - 'verify' - 'backup'`)
  })
  if (placement === 'postgres') await store.db.execute('ANALYZE')
}

/** Every epoch that the stores of this installation know now; a store that cannot be read has none. */
async function liveEpochs(place: BackupPlace): Promise<number[]> {
  const epochs: number[] = []
  if (existsSync(place.sqlitePath)) {
    try {
      const store = await openSqliteStore({ path: place.sqlitePath, readers: 0 })
      try {
        const row = await store.db.queryOne<{ epoch: number }>('SELECT max(epoch) AS epoch FROM _placement')
        epochs.push(Number(row?.epoch ?? 0))
      } finally {
        await store.close()
      }
    } catch (error) {
      place.log.warn({ err: error }, 'the SQLite file that is being replaced cannot be read')
    }
  }
  if (place.postgresUrl !== undefined) {
    try {
      await withLink(place.postgresUrl, async (link) => {
        const known = await link.texts(
          `SELECT 1 WHERE to_regclass(quote_ident(current_schema()) || '._placement') IS NOT NULL`,
        )
        if (known.length === 0) return
        const [row] = await link.texts('SELECT max(epoch) FROM _placement')
        epochs.push(Number(row?.[0] ?? 0))
      })
    } catch (error) {
      place.log.warn({ err: error }, 'the PostgreSQL database that is being replaced cannot be read')
    }
  }
  return epochs
}

/** Exchanging whole databases would take away what others keep in this one. */
async function assertNothingForeign(place: BackupPlace, manifest: Manifest): Promise<void> {
  const url = place.postgresUrl
  if (url === undefined) return
  const { link } = await linkToAny(url, entrances(url))
  const exists = await databaseExists(link, databaseOf(url)).finally(() => link.close())
  if (!exists) return
  const live = await openPgSnapshot(url)
  try {
    const { foreignSchemas } = live.facts
    if (manifest.postgres && foreignSchemas.length > 0) {
      throw backupError(
        'foreign_schemas',
        `The database also holds the schemas ${foreignSchemas.join(', ')}, which a restore would set aside: ` +
          'move them elsewhere, or set POSTGRES_APP_URL to a database of its own',
      )
    }
    const known = await live.texts(
      `SELECT 1 WHERE to_regclass(quote_ident(current_schema()) || '._installation') IS NOT NULL`,
    )
    const [id] = known.length > 0 ? await live.texts('SELECT id FROM _installation') : []
    if (!manifest.postgres && id?.[0] && id[0] !== manifest.installation) {
      throw backupError(
        'other_installation',
        'POSTGRES_APP_URL leads to another installation than the backup is of, and the backup does not replace it: ' +
          'give it an empty database or unset POSTGRES_APP_URL',
      )
    }
  } finally {
    await live.close()
  }
}

/**
 * What is done before the product opens its stores: a restore whose swap was begun is finished, and what operations that
 * were killed have left is removed.
 *
 * @returns the restore that was finished, if any.
 * @throws AppError `restore_failed` or DbError when the server cannot be asked while a swap is half done.
 */
export async function finishRestore(place: BackupPlace): Promise<RestoreResult | undefined> {
  const journal = await readJournal(place)
  if (!journal) return undefined
  place.log.warn({ backup: journal.name }, 'a restore was interrupted: it is finished now')
  await swap(place, journal)
  await removeJournal(place)
  return {
    name: journal.name,
    safety: journal.safety,
    kept: [journal.postgres?.old, journal.sqlite?.old].filter((each) => each !== undefined),
  }
}

/** Removes what restores and proofs that were killed have left beside the stores. Not while one runs. */
export async function removeLeftovers(place: BackupPlace): Promise<void> {
  if (await readJournal(place)) return
  await removeFile(`${place.sqlitePath}.restoring`)
  await rm(secretDraft(place), { force: true })
  if (place.postgresUrl !== undefined) await dropScratch(place.postgresUrl, place.log)
}

async function dropOne(place: BackupPlace, database: string): Promise<void> {
  const url = place.postgresUrl ?? ''
  const { link } = await linkToAny(url, entrances(url))
  try {
    await dropDatabase(link, database)
  } finally {
    await link.close()
  }
}

async function removeFile(path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm', '-journal']) await rm(path + end, { force: true })
}

/** Files that restores have set aside, in the data folder. */
export async function keptFiles(place: BackupPlace): Promise<string[]> {
  const prefix = `${basename(place.sqlitePath)}.before-`
  const names = await readdir(dirname(place.sqlitePath)).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => name.startsWith(prefix) && isStamp(name.slice(prefix.length))).sort()
}
