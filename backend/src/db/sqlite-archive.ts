import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { DbError, isDbError } from './db-errors.ts'
import { openSqliteStore } from './sqlite.ts'
import { lockSqliteServer } from './sqlite-server-lock.ts'

/** The file of an installation that keeps domains in SQLite. */
export const sqliteFile = (dataDir: string) => join(dataDir, 'holdfast.db')

/** How long another program that has just let go may take. */
const BUSY_MS = 1_000

const archiveFolder = (dataDir: string) => join(dataDir, 'archive')

const noteSchema = z.object({
  name: z.string(),
  archivedAt: z.iso.datetime(),
  /** Who archived it; null for the product itself. */
  archivedBy: z.string().nullable(),
  /** The installation that the file belongs to. */
  installation: z.string().nullable(),
  /** Version of the product. */
  version: z.string(),
  sizeBytes: z.int(),
  /** Of the file, in hex. */
  sha256: z.string(),
  /** What is in it, as the moves compare tables. */
  tables: z.array(z.object({ table: z.string(), rows: z.int(), digest: z.string() })),
  deletedAt: z.iso.datetime().nullable(),
})

/** What is written beside a SQLite file that was put away; it stays when the file is deleted. */
export type SqliteArchive = z.infer<typeof noteSchema>

/** What only the caller knows of the file. */
export type ArchiveNote = Pick<
  SqliteArchive,
  'archivedAt' | 'archivedBy' | 'installation' | 'version' | 'tables'
>

/** Where an archived file is. */
export const archivePath = (dataDir: string, name: string) => join(archiveFolder(dataDir), name)

const noteOf = (dataDir: string, name: string) => `${archivePath(dataDir, name)}.json`
const draftOf = (dataDir: string, name: string) => `${noteOf(dataDir, name)}.part`

/**
 * Puts the SQLite file away: everything in its log is brought into it, it is renamed into `archive/` and described in
 * a note beside it. Nothing of it is left where it was. The store must be closed.
 *
 * The draft of the note is written first: without the file beside it, it was not archived, and with it, it was. So
 * {@link finishArchiving} can end what a crash has left at any step.
 *
 * @throws StoreInUseError, DbError `busy` when another process has the file open. The file is where it was then.
 */
export async function archiveSqliteFile(dataDir: string, note: ArchiveNote): Promise<SqliteArchive> {
  const path = sqliteFile(dataDir)
  const name = `holdfast-${note.archivedAt.replaceAll(/[:.]/g, '-')}.db`
  const lock = await lockSqliteServer(path)
  try {
    await foldLog(path)
    const sizeBytes = statSync(path).size
    const archive = { name, ...note, sizeBytes, sha256: await sha256Of(path), deletedAt: null }
    mkdirSync(archiveFolder(dataDir), { recursive: true, mode: 0o700 })
    writeDurably(draftOf(dataDir, name), archive)
    try {
      renameSync(path, archivePath(dataDir, name))
    } catch (error) {
      rmSync(draftOf(dataDir, name), { force: true })
      throw error
    }
    syncFolder(archiveFolder(dataDir))
    syncFolder(dataDir)
    finishArchiving(dataDir)
    return archive
  } finally {
    lock.release()
  }
}

/** Ends what a crash has left of {@link archiveSqliteFile}. Needs nothing but the folder. */
export function finishArchiving(dataDir: string): void {
  for (const entry of entriesOf(dataDir)) {
    const [, name] = /^(holdfast-.*\.db)\.json\.part$/.exec(entry) ?? []
    // Without its file it is the draft of one that is still to be put away: see forgetDrafts.
    if (name === undefined || !existsSync(archivePath(dataDir, name))) continue
    moveNote(dataDir, name)
  }
  // The lock belongs to a file that is not there any more. Whoever still holds it keeps it until they let go.
  if (existsSync(sqliteFile(dataDir)) || notesIn(dataDir).length === 0) return
  for (const end of ['.lock', '.lock-journal']) rmSync(sqliteFile(dataDir) + end, { force: true })
}

/** Removes drafts of archives that did not come about. Only the server that has locked the file may do so. */
export function forgetDrafts(dataDir: string): void {
  for (const entry of entriesOf(dataDir)) {
    if (entry.endsWith('.json.part')) rmSync(join(archiveFolder(dataDir), entry), { force: true })
  }
}

/**
 * Every file that was put away, newest first; deleted ones too.
 *
 * @throws DbError `corrupt` when a note cannot be read.
 */
export function listArchives(dataDir: string): SqliteArchive[] {
  return notesIn(dataDir).map((entry) => readNote(join(archiveFolder(dataDir), entry)))
}

/** Deletes the file of an archive; its note stays. @returns undefined when there is no such file. */
export function deleteArchive(dataDir: string, name: string, deletedAt: string): SqliteArchive | undefined {
  const archive = listArchives(dataDir).find((each) => each.name === name && each.deletedAt === null)
  if (!archive) return undefined
  const deleted = { ...archive, deletedAt }
  rmSync(archivePath(dataDir, archive.name), { force: true })
  writeDurably(draftOf(dataDir, archive.name), deleted)
  renameSync(draftOf(dataDir, archive.name), noteOf(dataDir, archive.name))
  return deleted
}

/**
 * An installation that has put its SQLite file away must not begin a new one because a setting is missing, or is older
 * than the move.
 *
 * @returns why it must not be started like this; undefined when it may.
 */
export function refusalOfNewFile(
  dataDir: string,
  settings: { readonly postgresConfigured: boolean; readonly sqliteVariables: readonly string[] },
): string | undefined {
  if (existsSync(sqliteFile(dataDir))) return undefined
  const [last] = notesIn(dataDir)
  if (last === undefined) return undefined
  const since = `Everything of this installation is in PostgreSQL: its SQLite file was archived (see ${archivePath(dataDir, last)}).`
  if (!settings.postgresConfigured) {
    return `${since} Set POSTGRES_APP_URL; a new installation needs a DATA_DIR of its own`
  }
  if (settings.sqliteVariables.length === 0) return undefined
  return (
    `${since} Take ${settings.sqliteVariables.join(', ')} away, which wants a new one. To go back to SQLite start ` +
    'without, then move: "holdfast storage mirror --phase all --from postgres"'
  )
}

/**
 * Brings the write-ahead log into the file and leaves that mode, which SQLite allows only to who is alone with the
 * file: afterwards it is one plain file, readable from a read-only place too.
 */
async function foldLog(path: string): Promise<void> {
  const store = await openSqliteStore({ path, readers: 0, busyTimeoutMs: BUSY_MS })
  try {
    const [row] = await store.connection((session) =>
      session.query<{ journal_mode: string }>('PRAGMA journal_mode = DELETE'),
    )
    if (row?.journal_mode !== 'delete') throw new DbError('busy', `SQLite keeps the log of ${path}`)
  } catch (cause) {
    if (!isDbError(cause, 'busy')) throw cause
    throw new DbError('busy', `Another program has ${path} open. End it and try again.`, { cause })
  } finally {
    await store.close()
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/** Its last name; another process may have given it already. */
function moveNote(dataDir: string, name: string): void {
  try {
    renameSync(draftOf(dataDir, name), noteOf(dataDir, name))
  } catch (error) {
    if (!existsSync(noteOf(dataDir, name))) throw error
  }
}

function readNote(path: string): SqliteArchive {
  try {
    return noteSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    const message = `${path} cannot be read: put it back from a backup, or delete it with the file that it describes.`
    throw new DbError('corrupt', message, { cause })
  }
}

/** Names of the notes, newest first. */
function notesIn(dataDir: string): string[] {
  return entriesOf(dataDir)
    .filter((entry) => /^holdfast-.*\.db\.json$/.test(entry))
    .sort((a, b) => (a < b ? 1 : -1))
}

function entriesOf(dataDir: string): string[] {
  const folder = archiveFolder(dataDir)
  return existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : []
}

function writeDurably(path: string, archive: SqliteArchive): void {
  writeFileSync(path, `${JSON.stringify(archive, null, 2)}\n`, { mode: 0o600, flush: true })
  syncFolder(dirname(path))
}

/** A rename is kept once its folder is on the disk. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
