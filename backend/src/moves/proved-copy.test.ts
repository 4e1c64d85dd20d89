import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqliteStore } from '../db/sqlite.ts'
import { takeProvedCopy } from './proved-copy.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('a copy with rows that break constraints is as whole as its original', async () => {
  const path = join(folder, 'original.db')
  const original = await openSqliteStore({ path, readers: 0 })
  await original.db.execute(
    'CREATE TABLE flags (id INTEGER PRIMARY KEY, on_off INTEGER CHECK (on_off IN (0, 1)))',
  )
  await original.db.execute('PRAGMA ignore_check_constraints = ON')
  await original.db.execute('INSERT INTO flags (id, on_off) VALUES (1, 2)')
  await original.close()
  const copy = await openSqliteStore({
    path: await takeProvedCopy(path, join(folder, 'backups'), new Date()),
    readers: 0,
  })
  expect(await copy.db.query('SELECT id, on_off FROM flags ORDER BY id LIMIT 5')).toEqual([
    { id: 1, on_off: 2 },
  ])
  await copy.close()
})

async function fill(path: string): Promise<void> {
  const original = await openSqliteStore({ path, readers: 0 })
  await original.db.execute('CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)')
  await original.db.execute(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
     INSERT INTO texts (text) SELECT hex(randomblob(500)) FROM n`,
  )
  await original.close()
}

it('no copy is begun where there is no room for it', async () => {
  const path = join(folder, 'original.db')
  await fill(path)
  const free = 64 * 1024 * 1024 + 1_000_000
  await expect(
    takeProvedCopy(path, join(folder, 'backups'), new Date(), { free: async () => free }),
  ).rejects.toThrow(
    /A copy of the SQLite file takes 2 MiB in .*, where 65 MiB are free and 64 MiB have to stay free: make room/,
  )
  expect(readdirSync(join(folder, 'backups'))).toEqual([])
})

it('nothing is left of a copy that failed half-way', async () => {
  const path = join(folder, 'original.db')
  await fill(path)
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, Math.floor(statSync(path).size / 4096 / 2) * 4096)
  await expect(takeProvedCopy(path, join(folder, 'backups'), new Date())).rejects.toThrow(/malformed/)
  expect(readdirSync(join(folder, 'backups'))).toEqual([])
})

it('what a crash or a stop left of a copy is no copy, and goes', async () => {
  const path = join(folder, 'original.db')
  const backups = join(folder, 'backups')
  await fill(path)
  mkdirSync(backups)
  writeFileSync(join(backups, 'before-cutover-2026-01-01T00-00-00-000Z.db.unproved'), 'half of it')
  const stopping = new AbortController()
  const free = async () => {
    stopping.abort(new Error('The server stops'))
    return Number.MAX_SAFE_INTEGER
  }
  const { signal } = stopping
  await expect(takeProvedCopy(path, backups, new Date(), { signal, free })).rejects.toThrow(
    'The server stops',
  )
  expect(readdirSync(backups)).toEqual([])
})
