import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../../test/app.ts'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createLogger } from '../core/log.ts'
import { writeServerFile } from '../core/server-file.ts'
import { openStorage, type Storage } from '../db/app-db-router.ts'
import { runDoctor } from './doctor/run.ts'
import type { DoctorFlags } from './doctor.ts'

const postgres = plainDatabases.find((kind) => kind.name === 'postgres')!
const SECRET = 'hfl_this-is-only-for-this-test'

let dataDir: string
let database: TestDatabase
const closers: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  database = await postgres.open()
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const openHere = (): Promise<Storage> =>
  openStorage({
    config: {
      dataDir,
      postgresAppUrl: database.location,
      postgresAppMaxConnections: 10,
      storagePlacement: 'sqlite',
      storagePlacements: {},
    },
    log: createLogger('silent'),
    clock: () => new Date(),
  })

async function serve(): Promise<TestApp> {
  const storage = await openHere()
  closers.push(() => storage.close())
  const app = await startTestApp({
    storage,
    dataDir,
    localSecret: SECRET,
    env: { POSTGRES_APP_URL: database.location },
  })
  closers.push(() => app.stop())
  writeServerFile(dataDir, { url: app.base, pid: process.pid, secret: SECRET })
  return app
}

async function run(flags: DoctorFlags = {}, env: Readonly<Record<string, string>> = {}) {
  let output = ''
  let errors = ''
  const exit = await runDoctor(
    flags,
    { DATA_DIR: dataDir, POSTGRES_APP_URL: database.location, PATH: process.env.PATH, ...env },
    {
      write: (text) => {
        output += text
      },
      error: (text) => {
        errors += text
      },
    },
  )
  return { exit, output, errors, json: () => JSON.parse(output) }
}

const idsOf = (report: { findings: { id: string }[] }) => report.findings.map(({ id }) => id)

describe('holdfast doctor', () => {
  it('lets the server look that runs here, and one elsewhere with a token', async () => {
    const app = await serve()
    const here = (await run({ json: true })).json()
    expect(here.by).toBe('server')
    expect(idsOf(here)).toEqual(
      expect.arrayContaining([
        'schema.drift',
        'storage.placed',
        'sqlite.integrity',
        'postgres.fsync',
        'clocks.postgres',
      ]),
    )
    expect(idsOf(here).filter((id) => id.endsWith('.unfinished'))).toEqual([])
    const made = await (await app.admin()).post('/api/tokens', { name: 'cli', scopes: ['admin'] })
    const env = { HOLDFAST_URL: app.base, HOLDFAST_TOKEN: made.body.secret, DATA_DIR: '/nonexistent' }
    expect((await run({ json: true }, env)).json().by).toBe('server')
    expect((await run({}, { ...env, HOLDFAST_TOKEN: 'hf_wrong' })).exit).toBe(5)
    expect((await run({ url: 'localhost:3051', token: 'x' })).exit).toBe(1)
    expect((await run({ url: 'http://127.0.0.1:9', token: 'x' })).exit).toBe(5)
  })

  it('looks itself when none runs, and changes nothing', async () => {
    await (await openHere()).close()
    writeServerFile(dataDir, { url: 'http://127.0.0.1:9', pid: process.pid, secret: SECRET })
    const contents = () =>
      Object.fromEntries(
        readdirSync(dataDir)
          .filter((name) => !/-(wal|shm)$/.test(name))
          .map((name) => [name, readFileSync(join(dataDir, name), 'base64')]),
      )
    const before = contents()
    const { exit, output } = await run({ all: true })
    expect(exit).toBe(4)
    expect(output).toContain('! warning: The server of this data folder does not answer')
    expect(output).toContain('✗ error: A crash of the machine can destroy the database')
    expect(output).toContain('✓ Tables, keys and indexes are as the migrations make them: SQLite')
    expect(output).toMatch(/\d+ errors.*no server was asked/)
    expect(output).not.toContain('Could not be checked')
    expect(contents()).toEqual(before)
  })

  it('says what it can when PostgreSQL is away and the configuration is wrong', async () => {
    await (await openHere()).close()
    const { json } = await run(
      { json: true },
      { PORT: 'eighty', POSTGRES_APP_URL: 'postgresql://u:xk39dkw0@127.0.0.1:1/d' },
    )
    const ids = idsOf(json())
    expect(ids).toEqual(
      expect.arrayContaining([
        'server.stopped',
        'config.problem',
        'storage.away',
        'sqlite.integrity',
        'disk.free',
      ]),
    )
    expect(ids.filter((id) => id.endsWith('.unfinished'))).toEqual([])
  })

  it('keeps to the databases, and hides what is fine unless asked', async () => {
    await (await openHere()).close()
    const whole = await run({ json: true, database: true })
    const categories = new Set(whole.json().findings.map((each: { category: string }) => each.category))
    expect(categories.has('docker')).toBe(false)
    expect(categories.has('extensions')).toBe(true)
    const { output } = await run({ database: true })
    expect(output).not.toContain('✓')
    expect(output).toContain('(--all shows them)')
  })
})
