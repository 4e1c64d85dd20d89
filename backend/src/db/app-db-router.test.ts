import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { QUICK_INTERVALS } from '../../test/product.ts'
import { type StoreProxy, startProxy } from '../../test/proxy.ts'
import { ConfigError } from '../core/config/config.ts'
import { createLogger } from '../core/log.ts'
import { openStorage, type Storage, type StorageConfig, type StorageStatus } from './app-db-router.ts'
import { TransactionMisuseError } from './db-errors.ts'
import { type Domain, domainNames } from './domains.ts'
import type { PlacementRow } from './placement-store.ts'
import { isAppDbReady } from './postgres.ts'
import { openSqliteStore } from './sqlite.ts'
import { StoreInUseError } from './store-in-use.ts'
import { StoreUnavailableError } from './store-unavailable.ts'

let dataDir: string
let storage: Storage | undefined
let database: TestDatabase
let proxy: StoreProxy

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-storage-'))
  database = await openDatabase('postgres')
  proxy = await startProxy(database.location)
})

afterEach(async () => {
  await storage?.close()
  storage = undefined
  await proxy.close()
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function open(changes: Partial<StorageConfig> = {}): Promise<Storage> {
  await storage?.close()
  storage = undefined
  const config: StorageConfig = {
    dataDir,
    postgresAppUrl: undefined,
    postgresAppMaxConnections: 5,
    storagePlacement: undefined,
    storagePlacements: {},
    ...changes,
  }
  storage = await openStorage({
    config,
    log: createLogger('silent'),
    clock: () => new Date(),
    intervals: QUICK_INTERVALS,
  })
  return storage
}

const both = (changes: Partial<StorageConfig> = {}) => open({ postgresAppUrl: proxy.url, ...changes })
const placed = (status: StorageStatus, domain: Domain) =>
  status.domains.find((each) => each.domain === domain)!
const file = () => join(dataDir, 'holdfast.db')

async function addAudit(target: Storage, action: string): Promise<void> {
  await target.getAppDbFor('audit').execute('INSERT INTO audit_log (action) VALUES ($1)', [action])
}

async function audits(target: Storage): Promise<string[]> {
  const rows = await target
    .getAppDbFor('audit')
    .query<{ action: string }>('SELECT action FROM audit_log ORDER BY id LIMIT 100')
  return rows.map((row) => row.action)
}

/** What each store says of a domain, read past the router. */
async function rowsOf(domain: Domain) {
  const sqlite = existsSync(file()) ? await openSqliteStore({ path: file() }) : undefined
  const sql = 'SELECT placement, epoch, state FROM _placement WHERE domain = $1'
  try {
    return {
      sqlite: await sqlite?.db.queryOne<PlacementRow>(sql, [domain]),
      postgres: await database.db.queryOne<PlacementRow>(sql, [domain]),
    }
  } finally {
    await sqlite?.close()
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1_000) throw new Error('it did not come to that')
    await sleep(10)
  }
}

describe('a fresh installation', () => {
  it('is in SQLite without POSTGRES_APP_URL', async () => {
    const { domains, stores } = (await open()).status()
    expect(new Set(domains.map((each) => each.placement))).toEqual(new Set(['sqlite']))
    expect(domains.map((each) => each.domain)).toEqual(domainNames)
    expect(domains.every((each) => each.available && each.epoch === 1)).toBe(true)
    expect(stores).toMatchObject([{ name: 'sqlite', reachable: true, location: file() }])
  })

  it('is in PostgreSQL with it, and makes no SQLite file', async () => {
    const { domains, stores } = (await both()).status()
    expect(new Set(domains.map((each) => each.placement))).toEqual(new Set(['postgres']))
    expect(existsSync(file())).toBe(false)
    expect(stores.map((store) => store.name)).toEqual(['postgres'])
    expect(stores[0]?.version).toMatch(/^17\./)
    expect(stores[0]?.location).not.toContain('postgres:postgres')
    expect(isAppDbReady()).toBe(true)
  })

  it('puts each domain where its own setting says', async () => {
    const opened = await both({ storagePlacement: 'sqlite', storagePlacements: { audit: 'postgres' } })
    expect(placed(opened.status(), 'audit').placement).toBe('postgres')
    expect(placed(opened.status(), 'users').placement).toBe('sqlite')
    expect(opened.getAppDbFor('audit').dialect).toBe('postgres')
    await addAudit(opened, 'one')
    expect(await database.db.query('SELECT action FROM audit_log')).toEqual([{ action: 'one' }])
    await opened.close()
    storage = undefined
    const row = { placement: 'postgres', epoch: 1, state: 'complete' }
    expect(await rowsOf('audit')).toEqual({ sqlite: row, postgres: row })
  })

  it('refuses settings that tear tied domains apart', async () => {
    const torn = both({ storagePlacement: 'sqlite', storagePlacements: { insights: 'postgres' } })
    await expect(torn).rejects.toThrow(/insights, actions, investigations, incidents are tied/)
    expect(existsSync(file())).toBe(false)
    const half = both({ storagePlacements: { insights: 'sqlite' } })
    await expect(half).rejects.toThrow(/insights, actions, investigations, incidents are tied/)
    expect(await database.db.query('SELECT domain FROM _placement')).toEqual([])
  })
})

describe('an existing installation', () => {
  it('stays in its SQLite file when POSTGRES_APP_URL is added', async () => {
    await addAudit(await open(), 'one')
    const opened = await both()
    expect(placed(opened.status(), 'audit').placement).toBe('sqlite')
    expect(await audits(opened)).toEqual(['one'])
    expect(await database.db.query('SELECT DISTINCT placement FROM _placement')).toEqual([
      { placement: 'sqlite' },
    ])
  })

  it('refuses a new placement of domains with rows, naming them all, and changes nothing', async () => {
    const before = await open()
    await addAudit(before, 'one')
    await before
      .getAppDbFor('users')
      .execute(`INSERT INTO users (id, username, password_hash) VALUES ('1', 'ada', 'x')`)
    const refused = await both({ storagePlacement: 'postgres' }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ConfigError)
    const { problems } = refused as ConfigError
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['audit', 'users'])
    expect(problems[0]).toMatch(/holdfast storage mirror audit.*holdfast storage cutover audit/)
    const opened = await both()
    expect(await audits(opened)).toEqual(['one'])
    expect(placed(opened.status(), 'traces')).toMatchObject({ placement: 'sqlite', epoch: 1 })
  })

  it('refuses it for a changed setting among the seeds, and not for the seeds alone', async () => {
    const first = await open()
    await first.getAppDbFor('settings').execute(`UPDATE settings SET value = 'x' WHERE key = 'oidc.scopes'`)
    const wish = { storagePlacements: { settings: 'postgres', prompts: 'postgres' } } as const
    const refused = await both(wish).catch((error: unknown) => error)
    expect((refused as ConfigError).problems.map((problem) => problem.split(' ')[0])).toEqual(['settings'])
  })

  it('takes a setting for one of several tied domains that repeats where they are', async () => {
    const tied = ['insights', 'actions', 'investigations', 'incidents'] as const
    const all = Object.fromEntries(tied.map((domain) => [domain, 'postgres' as const]))
    await both({ storagePlacement: 'sqlite', storagePlacements: all })
    const opened = await both({ storagePlacements: { insights: 'postgres' } })
    for (const domain of tied) expect(placed(opened.status(), domain).placement).toBe('postgres')
  })

  it('re-places a domain without rows, with a new epoch in both stores', async () => {
    await open()
    const opened = await both({ storagePlacements: { traces: 'postgres', prompts: 'postgres' } })
    expect(placed(opened.status(), 'traces')).toMatchObject({
      placement: 'postgres',
      epoch: 2,
      available: true,
    })
    expect(placed(opened.status(), 'prompts')).toMatchObject({ placement: 'postgres', epoch: 2 })
    await opened.close()
    storage = undefined
    const row = { placement: 'postgres', epoch: 2, state: 'complete' }
    expect(await rowsOf('traces')).toEqual({ sqlite: row, postgres: row })
  })

  it('follows the higher epoch and repairs the other store', async () => {
    await both({ storagePlacement: 'sqlite' })
    await storage?.close()
    await database.db.execute(
      `UPDATE _placement SET placement = 'postgres', epoch = 7 WHERE domain = 'audit'`,
    )
    const opened = await both()
    expect(placed(opened.status(), 'audit')).toMatchObject({
      placement: 'postgres',
      epoch: 7,
      available: true,
    })
    await opened.close()
    storage = undefined
    expect((await rowsOf('audit')).sqlite).toEqual({ placement: 'postgres', epoch: 7, state: 'complete' })
  })

  it('fences a domain that both stores claim, and only that one', async () => {
    await both({ storagePlacement: 'sqlite' })
    await storage?.close()
    await database.db.execute(`UPDATE _placement SET placement = 'postgres' WHERE domain = 'audit'`)
    const opened = await both()
    const failure = await addAudit(opened, 'x').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(failure).toMatchObject({ domain: 'audit', kind: 'unavailable' })
    expect(String(failure)).toMatch(/Both stores claim to hold the domain/)
    expect(await opened.getAppDbFor('settings').query('SELECT key FROM settings LIMIT 1')).toHaveLength(1)
  })

  it('does not begin anew when its SQLite file is lost', async () => {
    await both({ storagePlacement: 'sqlite' })
    await storage?.close()
    rmSync(file())
    const opened = await both()
    expect(placed(opened.status(), 'users')).toMatchObject({ placement: 'sqlite', available: false })
    expect(placed(opened.status(), 'users').reason).toMatch(/holds no holdfast.db/)
    expect(existsSync(file())).toBe(false)
  })

  it('refuses a PostgreSQL database of another installation, and serves what is in SQLite', async () => {
    await both()
    const dataDirOfFirst = dataDir
    await storage?.close()
    dataDir = mkdtempSync(join(tmpdir(), 'holdfast-storage-'))
    rmSync(dataDirOfFirst, { recursive: true })
    await addAudit(await open(), 'mine')
    const opened = await both()
    expect(await audits(opened)).toEqual(['mine'])
    expect(opened.status().stores[1]?.reason).toMatch(/belongs to another installation/)
  })
})

describe('a store that is away', () => {
  const mixed = { storagePlacement: 'sqlite', storagePlacements: { audit: 'postgres' } } as const

  it('makes its own domains unavailable with a reason, and no others; it heals by itself', async () => {
    const opened = await both(mixed)
    await addAudit(opened, 'before')
    proxy.refuse()
    const failure = await addAudit(opened, 'lost').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(failure).toMatchObject({ domain: 'audit' })
    await until(() => !placed(opened.status(), 'audit').available)
    expect(placed(opened.status(), 'audit')).toMatchObject({ placement: 'postgres' })
    expect(opened.status().stores[1]).toMatchObject({ name: 'postgres', reachable: false })
    expect(opened.status().stores[1]?.reason).toBeTruthy()
    expect(await opened.getAppDbFor('audit').healthCheck()).toBe(false)
    expect(await opened.getAppDbFor('settings').query('SELECT key FROM settings LIMIT 1')).toHaveLength(1)
    proxy.accept()
    await until(() => placed(opened.status(), 'audit').available)
    await addAudit(opened, 'after')
    expect(await audits(opened)).toEqual(['before', 'after'])
  })

  it('is noticed without a call', async () => {
    const opened = await both(mixed)
    proxy.refuse()
    await until(() => !placed(opened.status(), 'audit').available)
    proxy.accept()
    await until(() => placed(opened.status(), 'audit').available)
  })

  it('at the start is waited for: a fresh installation is not put elsewhere', async () => {
    proxy.refuse()
    const opened = await both()
    expect(isAppDbReady()).toBe(false)
    expect(opened.status().domains.every((each) => !each.available)).toBe(true)
    await expect(addAudit(opened, 'x')).rejects.toThrow(StoreUnavailableError)
    expect(existsSync(file())).toBe(false)
    proxy.accept()
    await until(() => opened.status().domains.every((each) => each.available))
    await addAudit(opened, 'one')
    expect(await database.db.query('SELECT action FROM audit_log')).toEqual([{ action: 'one' }])
    expect(isAppDbReady()).toBe(true)
  })

  it('at the start leaves the domains of the other store at work', async () => {
    await addAudit(await both(mixed), 'one')
    proxy.refuse()
    const opened = await both(mixed)
    expect(placed(opened.status(), 'audit')).toMatchObject({ placement: 'postgres', available: false })
    expect(placed(opened.status(), 'users')).toMatchObject({ placement: 'sqlite', available: true })
    proxy.accept()
    await until(() => placed(opened.status(), 'audit').available)
    expect(await audits(opened)).toEqual(['one'])
  })

  it('that comes back with a higher epoch does not take a domain over under the running server', async () => {
    await both({ storagePlacement: 'sqlite' })
    const opened = await both()
    proxy.refuse()
    await until(() => opened.status().stores[1]?.reachable === false)
    await database.db.execute(
      `UPDATE _placement SET placement = 'postgres', epoch = 9 WHERE domain = 'audit'`,
    )
    expect(placed(opened.status(), 'audit').available).toBe(true)
    proxy.accept()
    await until(() => !placed(opened.status(), 'audit').available)
    expect(placed(opened.status(), 'audit').reason).toMatch(/restored from a backup/)
    expect(placed(opened.status(), 'users').available).toBe(true)
  })

  it.each([
    ['a wrong password', { password: 'wrong' }, /password authentication failed.*POSTGRES_APP_URL/],
    ['a missing database', { pathname: '/nowhere' }, /"nowhere" does not exist.*Create the database/],
    ['an unknown host', { hostname: 'nowhere.invalid' }, /cannot be resolved/],
    ['a closed port', { port: '1' }, /Is PostgreSQL running/],
    ['TLS on a server without', { search: '?sslmode=require' }, /SSL connections.*take sslmode out of/],
  ])('says what to do about %s', async (_, changes, message) => {
    const url = new URL(proxy.url)
    Object.assign(url, changes)
    const opened = await open({ postgresAppUrl: url.href })
    expect(placed(opened.status(), 'audit').available).toBe(false)
    expect(opened.status().stores[0]?.reason).toMatch(message)
  })

  it('says what to do about a SQLite file that is none', async () => {
    writeFileSync(file(), 'this is no database, and it is long enough to be looked at. '.repeat(20))
    const opened = await open()
    expect(opened.status().stores[0]?.reason).toMatch(/Move it aside and restore a backup/)
    await expect(addAudit(opened, 'x')).rejects.toThrow(StoreUnavailableError)
  })
})

describe('a handle', () => {
  it('is the same for good and streams, inserts and commits like the store below it', async () => {
    const opened = await open()
    const db = opened.getAppDbFor('audit')
    expect(opened.getAppDbFor('audit')).toBe(db)
    await db.insertMany('audit_log', ['action'], [['a'], ['b']])
    const rolledBack = db.transaction(async (tx) => {
      await tx.execute(`INSERT INTO audit_log (action) VALUES ('c')`)
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    const seen: unknown[] = []
    for await (const row of db.stream('SELECT action FROM audit_log ORDER BY id')) seen.push(row)
    expect(seen).toEqual([{ action: 'a' }, { action: 'b' }])
  })

  it.each(['sqlite', 'postgres'] as const)(
    'must not be used inside its own transaction on %s',
    async (placement) => {
      const opened = await both({ storagePlacement: placement })
      const misused = opened.getAppDbFor('audit').transaction(() => addAudit(opened, 'escaped'))
      await expect(misused).rejects.toThrow(TransactionMisuseError)
      expect(await audits(opened)).toEqual([])
    },
  )
})

it('refuses a second server on the same SQLite file, until the first is gone', async () => {
  const opened = await open()
  const second = {
    config: {
      dataDir,
      postgresAppUrl: undefined,
      postgresAppMaxConnections: 5,
      storagePlacement: undefined,
      storagePlacements: {},
    },
    log: createLogger('silent'),
    clock: () => new Date(),
  }
  const refused = await openStorage(second).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(StoreInUseError)
  expect(String(refused)).toContain(`process ${process.pid} on`)
  await addAudit(opened, 'still works')
  await opened.close()
  storage = await openStorage(second)
  expect(await audits(storage)).toEqual(['still works'])
})

describe('processes of one installation', () => {
  it('that start at once on an empty PostgreSQL database agree, and load no SQLite', async () => {
    const runs = await Promise.all([1, 2].map(() => openInChild(dataDir, database.location)))
    for (const run of runs) {
      expect(run).toEqual({ placements: ['postgres'], available: true, loadsSqlite: false })
    }
    expect(existsSync(file())).toBe(false)
    const rows = await database.db.query('SELECT DISTINCT placement, epoch, state FROM _placement')
    expect(rows).toEqual([{ placement: 'postgres', epoch: 1, state: 'complete' }])
  })
})

it('keeps its tables in the schema that POSTGRES_APP_URL leads to', async () => {
  await database.db.execute('CREATE SCHEMA app')
  const url = `${proxy.url}?options=${encodeURIComponent('-c search_path=app')}`
  const opened = await open({ postgresAppUrl: url })
  expect(placed(opened.status(), 'audit')).toMatchObject({ available: true, reason: null })
  const schemas = await database.db.query(
    `SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('audit_log', '_placement', '_app_migrations')`,
  )
  expect(schemas).toEqual([{ schemaname: 'app' }])
})

it('says that the schema is missing that POSTGRES_APP_URL leads to', async () => {
  const url = `${proxy.url}?options=${encodeURIComponent('-c search_path=nowhere')}`
  const opened = await open({ postgresAppUrl: url })
  expect(placed(opened.status(), 'audit').reason).toMatch(/search_path of this account names no schema/)
})

it('says what to do about a data folder that cannot be made', async () => {
  writeFileSync(join(dataDir, 'in-the-way'), '')
  const opened = await open({ dataDir: join(dataDir, 'in-the-way', 'data') })
  expect(opened.status().stores[0]?.reason).toMatch(/data folder .* cannot be made.*Set DATA_DIR/)
})

function openInChild(folder: string, url: string): Promise<unknown> {
  const program = new URL('../../test/storage-child.ts', import.meta.url)
  const child = fork(program, [folder, url], { execArgv: ['--import', 'tsx'] })
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the process ended with code ${code}`)))
  })
}
