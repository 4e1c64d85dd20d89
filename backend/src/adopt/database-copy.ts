import { chmodSync, closeSync, copyFileSync, openSync, readSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AdoptError } from './adopt-error.ts'

/** What belongs to a SQLite database besides its file: commits that are not in it yet, or the way back from one. */
const COMPANIONS = ['-wal', '-journal'] as const
const ATTEMPTS = 10
const PAUSE_MS = 300

/**
 * Copies a SQLite database to `target` without opening it: nothing is written beside the original, a read-only
 * mount will do, and what is only in the write-ahead log comes along. SQLite puts the copy in order when it opens it.
 *
 * The copy is taken again while anything of the original changes, so that it is always of one moment.
 *
 * @throws {AdoptError} when the file cannot be read, there is no room, or it never stops changing.
 */
export async function copyDatabase(source: string, target: string): Promise<{ bytes: number }> {
  const bytes = requireRoom(source, dirname(target))
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = stateOf(source)
    for (const end of ['', ...COMPANIONS]) copyIfThere(source + end, target + end)
    if (before === stateOf(source)) return { bytes }
    await sleep(PAUSE_MS)
  }
  throw new AdoptError(
    'busy',
    `${source} is being written to all the time: no copy of one moment could be taken. ` +
      'Stop the program that uses it and try again.',
  )
}

function copyIfThere(source: string, target: string): void {
  rmSync(target, { force: true })
  try {
    copyFileSync(source, target)
    // The mode is that of the original, which may be readable by all or writable by nobody.
    chmodSync(target, 0o600)
  } catch (error) {
    // No companion is the ordinary case; a database that goes away between two looks is one that changes.
    if (!isMissing(error)) throw unreadable(source, error)
  }
}

/** Changes with every commit, checkpoint and rollback. */
function stateOf(source: string): string {
  return ['', ...COMPANIONS]
    .map((end) => {
      const stat = statSync(source + end, { bigint: true, throwIfNoEntry: false })
      return stat ? `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}` : '-'
    })
    .join(' ')
}

function requireRoom(source: string, folder: string): number {
  const needed = ['', ...COMPANIONS]
    .map((end) => statSync(source + end, { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)
  const { bavail, bsize } = statfsSync(folder)
  // Opening the copy moves its log into the file, and indexes are not touched: one more log is room enough.
  const free = bavail * bsize
  if (needed * 1.5 > free) {
    throw new AdoptError(
      'no-room',
      `A copy of ${source} takes ${megabytes(needed * 1.5)}, and ${folder} has ${megabytes(free)} left. ` +
        'Make room there.',
    )
  }
  return needed
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000).toLocaleString('en')} MB`

/** The first bytes of a file. */
export function headOf(path: string, length: number): Buffer {
  const head = Buffer.alloc(length)
  try {
    const file = openSync(path, 'r')
    try {
      return head.subarray(0, readSync(file, head, 0, length, 0))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): AdoptError {
  if (isMissing(cause)) return new AdoptError('missing', `There is no file ${path}.`, { cause })
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AdoptError('unreadable', `${path} cannot be read: ${reason}`, { cause })
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'
