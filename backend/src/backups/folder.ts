import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  access,
  chmod,
  constants,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  statfs,
} from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { backupError, hasCode } from './backup-error.ts'
import { type Manifest, manifestSchema } from './manifest.ts'

const NAME = /^holdfast-[0-9A-Za-z][0-9A-Za-z.-]{0,120}\.tar$/
const TEMPORARY = '.tmp-'
const LOCK = '.lock'

/** What is known of a backup without reading it: lies beside it, and is made again when it is lost. */
export const noteSchema = z.object({
  bytes: z.int(),
  modifiedMs: z.number(),
  encrypted: z.boolean(),
  /** Null: it cannot be read, see `problem`. */
  manifest: manifestSchema.nullable(),
  problem: z.object({ code: z.string(), message: z.string() }).nullable(),
  provedAt: z.string().nullable(),
  /** Why it could not be proved the last time. */
  proveProblem: z.string().nullable(),
})
export type Note = z.infer<typeof noteSchema>

/** What lies in the folder of backups. */
export type FolderEntry = {
  readonly name: string
  readonly bytes: number
  readonly modifiedMs: number
} & (
  | { readonly kind: 'backup' }
  /** `copy`: an SQLite file of this product. `old`: of another, e.g. of the older dashboard. */
  | { readonly kind: 'copy' | 'old' | 'link' | 'folder' | 'foreign' }
)

/** @throws AppError `backup_name` for what is no name of a backup: paths, links, hidden files. */
export function pathOf(folder: string, name: string): string {
  if (!NAME.test(name) || name.includes('..')) {
    throw backupError('backup_name', 'A backup is named like holdfast-2026-01-31T03-15-00-000Z.tar')
  }
  return join(folder, name)
}

/** The path of a backup that is there. @throws AppError `backup_name`, `backup_unknown`. */
export async function existing(folder: string, name: string): Promise<string> {
  const path = pathOf(folder, name)
  try {
    if ((await lstat(path)).isFile()) return path
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  throw backupError('backup_unknown', `There is no backup ${name}`)
}

/** A name for a backup made at this time; of the next millisecond where it is taken, e.g. because the clock was set back. */
export async function newName(folder: string, at: Date, reason: Manifest['reason']): Promise<string> {
  for (let atMs = at.getTime(); ; atMs++) {
    const stamp = new Date(atMs).toISOString().replaceAll(/[:.]/g, '-')
    const name = `holdfast-${stamp}${reason === 'safety' ? '-safety' : ''}.tar`
    if (!(await lstat(join(folder, name)).catch(absent))) return name
  }
}

export const temporaryPath = (folder: string): string =>
  join(folder, `${TEMPORARY}${randomBytes(6).toString('hex')}`)

export async function listFolder(folder: string): Promise<FolderEntry[]> {
  await makeFolder(folder)
  const names = (await readdir(folder)).filter(
    (name) => !name.startsWith('.') && !name.endsWith('.note.json'),
  )
  const entries = await Promise.all(names.map((name) => describe(folder, name)))
  return entries.filter((entry) => entry !== undefined).toSorted((a, b) => (a.name < b.name ? 1 : -1))
}

async function describe(folder: string, name: string): Promise<FolderEntry | undefined> {
  const path = join(folder, name)
  try {
    const stat = await lstat(path)
    const facts = { name, bytes: stat.size, modifiedMs: stat.mtimeMs }
    if (stat.isSymbolicLink()) return { ...facts, kind: 'link' }
    if (stat.isDirectory()) return { ...facts, kind: 'folder' }
    if (NAME.test(name)) return { ...facts, kind: 'backup' }
    if (name.endsWith('-wal') || name.endsWith('-shm')) return undefined
    if (!(await isSqlite(path))) return { ...facts, kind: 'foreign' }
    return { ...facts, kind: name.startsWith('before-cutover-') ? 'copy' : 'old' }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined // it was deleted meanwhile
    if (hasCode(error, 'EACCES')) return { name, bytes: 0, modifiedMs: 0, kind: 'foreign' }
    throw error
  }
}

async function isSqlite(path: string): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
    return bytesRead === 16 && buffer.toString('latin1') === 'SQLite format 3\0'
  } finally {
    await file.close()
  }
}

const notePath = (folder: string, name: string) => join(folder, `${name}.note.json`)

/** What was noted of this very file; undefined for another of the same name. */
export async function readNote(folder: string, entry: FolderEntry): Promise<Note | undefined> {
  try {
    const note = noteSchema.safeParse(JSON.parse(await readFile(notePath(folder, entry.name), 'utf8')))
    return note.success && note.data.bytes === entry.bytes && note.data.modifiedMs === entry.modifiedMs
      ? note.data
      : undefined
  } catch (error) {
    // Half a note is none: it is made again.
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return undefined
    throw error
  }
}

export const writeNote = (folder: string, name: string, note: Note): Promise<void> =>
  writeWhole(notePath(folder, name), JSON.stringify(note))

export async function removeBackup(folder: string, name: string): Promise<void> {
  await rm(await existing(folder, name))
  await rm(notePath(folder, name), { force: true })
}

/** Gives a finished file its name, so that it is there as a whole or not at all. */
export async function publish(folder: string, temporary: string, name: string): Promise<void> {
  const path = pathOf(folder, name)
  if (await lstat(path).catch(absent)) throw backupError('backup_exists', `There is a backup ${name} already`)
  await chmod(temporary, 0o600)
  await rename(temporary, path)
  await syncFolder(folder)
}

function absent(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error
}

/** Writes a small file as a whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}.draft`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  await syncFolder(join(path, '..'))
}

export async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @throws AppError `folder_unusable`. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw backupError(
      'folder_unusable',
      `The folder of backups ${folder} cannot be used (${reason}): correct BACKUP_DIR or the owner of the folder`,
      { cause },
    )
  }
}

/** Removes what an operation that was killed has left. */
export async function removeTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(TEMPORARY) || name.endsWith('.draft'))
      await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** @throws AppError `disk_too_small`. */
export async function assertRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  const mib = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`
  throw backupError(
    'disk_too_small',
    `${what} may take ${mib(bytes)} in ${folder}, where ${mib(free)} are free: free space or delete old backups`,
    { extra: { neededBytes: bytes, freeBytes: free } },
  )
}

let held = false

/**
 * Runs `work` while no other operation on the backups runs, in this process or another on this machine.
 *
 * @throws AppError `operation_running`.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await makeFolder(folder)
  const path = join(folder, LOCK)
  if (held) throw running()
  held = true
  try {
    await takeLock(path)
    try {
      return await work()
    } finally {
      await rm(path, { force: true })
    }
  } finally {
    held = false
  }
}

const running = () =>
  backupError('operation_running', 'Another backup, proof or restore is running: wait for it')

async function takeLock(path: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(`${process.pid} ${startOf(process.pid)}`)
      await file.close()
      return
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
    const [pid = 0, start = ''] = (await readFile(path, 'utf8').catch(() => '')).split(' ')
    // This process holds none, and a process of the same number that began at another time is another one.
    if (Number(pid) !== process.pid && Number(pid) > 0 && startOf(Number(pid)) === start) break
    await rm(path, { force: true })
  }
  throw running()
}

/** When a process began, as the system counts it; empty for one that is gone. */
function startOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] ?? ''
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ESRCH')) throw error
    return existsWithoutProc(pid) ? 'running' : ''
  }
}

/** Systems without /proc. */
function existsWithoutProc(pid: number): boolean {
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}
