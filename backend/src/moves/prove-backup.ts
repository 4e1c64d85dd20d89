import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openSqliteStore } from '../db/sqlite.ts'

/** Copies of the file that are kept; older ones go. */
const KEPT = 3
const PREFIX = 'before-cutover-'

/**
 * Copies the SQLite file while it is in use, opens the copy and checks every page and index of it.
 *
 * @returns where the copy is.
 * @throws Error when the copy cannot be taken or is not whole.
 */
export async function proveBackup(file: string, folder: string, now: Date): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${PREFIX}${now.toISOString().replaceAll(/[:.]/g, '-')}.db`)
  // A snapshot of one instant, on a connection of its own: the product's writers go on.
  const original = await openSqliteStore({ path: file, readers: 0 })
  try {
    await original.db.execute('VACUUM INTO $1', [path])
  } finally {
    await original.close()
  }
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
  await forgetOld(folder)
  return path
}

async function forgetOld(folder: string): Promise<void> {
  const copies = (await readdir(folder))
    .filter((name) => name.startsWith(PREFIX) && name.endsWith('.db'))
    .sort()
  for (const name of copies.slice(0, -KEPT)) {
    for (const end of ['', '-wal', '-shm']) await rm(join(folder, name + end), { force: true })
  }
}
