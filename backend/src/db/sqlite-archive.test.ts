import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTwoStores, flip, type TwoStores } from '../../test/two-stores.ts'
import { ConfigError } from '../core/config/config.ts'
import type { Storage } from './app-db-router.ts'
import { domainNames, units } from './domains.ts'
import { openSqliteStore } from './sqlite.ts'
import { deleteArchive, listArchives } from './sqlite-archive.ts'

const NOTE = {
  archivedAt: '2026-11-21T10:00:00.000Z',
  archivedBy: 'ada',
  version: '1.2.3',
  tables: [{ table: 'audit_log', rows: 1, digest: 'd1' }],
}
const NAME = 'holdfast-2026-11-21T10-00-00-000Z.db'

let stores: TwoStores
beforeEach(async () => {
  stores = await createTwoStores()
})
afterEach(() => stores.close())

const file = () => join(stores.dataDir, 'holdfast.db')
const archived = (end = '') => join(stores.dataDir, 'archive', NAME + end)
const inSqlite = { config: { storagePlacement: 'sqlite' } } as const

/** An installation that began in SQLite and has moved everything since. */
async function moved(): Promise<Storage> {
  const storage = await stores.open(inSqlite)
  for (const unit of units) await flip(storage, unit)
  return storage
}

const refusal = (opening: Promise<unknown>) =>
  opening.then(
    () => '',
    (error: unknown) => (error instanceof ConfigError ? error.problems.join() : error),
  )

describe('the SQLite file of an installation that has moved', () => {
  it('is put away whole while the product runs, and nothing of it stays behind', async () => {
    const storage = await moved()
    const archive = await storage.control.archiveSqlite(NOTE)
    expect(readdirSync(stores.dataDir)).toEqual(['archive'])
    expect(readdirSync(join(stores.dataDir, 'archive'))).toEqual([NAME, `${NAME}.json`])
    const content = readFileSync(archived())
    expect(archive).toMatchObject({ ...NOTE, name: NAME, sizeBytes: content.length, deletedAt: null })
    expect(archive.sha256).toBe(createHash('sha256').update(content).digest('hex'))
    // 1 and not 2: no reader will look for a write-ahead log.
    expect([content[18], content[19]]).toEqual([1, 1])
    expect(listArchives(stores.dataDir)).toEqual([archive])
    const [row] = await stores.database.db.query<{ id: string }>('SELECT id FROM _installation')
    expect(archive.installation).toBe(row?.id)
    expect(storage.control.configured).toEqual({ sqlite: false, postgres: true })
    expect(storage.status().stores.map(({ name }) => name)).toEqual(['postgres'])
    await storage.getAppDbFor('audit').execute(`INSERT INTO audit_log (action) VALUES ('after')`)
  })

  it('is not missed at the next start, which makes none; new domains begin in PostgreSQL', async () => {
    await (await moved()).control.archiveSqlite(NOTE)
    await stores.database.db.execute(`DELETE FROM _placement WHERE domain = 'traces'`)
    const storage = await stores.open()
    expect(storage.status().domains.every((each) => each.available && each.placement === 'postgres')).toBe(
      true,
    )
    expect(storage.control.decision('traces')).toEqual({ placement: 'postgres', epoch: 1 })
    expect(readdirSync(stores.dataDir)).toEqual(['archive'])
  })

  it('is not begun anew because of a setting', async () => {
    await (await moved()).control.archiveSqlite(NOTE)
    expect(await refusal(stores.open(inSqlite))).toMatch(/archived .*Take STORAGE_PLACEMENT away/)
    const one = stores.open({ config: { storagePlacements: { traces: 'sqlite' } } })
    expect(await refusal(one)).toMatch(/Take STORAGE_PLACEMENT_TRACES away/)
    expect(await refusal(stores.open({ config: { postgresAppUrl: undefined } }))).toMatch(
      /archived .*Set POSTGRES_APP_URL/,
    )
    stores.proxy.refuse()
    expect(await refusal(stores.open(inSqlite))).toMatch(/Take STORAGE_PLACEMENT away/)
    expect(existsSync(file())).toBe(false)
  })

  it('is not begun anew where the folder was lost, because PostgreSQL knows', async () => {
    await moved()
    const storage = await stores.open()
    await storage.close()
    for (const end of ['', '-wal', '-shm', '.lock']) rmSync(file() + end, { force: true })
    expect(await refusal(stores.open(inSqlite))).toMatch(/Every domain is in PostgreSQL.*STORAGE_PLACEMENT/)
    expect(readdirSync(stores.dataDir)).toEqual([])
  })

  it('stays where it is while a domain is in it', async () => {
    const storage = await stores.open(inSqlite)
    await flip(storage, ['audit'])
    await expect(storage.control.archiveSqlite(NOTE)).rejects.toThrow(
      /settings.* must be in PostgreSQL first/,
    )
    expect(storage.control.store('sqlite')).toBeDefined()
    await storage.getAppDbFor('users').query('SELECT id FROM users LIMIT 1')
  })

  it('stays in use while another program has it open', async () => {
    const storage = await moved()
    const other = await openSqliteStore({ path: file() })
    try {
      await other.db.query('SELECT domain FROM _placement LIMIT 1')
      await expect(storage.control.archiveSqlite(NOTE)).rejects.toThrow(/Another program has .* open/)
    } finally {
      await other.close()
    }
    expect(existsSync(join(stores.dataDir, 'archive'))).toBe(false)
    expect(storage.control.store('sqlite')).toBeDefined()
    expect(storage.status().stores.map(({ name, reachable }) => [name, reachable])).toEqual([
      ['sqlite', true],
      ['postgres', true],
    ])
    await storage.control.archiveSqlite(NOTE)
    expect(existsSync(file())).toBe(false)
  })

  it('stays in use when it cannot be put away', async () => {
    const storage = await moved()
    writeFileSync(join(stores.dataDir, 'archive'), 'in the way')
    await expect(storage.control.archiveSqlite(NOTE)).rejects.toThrow()
    expect(storage.control.store('sqlite')).toBeDefined()
    rmSync(join(stores.dataDir, 'archive'))
    await storage.control.archiveSqlite(NOTE)
  })

  it('that was put back by hand serves nothing and can be archived again', async () => {
    await (await moved()).control.archiveSqlite(NOTE)
    renameSync(archived(), file())
    const storage = await stores.open()
    expect(storage.status().domains.every((each) => each.placement === 'postgres')).toBe(true)
    const again = await storage.control.archiveSqlite({ ...NOTE, archivedAt: '2026-11-22T10:00:00.000Z' })
    expect(listArchives(stores.dataDir).map(({ name }) => name)).toEqual([again.name, NAME])
    const alone = await stores.open()
    expect(alone.control.configured.sqlite).toBe(false)
  })

  it('makes room for a new one when a domain moves back', async () => {
    const storage = await moved()
    const [, store] = await Promise.all([storage.control.archiveSqlite(NOTE), storage.control.openSqlite()])
    expect(await store.db.query('SELECT DISTINCT placement, epoch FROM _placement')).toEqual([
      { placement: 'postgres', epoch: 2 },
    ])
    await flip(storage, ['audit'])
    const again = await stores.open()
    expect(domainNames.filter((name) => again.control.decision(name)?.placement === 'sqlite')).toEqual([
      'audit',
    ])
    expect(existsSync(archived())).toBe(true)
  })
})

describe('a crash while the file is put away', () => {
  it('before the rename leaves everything as it was', async () => {
    await (await moved()).close()
    mkdirSync(join(stores.dataDir, 'archive'))
    writeFileSync(archived('.json.part'), '{"cut off')
    const storage = await stores.open()
    expect(storage.control.store('sqlite')).toBeDefined()
    expect(readdirSync(join(stores.dataDir, 'archive'))).toEqual([])
    await storage.control.archiveSqlite(NOTE)
  })

  it('after the rename is ended by the next start', async () => {
    const archive = await (await moved()).control.archiveSqlite(NOTE)
    renameSync(archived('.json'), archived('.json.part'))
    writeFileSync(`${file()}.lock`, '')
    const storage = await stores.open()
    expect(storage.control.configured.sqlite).toBe(false)
    expect(readdirSync(stores.dataDir)).toEqual(['archive'])
    expect(listArchives(stores.dataDir)).toEqual([archive])
  })
})

describe('an archived file', () => {
  it('is deleted by its name alone, and what was in it stays known', async () => {
    const storage = await moved()
    const archive = await storage.control.archiveSqlite(NOTE)
    for (const name of ['../secret.key', `../archive/${NAME}`, '', `${NAME}.json`]) {
      expect(deleteArchive(stores.dataDir, name, '2026-12-01T00:00:00.000Z')).toBeUndefined()
    }
    const deleted = deleteArchive(stores.dataDir, NAME, '2026-12-01T00:00:00.000Z')
    expect(deleted).toEqual({ ...archive, deletedAt: '2026-12-01T00:00:00.000Z' })
    expect(existsSync(archived())).toBe(false)
    expect(listArchives(stores.dataDir)).toEqual([deleted])
    expect(deleteArchive(stores.dataDir, NAME, '2026-12-02T00:00:00.000Z')).toBeUndefined()
    expect(await refusal(stores.open(inSqlite))).toMatch(/archived/)
  })
})

it('makes no file for a setting that would leave rows behind in PostgreSQL', async () => {
  const storage = await stores.open()
  await storage.getAppDbFor('audit').execute(`INSERT INTO audit_log (action) VALUES ('one')`)
  expect(await refusal(stores.open(inSqlite))).toMatch(/audit .* has rows in postgres/)
  expect(readdirSync(stores.dataDir)).toEqual([])
})
