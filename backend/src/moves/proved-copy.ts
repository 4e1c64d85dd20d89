import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AppDb } from '../db/app-db.ts'
import { differencesOf, type Fingerprint, openSqliteSnapshot } from '../db/snapshot/index.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { freeBytes, shortOfRoom } from './room.ts'

/** Copies of the file that are kept; older ones go. */
const KEPT = 3
const PREFIX = 'before-cutover-'
/** What a copy is called until it is proved: a crash leaves one behind. */
const UNPROVED = '.unproved'
/** The file itself and those that SQLite puts beside it. */
const ENDS = ['', '-wal', '-shm', '-journal']

export interface ProvedCopyOptions {
  readonly signal?: AbortSignal
  /** Bytes that are free in a folder. */
  readonly free?: (folder: string) => Promise<number>
}

/**
 * Copies the SQLite file while it is in use, opens the copy, checks every page and index of it and compares every table
 * with what the file held at that instant. Nothing is left of a copy that fails: it lies on the disk that the product
 * writes to.
 *
 * @returns where the copy is.
 * @throws Error when there is no room for the copy, or it cannot be taken, or is not whole; the signal's reason.
 */
export async function takeProvedCopy(
  file: string,
  folder: string,
  now: Date,
  { signal, free = freeBytes }: ProvedCopyOptions = {},
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await forgetUnproved(folder)
  const path = join(folder, `${PREFIX}${now.toISOString().replaceAll(/[:.]/g, '-')}.db`)
  const unproved = path + UNPROVED
  try {
    const reason = await shortOfRoom(folder, await bytesOf(file), 'A copy of the SQLite file', free)
    if (reason !== undefined) throw new Error(reason)
    await proveCopy(unproved, await takeCopy(file, unproved, signal), signal)
    await rename(unproved, path)
  } finally {
    for (const end of ENDS) await rm(unproved + end, { force: true })
  }
  await forgetOld(folder)
  return path
}

/** Bytes that a copy of the file takes. */
export async function copyBytes(db: AppDb): Promise<number> {
  const row = await db.queryOne<{ bytes: number }>(
    'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
  )
  return row?.bytes ?? 0
}

async function bytesOf(file: string): Promise<number> {
  const original = await openSqliteStore({ path: file, readers: 0 })
  try {
    return await copyBytes(original.db)
  } finally {
    await original.close()
  }
}

/** A snapshot of one instant: the product's writers go on. @returns what it held. */
async function takeCopy(file: string, path: string, signal?: AbortSignal): Promise<readonly Fingerprint[]> {
  const original = await openSqliteSnapshot(file)
  try {
    await original.copyTo(path, signal ? { signal } : {})
    return await original.digest(signal)
  } finally {
    await original.close()
  }
}

/** @throws Error when it is not whole, or not what was copied. */
async function proveCopy(
  path: string,
  original: readonly Fingerprint[],
  signal?: AbortSignal,
): Promise<void> {
  const copy = await openSqliteSnapshot(path)
  try {
    const problems = [...(await copy.check()), ...differencesOf(original, await copy.digest(signal))]
    if (problems.length > 0)
      throw new Error(`The backup ${path} is not whole: ${problems.slice(0, 5).join('; ')}`)
  } finally {
    await copy.close()
  }
}

async function forgetUnproved(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(PREFIX) && name.includes(UNPROVED)) await rm(join(folder, name), { force: true })
  }
}

async function forgetOld(folder: string): Promise<void> {
  const copies = (await readdir(folder))
    .filter((name) => name.startsWith(PREFIX) && name.endsWith('.db'))
    .sort()
  for (const name of copies.slice(0, -KEPT)) {
    for (const end of ENDS) await rm(join(folder, name + end), { force: true })
  }
}
