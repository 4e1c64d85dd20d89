import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { root } from './ensure.mjs'

let folder
let lock
let journal
/** A file that sends whoever is in out. */
let release
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'))
  lock = join(folder, 'lock')
  journal = join(folder, 'journal')
  release = join(folder, 'release')
  writeFileSync(journal, '')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that notes when it comes in and when it goes out, `holdMs` later at most; `then` runs before that. */
function taker(holdMs, then = '') {
  const code = `
    import { appendFileSync, existsSync } from 'node:fs'
    import { withLock } from ${JSON.stringify(join(root, 'scripts', 'lock.mjs'))}
    const note = (what) => appendFileSync(${JSON.stringify(journal)}, what + '\\n')
    withLock(${JSON.stringify(lock)}, (pid) => console.log('waits for', pid), () => {
      note('in')
      const end = Date.now() + ${holdMs}
      const turn = new Int32Array(new SharedArrayBuffer(4))
      while (Date.now() < end && !existsSync(${JSON.stringify(release)})) Atomics.wait(turn, 0, 0, 10)
      ${then}
      note('out')
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  return { child, output: () => output, closed: once(child, 'close').then(([code]) => code) }
}

const isIn = () => expect.poll(() => readFileSync(journal, 'utf8')).toContain('in')

/** The pid of a process that is no more. */
async function deadPid() {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'close')
  return child.pid
}

function leaveLockOf(pid) {
  mkdirSync(lock)
  writeFileSync(join(lock, String(pid)), '')
}

it('lets one in at a time, and leaves nothing behind', async () => {
  const takers = Array.from({ length: 6 }, () => taker(20))
  expect(await Promise.all(takers.map(({ closed }) => closed))).toEqual([0, 0, 0, 0, 0, 0])
  expect(readFileSync(journal, 'utf8')).toBe('in\nout\n'.repeat(6))
  expect(readdirSync(folder)).toEqual(['journal'])
})

it('says once for whom it waits', async () => {
  const first = taker(60_000)
  await isIn()
  const second = taker(0)
  await expect.poll(second.output).not.toBe('')
  writeFileSync(release, '')
  expect(await second.closed).toBe(0)
  expect(second.output()).toBe(`waits for ${first.child.pid}\n`)
})

it('takes over from a process that was killed', async () => {
  const killed = taker(60_000)
  await isIn()
  killed.child.kill('SIGKILL')
  await killed.closed
  expect(existsSync(lock)).toBe(true)
  const next = taker(0)
  expect(await next.closed).toBe(0)
  expect(next.output()).toBe('')
  expect(existsSync(lock)).toBe(false)
})

it('is taken over by one of many', async () => {
  leaveLockOf(await deadPid())
  const takers = Array.from({ length: 6 }, () => taker(20))
  await Promise.all(takers.map(({ closed }) => closed))
  expect(readFileSync(journal, 'utf8')).toBe('in\nout\n'.repeat(6))
})

it('is let go by a process that ends in the middle of its work', async () => {
  const failed = taker(0, 'process.exit(3)')
  expect(await failed.closed).toBe(3)
  expect(existsSync(lock)).toBe(false)
})
