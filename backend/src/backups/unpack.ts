import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Log } from '../core/log.ts'
import { isDbError } from '../db/db-errors.ts'
import { readMigrations } from '../db/migration-files.ts'
import {
  createLike,
  databaseExists,
  differencesOf,
  dropDatabase,
  linkToAny,
  listDatabases,
  missingRights,
  onDatabase,
  openPgSnapshot,
  openSqliteSnapshot,
  type PgLink,
  withLink,
} from '../db/snapshot/index.ts'
import { backupError, isBackupError } from './backup-error.ts'
import type { BackupPlace, Watch } from './engine.ts'
import { assertRoom } from './folder.ts'
import type { Manifest, OpenedBackup } from './manifest.ts'
import { findPgTools, restoreDatabase } from './pg-tools.ts'
import { fillDatabase, findRestorer, isExact } from './restorer.ts'

/** The longest name that PostgreSQL keeps is 63 bytes: what is put behind it must fit. */
const stemOf = (database: string) =>
  Buffer.from(database)
    .subarray(0, 37)
    .toString('utf8')
    .replace(/\ufffd$/, '')
const scratchPrefix = (database: string) => `${stemOf(database)}_hfscratch_`

/**
 * When a store was set aside, as a part of its name. To the millisecond: what an earlier restore has set aside must never
 * look like what this one sets aside.
 */
export const stampOf = (at: Date): string => at.toISOString().replaceAll(/[-:.]/g, '').slice(0, -1)
export const isStamp = (text: string): boolean => /^\d{8}T\d{9}$/.test(text)

/** The name that a database keeps after another one has taken its place. */
export const oldName = (database: string, stamp: string): string => `${stemOf(database)}_before_${stamp}`
export const oldPrefix = (database: string): string => `${stemOf(database)}_before_`

export const databaseOf = (url: string): string => {
  const { pathname, username } = new URL(url)
  return decodeURIComponent(pathname.slice(1)) || decodeURIComponent(username)
}

/** The databases by which a server is entered: the live one may be gone. */
export const entrances = (url: string): string[] => [databaseOf(url), 'postgres', 'template1']

/** @throws AppError `backup_newer` for what this version cannot run on. */
export function assertNotNewer({ postgres, sqlite }: Manifest): void {
  const known = new Set(
    (['sqlite', 'pg', 'timescale'] as const).flatMap((folder) =>
      readMigrations(folder).map(({ name }) => name),
    ),
  )
  const newer = [...(postgres?.migrations ?? []), ...(sqlite?.migrations ?? [])].find(
    (name) => !known.has(name),
  )
  if (newer === undefined) return
  throw backupError(
    'backup_newer',
    `The backup was made by a newer version of Holdfast (it has ${newer}): install that version or a later one`,
  )
}

const ownLink = (url: string, link: PgLink) => ({ url, link, entrances: entrances(url) })

/**
 * What keeps a backup from being restored into the server of this installation, before anything is done.
 *
 * @throws AppError `store_missing`, `rights_missing`, `server_older`, `extension_missing`, `pg_tools_…`.
 */
export async function assertRestorable(place: BackupPlace, manifest: Manifest): Promise<void> {
  assertNotNewer(manifest)
  const { postgres } = manifest
  if (!postgres) return
  if (place.postgresUrl === undefined) {
    throw backupError('store_missing', 'The backup holds a PostgreSQL database: set POSTGRES_APP_URL first')
  }
  const { link } = await linkToAny(place.postgresUrl, entrances(place.postgresUrl))
  try {
    const [row] = await link.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::integer / 10000 AS major`,
    )
    const major = row?.major ?? 0
    if (major < postgres.major) {
      throw backupError(
        'server_older',
        `The backup comes from PostgreSQL ${postgres.major} and the server is PostgreSQL ${major}: use one that is as new`,
      )
    }
    await findPgTools(place.toolsDir, Math.max(major, postgres.tool))
    const exists = await databaseExists(link, databaseOf(place.postgresUrl))
    const missing = (await missingRights(link)).filter((each) => exists || each.includes('CREATEDB'))
    if (missing.length > 0) {
      throw backupError('rights_missing', `A restore makes a database of its own: ${missing.join('; ')}`, {
        extra: { reasons: missing },
      })
    }
    const available = await link.query<{ name: string; version: string }>(
      'SELECT name, version FROM pg_available_extension_versions ORDER BY name, version',
    )
    const lacking = postgres.extensions.filter(
      ({ name, version }) =>
        !available.some(
          (each) => each.name === name && (!isExact(name, postgres) || each.version === version),
        ),
    )
    if (lacking.length > 0) {
      const names = lacking.map(({ name, version }) => `${name} ${version}`).join(', ')
      throw backupError('extension_missing', `The server lacks extensions that the backup needs: ${names}`)
    }
    await findRestorer(place, ownLink(place.postgresUrl, link), postgres)
  } finally {
    await link.close()
  }
}

/**
 * Who would restore a backup of the database as it is now: its own user, or the one of POSTGRES_ADMIN_URL.
 *
 * @throws AppError `rights_missing`; DbError when the database cannot be read.
 */
export async function whoRestores(
  url: string,
  place: Pick<BackupPlace, 'adminUrl'>,
): Promise<'user' | 'admin'> {
  const live = await openPgSnapshot(url)
  const { facts } = live
  await live.close()
  return withLink(url, async (link) => {
    const { owner } = await findRestorer(place, ownLink(url, link), facts)
    return owner === undefined ? 'user' : 'admin'
  })
}

/** Makes a database beside the live one, fills it from a backup and compares every table. @returns its name. */
export async function unpackPostgres(
  place: BackupPlace,
  backup: OpenedBackup,
  url: string,
  watch: Watch,
): Promise<string> {
  const facts = backup.manifest.postgres
  if (!facts) throw backupError('not_a_backup', 'The backup holds no PostgreSQL database')
  const { link } = await linkToAny(url, entrances(url))
  const name = `${scratchPrefix(databaseOf(url))}${process.pid}_${Date.now().toString(36)}`
  try {
    const [row] = await link.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::integer / 10000 AS major`,
    )
    const server = row?.major ?? 0
    const tools = await findPgTools(place.toolsDir, Math.max(server, facts.tool))
    const restorer = await findRestorer(place, ownLink(url, link), facts)
    const { link: maker } = await linkToAny(restorer.url, entrances(url))
    await createLike(maker, name, restorer.owner).finally(() => maker.close())
    const target = onDatabase(restorer.url, name)
    watch.onProgress('restoring', 0)
    await fillDatabase(target, facts, restorer.owner, () =>
      restoreDatabase(tools, target, counted(backup, 'postgres.dump', watch), {
        server,
        signal: watch.signal,
        pace: watch.pace,
      }).catch((error: unknown) => explained(error, backup)),
    )
    watch.onProgress('comparing', 0)
    // By the product's own user, who is to live with it.
    const restored = await openPgSnapshot(onDatabase(url, name))
    try {
      const found = await restored.digest({
        signal: watch.signal,
        pace: watch.pace,
        onProgress: (share) => watch.onProgress('comparing', share),
      })
      assertEqual(differencesOf(facts.tables, found))
    } finally {
      await restored.close()
    }
    return name
  } catch (error) {
    await dropDatabase(link, name)
    throw error
  } finally {
    await link.close()
  }
}

/** pg_restore trips over damage long before the checksum at the end tells of it. @throws AppError `backup_damaged`, else `error`. */
async function explained(error: unknown, backup: OpenedBackup): Promise<never> {
  if (isBackupError(error, 'pg_tools_failed')) {
    for await (const _chunk of backup.read('postgres.dump'));
  }
  throw error
}

function assertEqual(differences: readonly string[]): void {
  if (differences.length === 0) return
  throw backupError(
    'verify_failed',
    `What was restored is not what was backed up: ${differences.slice(0, 5).join('; ')}`,
    { extra: { reasons: differences.slice(0, 100) } },
  )
}

/** The pieces of a part; tells how far it is. */
async function* counted(backup: OpenedBackup, part: string, watch: Watch): AsyncGenerator<Buffer> {
  const stored = backup.manifest.parts.find(({ name }) => name.startsWith(part))
  let bytes = 0
  for await (const chunk of backup.read(part)) {
    bytes += chunk.length
    watch.onProgress('restoring', stored && stored.bytes > 0 ? Math.min(1, bytes / stored.bytes) : null)
    yield chunk
  }
}

/** Writes the SQLite file of a backup to `path`, checks every page and compares every table. */
export async function unpackSqlite(backup: OpenedBackup, path: string, watch: Watch): Promise<void> {
  const facts = backup.manifest.sqlite
  if (!facts) throw backupError('not_a_backup', 'The backup holds no SQLite file')
  watch.onProgress('restoring', 0)
  await pipeline(
    Readable.from(counted(backup, 'sqlite.db.gz', watch)),
    createGunzip(),
    limitTo(facts.bytes),
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
    { signal: watch.signal },
  ).catch((error: unknown) => {
    const bad = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    throw bad
      ? backupError('backup_damaged', 'sqlite.db.gz in the backup is damaged', { cause: error })
      : error
  })
  watch.onProgress('comparing', null)
  const restored = await openSqliteSnapshot(path)
  try {
    assertEqual(await restored.check())
    assertEqual(differencesOf(facts.tables, await restored.digest(watch.signal)))
  } finally {
    await restored.close()
  }
}

/** Whatever is packed into a few bytes, it does not fill the disk. */
function limitTo(most: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > most)
        done(backupError('backup_damaged', 'The SQLite file of the backup is larger than is noted'))
      else done(null, chunk)
    },
  })
}

/**
 * Restores a backup into a scratch database and a scratch file, compares every row and removes them again.
 *
 * @throws AppError: it is not proved then.
 */
export async function proveBackup(place: BackupPlace, backup: OpenedBackup, watch: Watch): Promise<void> {
  await assertRestorable(place, backup.manifest)
  const { sqlite, postgres } = backup.manifest
  if (sqlite) {
    await assertRoom(place.folder, sqlite.bytes, 'The proof')
    const folder = await mkdtemp(join(place.folder, '.tmp-prove-'))
    try {
      await unpackSqlite(backup, join(folder, 'holdfast.db'), watch)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const url = place.postgresUrl
  if (postgres && url !== undefined) {
    const name = await unpackPostgres(place, backup, url, watch)
    const { link } = await linkToAny(url, entrances(url))
    try {
      await dropDatabase(link, name)
    } finally {
      await link.close()
    }
  }
}

/** Drops scratch databases of operations that were killed. One that is still in use is left for the next time. */
export async function dropScratch(url: string, log: Log): Promise<void> {
  const { link } = await linkToAny(url, entrances(url))
  try {
    for (const { name } of await listDatabases(link, scratchPrefix(databaseOf(url)))) {
      try {
        await dropDatabase(link, name)
      } catch (error) {
        // A pg_restore makes its indexes to the end when whoever started it was killed.
        if (!isDbError(error, 'busy')) throw error
        log.warn({ database: name }, 'a scratch database of an earlier operation is still in use')
      }
    }
  } finally {
    await link.close()
  }
}
