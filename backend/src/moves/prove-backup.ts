import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AppDb } from '../db/app-db.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { freeBytes, shortOfRoom } from './room.ts'

/** Copies of the file that are kept; older ones go. */
const KEPT = 3
const PREFIX = 'before-cutover-'
/** Files that SQLite puts beside one of its own. */
const BESIDE = ['-wal', '-shm', '-journal']

/**
 * Copies the SQLite file while it is in use, opens the copy and checks every page and index of it. Nothing is left of
 * a copy that fails: it lies on the disk that the product writes to.
 *
 * @returns where the copy is.
 * @throws Error when there is no room for the copy, or it cannot be taken, or is not whole.
 */
export async function proveBackup(
  file: string,
  folder: string,
  now: Date,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${PREFIX}${now.toISOString().replaceAll(/[:.]/g, '-')}.db`)
  try {
    await takeCopy(file, path, (bytes) => shortOfRoom(folder, bytes, 'A copy of the SQLite file', free))
    await proveCopy(path)
  } catch (error) {
    for (const end of ['', ...BESIDE]) await rm(path + end, { force: true })
    throw error
  }
  await forgetOld(folder)
  return path
}

/** Bytes that a copy of the file takes. */
export async function copyBytes(db: AppDb): Promise<number> {
  const row = await db.queryOne<{ bytes: number }>(
    'SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
  )
  return row?.bytes ?? 0
}

async function takeCopy(
  file: string,
  path: string,
  short: (bytes: number) => Promise<string | undefined>,
): Promise<void> {
  // A snapshot of one instant, on a connection of its own: the product's writers go on.
  const original = await openSqliteStore({ path: file, readers: 0 })
  try {
    const reason = await short(await copyBytes(original.db))
    if (reason !== undefined) throw new Error(reason)
    await original.db.execute('VACUUM INTO $1', [path])
  } finally {
    await original.close()
  }
}

async function proveCopy(path: string): Promise<void> {
  const copy = await openSqliteStore({ path, readers: 0 })
  try {
    // Rows that break a constraint are the quarantine's matter and do not make a copy a bad one.
    await copy.db.execute('PRAGMA ignore_check_constraints = ON')
    const problems = await copy.db.query<Record<string, string>>('PRAGMA integrity_check(100)')
    const texts = problems
      .flatMap((row) => Object.values(row))
      .filter((text) => text !== 'ok' && !text.startsWith('NULL value in '))
    if (texts.length > 0) throw new Error(`The backup ${path} is not whole: ${texts.slice(0, 5).join('; ')}`)
  } finally {
    await copy.close()
  }
}

async function forgetOld(folder: string): Promise<void> {
  const copies = (await readdir(folder))
    .filter((name) => name.startsWith(PREFIX) && name.endsWith('.db'))
    .sort()
  for (const name of copies.slice(0, -KEPT)) {
    for (const end of ['', ...BESIDE]) await rm(join(folder, name + end), { force: true })
  }
}
