import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cliInstallation, LOCAL_SECRET, printed } from '../../test/cli.ts'
import { writeServerFile } from '../core/server-file.ts'
import { runDoctor } from './doctor/run.ts'
import type { DoctorFlags } from './doctor.ts'

const installation = cliInstallation()

async function run(flags: DoctorFlags = {}, env: Readonly<Record<string, string>> = {}) {
  const done = await printed((output) =>
    runDoctor(flags, { ...installation.env(), PATH: process.env.PATH, ...env }, output),
  )
  return { ...done, json: () => JSON.parse(done.output) }
}

const idsOf = (report: { findings: { id: string }[] }) => report.findings.map(({ id }) => id)

describe('holdfast doctor', () => {
  it('lets the server look that runs here, and one elsewhere with a token', async () => {
    const storage = await installation.open()
    const app = await installation.serve(storage, {
      env: { POSTGRES_APP_URL: installation.database.location },
    })
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
    await installation.stopped()
    const { dataDir } = installation
    writeServerFile(dataDir, { url: 'http://127.0.0.1:9', pid: process.pid, secret: LOCAL_SECRET })
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
    await installation.stopped()
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
    await installation.stopped()
    const whole = await run({ json: true, database: true })
    const categories = new Set(whole.json().findings.map((each: { category: string }) => each.category))
    expect(categories.has('docker')).toBe(false)
    expect(categories.has('extensions')).toBe(true)
    const { output } = await run({ database: true })
    expect(output).not.toContain('✓')
    expect(output).toContain('(--all shows them)')
  })
})
