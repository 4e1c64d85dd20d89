import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databases, openDatabase, plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { type MigrateOptions, migrate } from './migrate.ts'
import { MigrationError } from './migration-error.ts'
import { readMigrations } from './migration-files.ts'
import { openPostgresStore } from './postgres.ts'
import type { SqlStore } from './sql-store.ts'
import { openSqliteStore } from './sqlite.ts'

/** Migration folders of a test's own: the same files for every engine, and extras for TimescaleDB. */
function folders(
  files: Readonly<Record<string, string>>,
  extras: Readonly<Record<string, string>> = {},
): URL {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-migrations-'))
  made.push(root)
  for (const [folder, texts] of [
    ['sqlite', files],
    ['pg', files],
    ['timescale', extras],
  ] as const) {
    mkdirSync(join(root, `${folder}-migrations`))
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(join(root, `${folder}-migrations`, name), text)
    }
  }
  return pathToFileURL(`${root}/`)
}

const made: string[] = []
const first = { '001_a.sql': '-- A row is an a.\nCREATE TABLE a (id INTEGER PRIMARY KEY, note TEXT);\n' }
const second = {
  ...first,
  '002_b.sql': "CREATE TABLE b (id INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (1, 'x;y');\n",
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof MigrationError)) throw error ?? new Error('it did not fail')
  return error.code
}

describe.each(databases)('migrations on $name', (kind) => {
  let database: TestDatabase
  let store: SqlStore
  beforeEach(async () => {
    database = await kind.open()
    store = database.store
  })
  afterEach(async () => {
    await database.close()
    for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true })
  })

  const run = (root: URL, options: MigrateOptions = {}) => migrate(store, { root, ...options })

  it('applies each file once, in order', async () => {
    const one = await run(folders(first))
    expect(one.applied).toEqual(['001_a.sql'])
    const two = await run(folders(second))
    expect(two.applied).toEqual(['002_b.sql'])
    expect(await store.db.query('SELECT note FROM a')).toEqual([{ note: 'x;y' }])
    expect((await run(folders(second))).applied).toEqual([])
    const names = await store.db.query('SELECT name FROM _app_migrations ORDER BY id')
    expect(names).toEqual([{ name: '001_a.sql' }, { name: '002_b.sql' }])
  })

  it('applies the whole schema, twice without effect', async () => {
    const report = await migrate(store)
    expect(report.applied.filter((name) => !name.startsWith('timescale/'))).toEqual(
      readMigrations('pg').map((file) => file.name),
    )
    expect(report.timescale?.active ?? false).toBe(kind.name === 'timescale')
    expect((await migrate(store)).applied).toEqual([])
  })

  it('changes nothing in a dry run and says what is pending', async () => {
    const report = await run(folders(second), { dryRun: true })
    expect(report).toMatchObject({ applied: [], pending: ['001_a.sql', '002_b.sql'] })
    await expect(store.db.query('SELECT * FROM _app_migrations')).rejects.toThrow(/_app_migrations/)
  })

  it('keeps nothing of a file that fails, and all of the files before it', async () => {
    const root = folders({
      ...first,
      '002_b.sql': 'CREATE TABLE b (id INTEGER);\nINSERT INTO missing VALUES (1);\n',
    })
    const failure = await run(root).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'failed', file: '002_b.sql' })
    expect(String(failure)).toMatch(/002_b\.sql failed and left nothing behind: .*missing/)
    await expect(store.db.query('SELECT * FROM b')).rejects.toThrow()
    expect(await store.db.query('SELECT name FROM _app_migrations')).toEqual([{ name: '001_a.sql' }])
    expect((await run(folders(second))).applied).toEqual(['002_b.sql'])
  })

  it('refuses a database that is newer than the files', async () => {
    await run(folders(second))
    const failure = await run(folders(first)).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'newer-database', file: '002_b.sql' })
  })

  it('refuses a changed file, a missing one, and one that belongs before an applied one', async () => {
    await run(folders(second))
    const changed = { ...second, '001_a.sql': `${first['001_a.sql']}-- changed\n` }
    expect(await codeOf(run(folders(changed)))).toBe('changed-file')
    expect(await codeOf(run(folders({ '002_b.sql': second['002_b.sql'] })))).toBe('missing-file')
    const renamed = { '001_z.sql': first['001_a.sql'], '002_b.sql': second['002_b.sql'] }
    expect(await codeOf(run(folders(renamed)))).toBe('missing-file')
    const late = { ...second, '000_late.sql': 'CREATE TABLE late (id INTEGER);' }
    expect(await codeOf(run(folders(late)))).toBe('out-of-order')
  })

  it('reads a checkout with CRLF as the same file', async () => {
    await run(folders(first))
    const crlf = { '001_a.sql': first['001_a.sql'].replaceAll('\n', '\r\n') }
    expect((await run(folders(crlf))).applied).toEqual([])
  })

  it('notices rows of its table that were changed by hand', async () => {
    await run(folders(second))
    await store.db.execute(`UPDATE _app_migrations SET chain = 'x' WHERE name = '001_a.sql'`)
    expect(await codeOf(run(folders(second)))).toBe('broken-chain')
  })

  it('allows gaps between numbers and refuses misnamed and doubled ones', async () => {
    expect(
      (await run(folders({ ...first, '005_e.sql': 'CREATE TABLE e (id INTEGER);' }))).applied,
    ).toHaveLength(2)
    expect(await codeOf(run(folders({ '1_a.sql': '' })))).toBe('bad-file')
    expect(await codeOf(run(folders({ '001_a.sql': '', '001_b.sql': '' })))).toBe('bad-file')
  })

  it('lets two that start at once both succeed', async () => {
    const reports = await Promise.all([migrate(store), migrate(store)])
    const applied = reports.flatMap((report) => report.applied)
    expect(new Set(applied).size).toBe(applied.length)
    expect((await migrate(store, { dryRun: true })).pending).toEqual([])
  })
})

describe.each(plainDatabases)('migrations of other processes on $name', (kind) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await kind.open()
  })
  afterEach(() => database.close())

  it('take turns: processes that start at once all succeed', async () => {
    const runs = await Promise.all(
      [1, 2, 3].map(() => migrateInChild({ dialect: kind.dialect, location: database.location })),
    )
    const applied = runs.flat()
    expect(applied.length).toBe(readMigrations('pg').length)
    expect(new Set(applied).size).toBe(applied.length)
  })

  it('are waited for, but not for ever', async () => {
    const other =
      kind.dialect === 'sqlite'
        ? await openSqliteStore({ path: database.location })
        : openPostgresStore({ url: database.location })
    const patient =
      kind.dialect === 'sqlite'
        ? await openSqliteStore({ path: database.location, busyTimeoutMs: 50 })
        : database.store
    await migrate(other, { root: folders(first) })
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let locked = () => {}
    const started = new Promise<void>((resolve) => {
      locked = resolve
    })
    const holding = other.transaction(async (tx) => {
      // The lock of the runner, as another version of it would take it.
      if (tx.dialect === 'postgres') {
        await tx.query('SELECT pg_advisory_xact_lock(1212370246, hashtext(current_schema()))')
      }
      locked()
      await held
    })
    await started
    const options = { root: folders(second) }
    expect(await codeOf(migrate(patient, { ...options, lockTimeoutMs: 200 }))).toBe('lock-timeout')
    const waiting = migrate(patient, { ...options, lockTimeoutMs: 30_000 })
    release()
    await holding
    expect((await waiting).applied).toEqual(['002_b.sql'])
    await other.close()
    if (patient !== database.store) await patient.close()
  })
})

describe('TimescaleDB extras', () => {
  const extras = { '002_b.sql': 'CREATE TABLE extra_of_b (id INTEGER);' }
  let database: TestDatabase
  beforeEach(async () => {
    database = await openDatabase('timescale')
  })
  afterEach(() => database.close())

  it('are applied with their twin, and alone where the twin came without them', async () => {
    const report = await migrate(database.store, { root: folders(second, extras) })
    expect(report.applied).toEqual(['001_a.sql', '002_b.sql', 'timescale/002_b.sql'])
    await database.store.db.execute(`DELETE FROM _app_migrations WHERE name = 'timescale/002_b.sql'`)
    await database.store.db.execute('DROP TABLE extra_of_b')
    expect((await migrate(database.store, { root: folders(second, extras) })).applied).toEqual([
      'timescale/002_b.sql',
    ])
  })

  it('are part of the history that must not change', async () => {
    await migrate(database.store, { root: folders(second, extras) })
    const changed = { '002_b.sql': 'CREATE TABLE another (id INTEGER);' }
    expect(await codeOf(migrate(database.store, { root: folders(second, changed) }))).toBe('changed-file')
  })

  it('are missed when a policy was removed by hand', async () => {
    await migrate(database.store)
    await database.store.db.query(`SELECT remove_retention_policy('metrics')`)
    const failure = await migrate(database.store).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'timescale' })
    expect(String(failure)).toMatch(/retentionJobs: 5 expected/)
  })

  it('are refused without the extension', async () => {
    const plain = await openDatabase('postgres')
    await migrate(plain.store, { root: folders(second, extras) })
    expect(await plain.db.query('SELECT name FROM _app_migrations')).toHaveLength(2)
    await plain.db.execute(
      `INSERT INTO _app_migrations (name, checksum, chain) VALUES ('timescale/002_b.sql', 'x', 'x')`,
    )
    expect(await codeOf(migrate(plain.store, { root: folders(second, extras) }))).toBe('timescale')
    await plain.close()
  })
})

it('says what to grant where the account may not create tables', async () => {
  const database = await openDatabase('postgres')
  await database.db.execute(`CREATE ROLE may_read LOGIN PASSWORD 'p'`)
  const url = new URL(database.location)
  url.username = 'may_read'
  url.password = 'p'
  const store = openPostgresStore({ url: url.href })
  const failure = await migrate(store).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'no-rights' })
  expect(String(failure)).toMatch(/GRANT CREATE, USAGE ON SCHEMA/)
  await store.close()
  await database.db.execute('DROP ROLE may_read')
  await database.close()
})

/** Migrates in a process of its own; resolves with the files it applied. */
function migrateInChild(target: { dialect: string; location: string }): Promise<string[]> {
  const program = new URL('../../test/migrate-child.ts', import.meta.url)
  const child = fork(program, [target.dialect, target.location], { execArgv: ['--import', 'tsx'] })
  return new Promise((resolve, reject) => {
    child.once('message', (names: string[]) => resolve(names))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the process ended with code ${code}`)))
  })
}
