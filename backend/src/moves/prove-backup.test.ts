import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqliteStore } from '../db/sqlite.ts'
import { proveBackup } from './prove-backup.ts'

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
    path: await proveBackup(path, join(folder, 'backups'), new Date()),
    readers: 0,
  })
  expect(await copy.db.query('SELECT id, on_off FROM flags ORDER BY id LIMIT 5')).toEqual([
    { id: 1, on_off: 2 },
  ])
  await copy.close()
})
