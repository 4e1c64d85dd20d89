// One command at a time installs and builds. Uses nothing but Node, because it runs before anything is installed.
import { mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const pollMs = 200

/**
 * Runs `work` while no other process holds the lock; waits for one that does.
 *
 * The lock is a folder with one file, named after the holder's pid. It is filled first and renamed into place,
 * which fails while the place is taken. The lock of a process that died is taken over by renaming that file,
 * which succeeds for one alone of those that try.
 *
 * @param {string} path where the folder is made; its parent must exist.
 * @param {(pid: number) => void} onWait called once with the holder's pid when there is something to wait for.
 */
export function withLock(path, onWait, work) {
  acquire(path, onWait)
  // A step that fails ends the process at once.
  const release = () => letGo(path)
  process.once('exit', release)
  try {
    return work()
  } finally {
    process.off('exit', release)
    release()
  }
}

function acquire(path, onWait) {
  let waited = false
  while (!claim(path)) {
    const holder = holderOf(path)
    if (holder === undefined) continue
    if (!isAlive(holder)) {
      if (takeOver(path, holder)) return
      continue
    }
    if (!waited) onWait(holder)
    waited = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs)
  }
}

function claim(path) {
  const draft = mkdtempSync(`${path}-`)
  writeFileSync(join(draft, String(process.pid)), '')
  if (succeeds(() => renameSync(draft, path), ['ENOTEMPTY', 'EEXIST'])) return true
  rmSync(draft, { recursive: true })
  return false
}

function takeOver(path, holder) {
  const mine = join(path, String(process.pid))
  return succeeds(() => renameSync(join(path, String(holder)), mine), ['ENOENT'])
}

function letGo(path) {
  unlinkSync(join(path, String(process.pid)))
  // Empty, the folder is free, and may be another's already.
  succeeds(() => rmdirSync(path), ['ENOENT', 'ENOTEMPTY', 'EEXIST'])
}

/** The pid of the process that holds the lock; undefined when it was let go just now. */
function holderOf(path) {
  let pid
  succeeds(() => {
    pid = readdirSync(path)[0]
  }, ['ENOENT'])
  return pid === undefined ? undefined : Number(pid)
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return error.code !== 'ESRCH'
  }
}

/** False when the operation fails with one of the codes that are expected. */
function succeeds(operation, expected) {
  try {
    operation()
    return true
  } catch (error) {
    if (expected.includes(error.code)) return false
    throw error
  }
}
