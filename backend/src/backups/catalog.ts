import { rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { dropDatabase, linkToAny, listDatabases } from '../db/snapshot/index.ts'
import { Archive } from './archive.ts'
import { backupError } from './backup-error.ts'
import type { Backup, BackupDetail, BackupList } from './backups.schema.ts'
import type { BackupPlace } from './engine.ts'
import { existing, type FolderEntry, listFolder, type Note, readNote, writeNote } from './folder.ts'
import { domainsOf, type OpenedBackup, openBackup, rowsOf } from './manifest.ts'
import { keptFiles } from './restore.ts'
import { databaseOf, entrances, isStamp, oldPrefix } from './unpack.ts'

/** @throws AppError `backup_unknown`, `backup_name`, or why it cannot be read. */
export async function openNamed(place: BackupPlace, name: string): Promise<OpenedBackup> {
  return openBackup(await Archive.open(await existing(place.folder, name)), place.secret)
}

/** What is noted of a backup; read from it and noted where it was not, e.g. because the file was copied here. */
export async function noteOf(place: BackupPlace, entry: FolderEntry): Promise<Note> {
  const known = await readNote(place.folder, entry)
  // One that could not be opened is tried again: the key may have been set since.
  if (known && known.manifest !== null) return known
  const note = { ...(await inspect(place, entry.name)), bytes: entry.bytes, modifiedMs: entry.modifiedMs }
  await writeNote(place.folder, entry.name, note)
  return note
}

async function inspect(place: BackupPlace, name: string): Promise<Omit<Note, 'bytes' | 'modifiedMs'>> {
  const unproved = { provedAt: null, proveProblem: null }
  let encrypted = false
  try {
    const archive = await Archive.open(await existing(place.folder, name))
    encrypted = archive.has('key.json')
    const { manifest } = await openBackup(archive, place.secret)
    return { ...unproved, encrypted, manifest, problem: null }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { ...unproved, encrypted, manifest: null, problem: { code: error.code, message: error.message } }
  }
}

/** Keeps what a proof has found. */
export async function noteProof(
  place: BackupPlace,
  name: string,
  proof: Pick<Note, 'provedAt' | 'proveProblem'>,
): Promise<void> {
  const entry = (await listFolder(place.folder)).find((each) => each.name === name)
  if (!entry) return
  const note = await noteOf(place, entry)
  await writeNote(place.folder, name, { ...note, ...proof })
}

function toBackup(entry: FolderEntry, note: Note): Backup {
  const { manifest } = note
  const stores = (['postgres', 'sqlite'] as const).filter((store) => manifest?.[store])
  return {
    name: entry.name,
    bytes: entry.bytes,
    createdAt: manifest?.createdAt ?? new Date(entry.modifiedMs).toISOString(),
    reason: manifest?.reason ?? null,
    version: manifest?.version ?? null,
    encrypted: note.encrypted,
    stores,
    domains: manifest ? domainsOf(manifest) : { sqlite: 0, postgres: 0 },
    tables: stores.reduce((sum, store) => sum + (manifest?.[store]?.tables.length ?? 0), 0),
    rows: manifest ? rowsOf(manifest) : 0,
    provedAt: note.provedAt,
    proveProblem: note.proveProblem,
    problem: note.problem,
  }
}

/** Every backup, newest first, and what else lies in the folder. */
export async function readCatalog(
  place: BackupPlace,
): Promise<Pick<BackupList, 'items' | 'others' | 'folder' | 'freeBytes'>> {
  const entries = await listFolder(place.folder)
  const items: Backup[] = []
  for (const entry of entries) {
    if (entry.kind === 'backup') items.push(toBackup(entry, await noteOf(place, entry)))
  }
  const others = entries.flatMap(({ name, bytes, modifiedMs, kind }) =>
    kind === 'backup' ? [] : [{ name, bytes, kind, modifiedAt: new Date(modifiedMs).toISOString() }],
  )
  const { bavail, bsize } = await statfs(place.folder)
  const newestFirst = items.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  return { items: newestFirst, others, folder: place.folder, freeBytes: bavail * bsize }
}

export async function readDetail(place: BackupPlace, name: string): Promise<BackupDetail> {
  await existing(place.folder, name)
  const entry = (await listFolder(place.folder)).find((each) => each.name === name)
  if (!entry) throw backupError('backup_unknown', `There is no backup ${name}`)
  const note = await noteOf(place, entry)
  const stores = (['postgres', 'sqlite'] as const).flatMap((store) => {
    const facts = note.manifest?.[store]
    if (!facts) return []
    const extensions = store === 'postgres' ? (note.manifest?.postgres?.extensions ?? []) : []
    const tables = facts.tables.map(({ table, rows }) => ({ table, rows }))
    return [{ store, version: facts.version, extensions, tables }]
  })
  return { backup: toBackup(entry, note), stores }
}

/** What restores have replaced: it stays until somebody drops it. A server that is away has nothing to show. */
export async function readSetAside(place: BackupPlace): Promise<BackupList['setAside']> {
  const files = await Promise.all(
    (await keptFiles(place)).map(async (name) => {
      const { size } = await stat(join(dirname(place.sqlitePath), name))
      return { name, kind: 'file' as const, bytes: size }
    }),
  )
  return [...(await setAsideDatabases(place)), ...files]
}

async function setAsideDatabases(place: BackupPlace): Promise<BackupList['setAside']> {
  const url = place.postgresUrl
  if (url === undefined) return []
  try {
    const { link } = await linkToAny(url, entrances(url))
    try {
      const prefix = oldPrefix(databaseOf(url))
      const found = await listDatabases(link, prefix)
      return found
        .filter(({ name }) => isStamp(name.slice(prefix.length)))
        .map(({ name, bytes }) => ({ name, kind: 'database', bytes }))
    } finally {
      await link.close()
    }
  } catch (error) {
    place.log.debug({ err: error }, 'databases that restores have set aside cannot be listed')
    return []
  }
}

/** @throws AppError `backup_unknown` for anything that no restore has set aside. */
export async function dropSetAside(place: BackupPlace, name: string): Promise<void> {
  const found = (await readSetAside(place)).find((each) => each.name === name)
  if (!found) throw backupError('backup_unknown', `No restore has set ${name} aside`)
  if (found.kind === 'file') {
    for (const end of ['', '-wal', '-shm'])
      await rm(join(dirname(place.sqlitePath), name + end), { force: true })
    return
  }
  const url = place.postgresUrl ?? ''
  const { link } = await linkToAny(url, entrances(url))
  try {
    await dropDatabase(link, name)
  } finally {
    await link.close()
  }
}
