import { fork } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type SqliteDatabase from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { printed } from '../../test/cli.ts'
import { openDatabase, plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createLegacyDatabase } from '../../test/legacy-database.ts'
import { addMisfits, misfits } from '../../test/legacy-misfits.ts'
import { fillLegacy } from '../../test/legacy-rows.ts'
import type { AdoptReport } from '../adopt/report.ts'
import { tableMaps } from '../adopt/table-maps.ts'
import { unitOf } from '../db/domains.ts'
import { openPostgresStore } from '../db/postgres.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { lockSqliteServer } from '../db/sqlite-server-lock.ts'
import { runAdopt } from './adopt.ts'
import { runMigrate } from './migrate.ts'
import { runStorage } from './storage/run.ts'
import type { Command } from './storage/select.ts'

const ROWS = 45

let folder: string
let dataDir: string
let legacy: SqliteDatabase.Database
let lines: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  dataDir = join(folder, 'data')
  legacy = createLegacyDatabase(join(folder, 'dashboard.db'))
  fillLegacy(legacy)
  lines = []
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((text: unknown) => void lines.push(String(text)))
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  legacy.close()
  rmSync(folder, { recursive: true, force: true })
})

const output = () => lines.splice(0).join('\n')

async function adoptAsJson(
  env: Record<string, string>,
  dryRun = false,
): Promise<AdoptReport & { reportPath: string | null; code: number }> {
  const code = await runAdopt(legacy.name, { json: true, ...(dryRun ? { dryRun } : {}) }, env)
  return { ...JSON.parse(output()), code }
}

const sum = (report: AdoptReport, key: 'source' | 'adopted' | 'present' | 'quarantined') =>
  report.tables.reduce((total, table) => total + table[key], 0)

it('tries without a trace, adopts, and has nothing left to do', async () => {
  const env = { DATA_DIR: dataDir }
  const trial = await adoptAsJson(env, true)
  expect(trial).toMatchObject({ code: 0, dryRun: true, reportPath: null })
  expect(sum(trial, 'adopted')).toBe(ROWS)
  expect(existsSync(dataDir)).toBe(false)

  const first = await adoptAsJson(env)
  expect(first).toMatchObject({ code: 0, dryRun: false, quarantine: { rows: 0, place: null } })
  expect(first.tables.map(({ table, adopted, digest }) => [table, adopted, digest])).toEqual(
    trial.tables.map(({ table, adopted, digest }) => [table, adopted, digest]),
  )
  expect(JSON.parse(readFileSync(first.reportPath ?? '', 'utf8'))).toMatchObject({
    file: { path: legacy.name },
  })
  expect(first.leftBehind.map(({ name, rows }) => [name, rows])).toEqual([
    ['kpi_snapshots', 1],
    ['metrics', 1],
  ])

  const second = await adoptAsJson(env)
  // The record of the first adoption is a row of the installation itself.
  expect([sum(second, 'adopted'), sum(second, 'present')]).toEqual([0, ROWS])
  const trialAfter = await adoptAsJson(env, true)
  expect([sum(trialAfter, 'adopted'), sum(trialAfter, 'present')]).toEqual([0, ROWS])
})

it('ends a restore first that was interrupted, but not for a trial', async () => {
  const env = { DATA_DIR: dataDir }
  await runMigrate({ target: 'sqlite' }, env)
  const live = join(dataDir, 'holdfast.db')
  const names = { live, fresh: `${live}.restoring`, old: `${live}.before-20260102T030405` }
  copyFileSync(live, names.fresh)
  lines = []
  await adoptAsJson(env)
  const journal = { name: 'a.tar', stamp: '20260102T030405', sqlite: names, safety: null }
  const path = join(dataDir, 'restore.json')
  writeFileSync(path, JSON.stringify({ ...journal, postgres: null, secretKey: null }))

  const trial = await adoptAsJson(env, true)
  expect([sum(trial, 'adopted'), sum(trial, 'present'), existsSync(path)]).toEqual([0, ROWS, true])
  const again = await adoptAsJson(env)
  expect([sum(again, 'adopted'), sum(again, 'present'), existsSync(path)]).toEqual([ROWS, 0, false])
  expect(existsSync(names.old)).toBe(true)
})

it('says for people what became of everything', async () => {
  addMisfits(legacy)
  expect(await runAdopt(legacy.name, {}, { DATA_DIR: dataDir })).toBe(3)
  const text = output()
  expect(text).toMatch(/^Adopted .*dashboard\.db \(041_oidc_group_mapping, /)
  expect(text).toMatch(/^spans +15 +3 +0 +0 +12 +[0-9a-f]{16} equal$/m)
  expect(text).toContain('settings: not brought back, because they had been deleted: ')
  expect(text).toContain('Everybody signs in again, with the same password')
  expect(text).toContain('audit_log: an empty details is {} here (1 row)')
  const [, place = ''] = /Quarantine: 19 rows without a place, kept in (.*\.jsonl):/.exec(text) ?? []
  expect(readFileSync(place, 'utf8').trim().split('\n')).toHaveLength(misfits.length + 1)
  expect(readdirSync(join(dataDir, 'adopted'))).toHaveLength(2)
})

it('takes quarantine and rows to PostgreSQL where that is the place of the domains', async () => {
  addMisfits(legacy)
  const database = await openDatabase('postgres')
  try {
    const env = { DATA_DIR: dataDir, POSTGRES_APP_URL: database.location }
    // The test's own connection would look like that of a server.
    await database.store.close()
    expect(await runAdopt(legacy.name, { dryRun: true }, env)).toBe(1)
    expect(output()).toContain('Start Holdfast on it once and stop it again.')
    const first = await adoptAsJson(env)
    expect(first).toMatchObject({ code: 3, quarantine: { place: 'the table _quarantine of PostgreSQL' } })
    expect(first.tables.every(({ placement }) => placement === 'postgres')).toBe(true)
    const trial = await adoptAsJson(env, true)
    expect([sum(trial, 'adopted'), sum(trial, 'present')]).toEqual([0, ROWS])
    expect(trial.tables.map(({ digest }) => digest)).toEqual(first.tables.map(({ digest }) => digest))
    await adoptAsJson(env)

    const server = openPostgresStore({ url: database.location, maxConnections: 1 })
    const rows = await server.db.query(
      `SELECT DISTINCT q.unit, q.state, count(*) OVER () AS rows FROM _quarantine AS q LIMIT 1`,
    )
    expect(rows).toEqual([{ unit: 'adopt', state: 'open', rows: misfits.length + 1 }])
    expect(await runAdopt(legacy.name, {}, env)).toBe(1)
    expect(output()).toMatch(/A Holdfast server uses the database .*Stop it/)
    await server.close()
  } finally {
    await database.close().catch(() => undefined)
  }
})

it('takes each domain to the store that it is in', async () => {
  addMisfits(legacy)
  const database = await openDatabase('postgres')
  await database.store.close()
  try {
    const env = {
      DATA_DIR: dataDir,
      POSTGRES_APP_URL: database.location,
      STORAGE_PLACEMENT: 'sqlite',
      STORAGE_PLACEMENT_TRACES: 'postgres',
    }
    const report = await adoptAsJson(env)
    expect(report).toMatchObject({ code: 3, quarantine: { rows: misfits.length + 1 } })
    expect(
      report.tables.filter(({ placement }) => placement === 'postgres').map(({ table }) => table),
    ).toEqual(['spans'])
    expect(sum(report, 'adopted')).toBe(ROWS)
    expect(sum(await adoptAsJson(env, true), 'present')).toBe(ROWS)
  } finally {
    await database.close()
  }
})

it('brings what it adopts to the mirror of a unit that is being moved', async () => {
  const database = await openDatabase('postgres')
  await database.store.close()
  try {
    const env = { DATA_DIR: dataDir, POSTGRES_APP_URL: database.location, STORAGE_PLACEMENT: 'sqlite' }
    const storage = (command: Command) =>
      printed((out) => runStorage(command, ['users', 'insights'], { from: 'sqlite' }, env, out))
    const mirrored = await storage('mirror')
    expect(mirrored.exit, mirrored.errors).toBe(0)
    const trial = await adoptAsJson(env, true)
    const report = await adoptAsJson(env)
    expect([sum(trial, 'adopted'), sum(report, 'adopted'), report.code]).toEqual([ROWS, ROWS, 0])
    const verified = await storage('verify')
    expect(verified.exit, verified.errors).toBe(0)
    for (const unit of ['users', 'insights']) {
      const [, rows] =
        new RegExp(`^${unit}: (\\d+) rows? equal on both sides$`, 'm').exec(verified.output) ?? []
      const adopted = report.tables.filter(({ domain }) => unitOf(domain)[0] === unit)
      expect(Number(rows)).toBe(sum({ ...report, tables: adopted }, 'adopted'))
    }
  } finally {
    await database.close()
  }
})

it('refuses while the server runs, what is no file of the older dashboard, and a wrong configuration', async () => {
  await runAdopt(legacy.name, {}, { DATA_DIR: dataDir })
  const lock = await lockSqliteServer(join(dataDir, 'holdfast.db'))
  output()
  expect(await runAdopt(legacy.name, {}, { DATA_DIR: dataDir })).toBe(1)
  expect(output()).toMatch(/is in use by another Holdfast server .*Stop that one/)
  // A trial works on a copy.
  expect(await runAdopt(legacy.name, { dryRun: true }, { DATA_DIR: dataDir })).toBe(0)
  lock.release()
  output()

  const other = join(folder, 'notes.txt')
  writeFileSync(other, 'hello')
  expect(await runAdopt(other, { json: true }, { DATA_DIR: dataDir })).toBe(1)
  expect(JSON.parse(output())).toEqual({ error: expect.stringContaining('notes.txt is some other file') })
  expect(await runAdopt(legacy.name, {}, { DATA_DIR: dataDir, PORT: 'x' })).toBe(1)
  expect(output()).toContain('PORT must be a whole number')
})

describe.each(plainDatabases)('when it is killed, on $name', ({ dialect, open }) => {
  const program = new URL('../../test/adopt-child.ts', import.meta.url)
  const opened: TestDatabase[] = []
  const pids: (number | undefined)[] = []
  afterEach(() => Promise.all(opened.splice(0).map((database) => database.close())))

  /** An installation without anything yet. */
  async function installation(name: string): Promise<Record<string, string>> {
    const env = { DATA_DIR: join(folder, name) }
    if (dialect === 'sqlite') return env
    const database = await open()
    opened.push(database)
    return { ...env, POSTGRES_APP_URL: database.location }
  }

  function adoptUntil(env: Record<string, string>, domain: string, delayMs: number): Promise<unknown> {
    const child = fork(program, [legacy.name, domain, String(delayMs)], {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, ...env },
    })
    pids.push(child.pid)
    return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  }

  it('ends equal after another run', async () => {
    const insert = legacy.prepare(
      `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name)
       VALUES (?, 't', 'n', 'server', '2026-02-07 16:01:45', 's')`,
    )
    for (let i = 0; i < 2000; i++) insert.run(`many-${i}`)
    const killed = await installation('killed')
    // In the middle of a unit, and between two.
    expect(await adoptUntil(killed, 'traces', 60)).toBe('SIGKILL')
    expect(await adoptUntil(killed, 'insights', 0)).toBe('SIGKILL')
    const copies = () =>
      [tmpdir(), killed.DATA_DIR ?? '']
        .filter(existsSync)
        .flatMap((parent) => readdirSync(parent))
        .filter((name) => pids.some((pid) => name.startsWith(`holdfast-adopt-${pid}-`)))
    expect(copies()).toHaveLength(1)
    const last = await adoptAsJson(killed)
    expect(copies()).toEqual([])
    expect(last.tables.find(({ table }) => table === 'spans')).toMatchObject({ adopted: 0, present: 2003 })
    expect(last.tables.find(({ table }) => table === 'insights')).toMatchObject({ adopted: 2, present: 0 })
    expect([sum(last, 'adopted') + sum(last, 'present'), sum(last, 'quarantined')]).toEqual([ROWS + 2000, 0])

    const whole = await adoptAsJson(await installation('whole'))
    const digests = (report: AdoptReport) => report.tables.map(({ table, digest }) => [table, digest])
    expect(digests(last)).toEqual(digests(whole))
    expect(last.tables.find(({ table }) => table === 'settings')?.removedSeeds).toEqual([])
    // A row that were there twice would show in a third run only.
    const again = await adoptAsJson(killed)
    expect([sum(again, 'adopted'), sum(again, 'present')]).toEqual([0, ROWS + 2000])
    expect(await rowsIn(killed)).toEqual(ROWS + 2000)
  }, 60_000)
})

/** Rows that the installation has in the tables of the older dashboard, without records of adoptions. */
async function rowsIn(env: Record<string, string>): Promise<number> {
  const url = env.POSTGRES_APP_URL
  const store = url
    ? openPostgresStore({ url, maxConnections: 1 })
    : await openSqliteStore({ path: join(env.DATA_DIR ?? '', 'holdfast.db') })
  try {
    let rows = 0
    for (const { table } of tableMaps) {
      const where = table === 'audit_log' ? `WHERE action <> 'storage.adopt'` : ''
      rows +=
        (await store.db.queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM ${table} ${where}`))?.rows ??
        0
    }
    return rows
  } finally {
    await store.close()
  }
}
