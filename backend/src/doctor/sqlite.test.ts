import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../test/databases.ts'
import { findings, storesOf, withFolder, wrong } from '../../test/doctor.ts'
import { loadConfig } from '../core/config/config.ts'
import { loadSqlite } from '../db/sqlite-driver.ts'
import { sqliteChecks } from './checks/sqlite.check.ts'
import { reachCheck } from './checks/stores.check.ts'
import { openContext } from './context.ts'

const Database = await loadSqlite()

async function offline(folder: string) {
  const context = await openContext({ env: {}, config: loadConfig({ DATA_DIR: folder }) })
  try {
    return await findings([...sqliteChecks, reachCheck], context)
  } finally {
    await context.close()
  }
}

/** A file that was closed. */
function makeFile(folder: string, script: string): string {
  const path = join(folder, 'holdfast.db')
  const db = new Database(path)
  db.exec(script)
  db.close()
  return path
}

const ROWS = `
  CREATE TABLE numbers (id INTEGER PRIMARY KEY, text TEXT);
  CREATE INDEX by_text ON numbers (text);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO numbers SELECT i, 'row ' || i FROM n;
`

describe('a SQLite file', () => {
  it('that is whole has nothing to mend', async () => {
    const database = await openDatabase('sqlite', { migrated: true })
    const found = await findings(sqliteChecks, { stores: storesOf(database) })
    await database.close()
    expect(found.map(({ severity, id }) => `${severity} ${id}`)).toEqual([
      'ok sqlite.file',
      'ok sqlite.integrity',
    ])
  })

  it('with a damaged page is found to be', () =>
    withFolder(async (folder) => {
      const path = makeFile(folder, ROWS)
      const file = openSync(path, 'r+')
      writeSync(file, Buffer.alloc(4096, 0xab), 0, 4096, 4096 * 5)
      const found = await offline(folder)
      expect(wrong(found)).toEqual(['error sqlite.damaged'])
      expect(found.find(({ id }) => id === 'sqlite.damaged')?.seen).toBeTruthy()
    }))

  it('that is something else is a store that is away', () =>
    withFolder(async (folder) => {
      writeFileSync(
        join(folder, 'holdfast.db'),
        'This is no database, and it is longer than a header. '.repeat(100),
      )
      expect(wrong(await offline(folder))).toEqual(['error storage.away'])
    }))

  it('is not changed by looking at it, not even its journal mode', () =>
    withFolder(async (folder) => {
      const path = makeFile(folder, `PRAGMA journal_mode = DELETE; ${ROWS}`)
      const before = readFileSync(path)
      expect((await offline(folder)).map(({ id }) => id)).toContain('sqlite.journal')
      expect(readFileSync(path).equals(before)).toBe(true)
    }))

  it('that is not there is not made', () =>
    withFolder(async (folder) => {
      expect(await offline(folder)).toEqual([])
      const { existsSync } = await import('node:fs')
      expect(existsSync(join(folder, 'holdfast.db'))).toBe(false)
    }))
})
