import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databases, openDatabase, type TestDatabase } from '../../test/databases.ts'
import { findings, storesOf, withFolder, wrong } from '../../test/doctor.ts'
import { loadConfig } from '../core/config/config.ts'
import { openPostgresStore } from '../db/postgres.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { activityChecks, findHeld, findSessions, judgeAge } from './checks/activity.check.ts'
import { databaseClockCheck, pastCheck } from './checks/clocks.check.ts'
import { extensionsCheck } from './checks/extensions.check.ts'
import { poolCheck } from './checks/pool.check.ts'
import { postgresChecks, rightsCheck } from './checks/postgres.check.ts'
import { reachCheck, readOnlyCheck } from './checks/stores.check.ts'
import { openContext } from './context.ts'

/** The server of the tests gives safety for speed, which is found. */
const HASTY = [
  'error postgres.fsync',
  'error postgres.full-page-writes',
  'warning postgres.synchronous-commit',
]
let database: TestDatabase
const others: SqlStore[] = []
beforeEach(async () => {
  database = await openDatabase('postgres', { migrated: true })
})
afterEach(async () => {
  await Promise.all(others.splice(0).map((store) => store.close()))
  await database.close()
})

/** Another session on the database, as the same user or another. */
function another(user?: string, settings: Record<string, string> = {}): SqlStore {
  const url = new URL(database.location)
  if (user) url.username = user
  if (user) url.password = 'own'
  const store = openPostgresStore({ url: url.href, maxConnections: 1, applicationName: 'report', settings })
  others.push(store)
  return store
}

describe('a server', () => {
  it('that is well has nothing to mend but what is switched off', async () => {
    const found = await findings(
      [...postgresChecks, poolCheck, readOnlyCheck, ...activityChecks, extensionsCheck],
      {
        stores: storesOf(database),
      },
    )
    expect(wrong(found)).toEqual(HASTY)
    expect(found.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        'postgres.version',
        'postgres.superuser',
        'postgres.connections',
        'activity.sessions',
        'activity.vacuum',
        'extensions.statements-none',
      ]),
    )
  })
})

describe.each(databases.filter((kind) => kind.dialect === 'postgres'))('extensions on $name', (kind) => {
  it('are named with their versions', async () => {
    const other = await kind.open()
    const found = await findings([extensionsCheck], { stores: storesOf(other) })
    await other.close()
    const expected = kind.name === 'timescale' ? 'extensions.timescaledb' : 'extensions.timescaledb-none'
    expect(found.map(({ id }) => id)).toContain(expected)
  })
})

describe('rights', () => {
  const name = `doctor_${randomBytes(4).toString('hex')}`
  afterEach(async () => {
    await Promise.all(others.splice(0).map((store) => store.close()))
    await database.store.transaction((tx) => tx.execScript(`DROP OWNED BY ${name}; DROP ROLE ${name}`))
  })

  it('that are missing are granted by the commands that are shown', async () => {
    await database.store.transaction((tx) =>
      tx.execScript(`
        CREATE ROLE ${name} LOGIN PASSWORD 'own';
        GRANT USAGE ON SCHEMA public TO ${name};
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${name};
      `),
    )
    const stores = {
      sqlite: { state: 'absent' },
      postgres: { state: 'there', location: 'test', store: another(name) },
    } as const
    const found = await findings([rightsCheck], { stores })
    expect(wrong(found)).toEqual([
      'error postgres.no-access',
      'error postgres.no-create',
      'warning postgres.no-schema',
    ])
    expect(found.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['postgres.no-createdb', 'postgres.no-statistics']),
    )
    for (const { id, command } of found)
      if (id.startsWith('postgres.no-') && command) await database.db.execute(command)
    const after = await findings([rightsCheck], { stores })
    expect(wrong(after)).toEqual(['warning postgres.not-owner'])
    expect(after.map(({ id }) => id)).not.toContain('postgres.no-createdb')
  })
})

describe('sessions', () => {
  it('that leave a transaction open or wait behind one are found, and end by the command', async () => {
    const idle = new pg.Client(database.location)
    idle.on('error', () => undefined) // the command that is shown ends it
    await idle.connect()
    await idle.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE')
    const blocked = another().db.query('SELECT id FROM users')
    const look = () => findSessions(database.db, { idle: 0, long: 0, waiting: 0 })
    await expect.poll(async () => (await look()).map(({ id }) => id)).toContain('activity.waiting')
    expect((await findSessions(database.db)).map(({ id }) => id)).toEqual(['activity.sessions'])
    const found = await look()
    const left = found.find(({ id }) => id === 'activity.idle-in-transaction')
    expect(found.find(({ id }) => id === 'activity.waiting')?.seen).toContain(
      /process \d+/.exec(left?.subject ?? '')?.[0],
    )
    await database.db.query(left?.command ?? '')
    expect(await blocked).toEqual([])
    expect((await look()).map(({ id }) => id)).toEqual(['activity.sessions'])
  })

  it('are not alone in holding WAL: slots do that too', async () => {
    const name = `doctor_${randomBytes(4).toString('hex')}`
    await database.db.query('SELECT pg_create_physical_replication_slot($1, true)', [name])
    const of = async (most: number) =>
      (await findHeld(database.db, most)).find(({ subject }) => subject === name)
    expect(await of(1024 ** 4)).toBeUndefined()
    const held = await of(0)
    expect(held).toMatchObject({ id: 'activity.slot', severity: 'warning' })
    await database.db.query(held?.command ?? '')
    expect(await of(0)).toBeUndefined()
  })

  it('counts transactions that are left', () => {
    expect(judgeAge(200_000_000)).toEqual([])
    expect(judgeAge(1_200_000_000)).toMatchObject([{ severity: 'warning' }])
    expect(judgeAge(1_900_000_000)).toMatchObject([{ severity: 'error', id: 'activity.wraparound' }])
  })
})

describe('clocks', () => {
  it('of the server and of the past are compared with this one', async () => {
    const look = (aheadMs: number) =>
      findings([databaseClockCheck, pastCheck], {
        stores: storesOf(database),
        now: () => new Date(Date.now() + aheadMs),
      })
    expect(wrong(await look(0))).toEqual([])
    const early = await look(-86_400_000)
    expect(wrong(early)).toEqual(['error clocks.past', 'error clocks.postgres'])
    expect(early.find(({ id }) => id === 'clocks.postgres')?.seen).toMatch(
      /^86(39|40)\d{4} ms ahead of this machine/,
    )
  })
})

describe('connections', () => {
  it('that a pool could not get are an error, hardly any left a warning', async () => {
    const config = (most: number) => loadConfig({ POSTGRES_APP_MAX_CONNECTIONS: String(most) })
    const row = await database.db.queryOne<{ most: number }>(
      `SELECT current_setting('max_connections')::INTEGER - 3 AS most`,
    )
    const look = (most: number) => findings([poolCheck], { stores: storesOf(database), config: config(most) })
    const others = await database.db.queryOne<{ count: number }>(
      `SELECT count(*) AS count FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name NOT LIKE 'holdfast%'`,
    )
    const left = (row?.most ?? 0) - (others?.count ?? 0)
    expect(wrong(await look(Math.min(200, left + 5)))).toEqual(['error postgres.connections'])
    expect(wrong(await look(left - 2))).toEqual(['warning postgres.connections'])
    expect(wrong(await look(5))).toEqual([])
  })
})

describe('a database that is away', () => {
  it('is one finding, without the password', () =>
    withFolder(async (folder) => {
      const config = loadConfig({
        DATA_DIR: folder,
        POSTGRES_APP_URL: 'postgresql://someone:xk39dkw0@127.0.0.1:1/nothing',
      })
      const context = await openContext({ env: {}, config })
      try {
        const found = await findings([reachCheck, ...postgresChecks, ...activityChecks, poolCheck], context)
        expect(wrong(found)).toEqual(['error storage.away'])
        expect(JSON.stringify(found)).not.toContain('xk39dkw0')
        expect(found[0]?.seen).toContain('127.0.0.1:1/nothing')
      } finally {
        await context.close()
      }
    }))

  it('is a standby, or frozen by a setting of its user', async () => {
    const name = new URL(database.location).pathname.slice(1)
    await database.db.execute(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    expect(wrong(await findings([readOnlyCheck], { stores: storesOf(database) }))).toEqual([
      'warning storage.frozen',
    ])
  })
})
