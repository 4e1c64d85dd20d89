import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../../test/app.ts'
import { cliInstallation, LOCAL_SECRET, printed } from '../../test/cli.ts'
import { startProxy } from '../../test/proxy.ts'
import { writeServerFile } from '../core/server-file.ts'
import type { Storage } from '../db/app-db-router.ts'
import type { MoveLimits } from '../moves/index.ts'
import { runStorage } from './storage/run.ts'
import type { Command } from './storage/select.ts'
import type { StorageFlags } from './storage.ts'

const QUICK = { pollMs: 20, gatherMs: 1, calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 }

const installation = cliInstallation()
/** What {@link serve} opened last. */
let served: Storage

/** A server on the data folder, with the file by which the command finds it. */
async function serve(limits: Partial<MoveLimits> = {}): Promise<TestApp> {
  served = await installation.open()
  return installation.serve(served, { moveLimits: { ...QUICK, ...limits } })
}

async function run(
  command: Command,
  names: readonly string[],
  flags: Partial<StorageFlags> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const done = await printed((output) =>
    runStorage(command, names, { from: 'sqlite', ...flags }, { ...installation.env(), ...env }, output),
  )
  const lines = () =>
    done.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  return { ...done, lines }
}

const BROKEN = `INSERT INTO settings (key, value, category, updated_at)
  VALUES ('x.broken', 'a' || char(0) || 'b', 'x', '2026-11-21T00:00:00.000Z')`

describe('holdfast storage, with a server on this machine', () => {
  it('moves a unit by one of its domains without a token', async () => {
    await serve()
    expect(await run('mirror', ['actions'], { wait: true })).toMatchObject({
      exit: 0,
      output: expect.stringContaining('insights: mirrored, SQLite ──▶ PostgreSQL'),
    })
    expect(await run('verify', ['incidents'], { wait: true })).toMatchObject({ exit: 0 })
    const over = await run('cutover', ['insights'], { json: true, wait: true })
    expect(over.exit).toBe(0)
    expect(over.lines().at(-1)).toMatchObject({
      type: 'done',
      action: 'cutover',
      unit: { unit: 'insights', placement: 'postgres', epoch: 2 },
    })
    expect((await run('status', ['insights'])).output).toContain('PostgreSQL ──▶ SQLite')
    expect((await run('rollback', ['insights'])).exit).toBe(0)
  })

  it('says which reasons speak against a step, and begins nothing after it', async () => {
    await serve()
    const refused = await run('cutover', ['settings', 'users'])
    expect(refused.exit).toBe(2)
    expect(refused.errors).toContain('There is no mirror')
    expect(refused.output).toContain('Not begun: settings')
    const json = await run('cutover', ['settings'], { json: true })
    expect(json.lines()).toMatchObject([
      { type: 'error', unit: 'settings', code: 'move_refused', reasons: [expect.any(String)] },
    ])
  })

  it('names what waits for conditions that come by themselves, and does not for others', async () => {
    await serve({ calmMs: 60_000 })
    expect((await run('cutover', ['users'])).errors).not.toContain('--wait')
    expect((await run('mirror', ['users'], { wait: true })).exit).toBe(0)
    const early = await run('cutover', ['users'])
    expect(early.exit).toBe(2)
    expect(early.errors).toContain('--wait')
    expect((await run('cutover', ['users'], { json: true })).lines()).toMatchObject([
      { type: 'error', code: 'move_refused', hint: expect.stringContaining('--wait') },
    ])
  })

  it('lets reads run on a mirror too, and says how they went', async () => {
    const app = await serve()
    expect((await run('shadow', [])).output).toContain('No unit has a complete mirror')
    expect((await run('shadow', ['settings'], { share: 5 })).exit).toBe(2)
    await run('mirror', ['settings'], { wait: true })
    expect(await run('shadow', ['settings'], { share: 100 })).toMatchObject({
      exit: 0,
      output: 'settings: 100 % of the reads run on the mirror too\n',
    })
    expect((await run('shadow', [], { share: 100 })).exit).toBe(1)
    const admin = await app.admin()
    // A machine that is busy has no time for them.
    const asked = async () => {
      await admin.get('/api/settings')
      return (await run('shadow', ['settings'])).output
    }
    await expect.poll(asked, { timeout: 30_000 }).toMatch(/[1-9]\d* compared, 0 answered/)
    expect((await run('status', ['settings'])).output).toMatch(/shadow reads 100 %: [1-9]\d* equal/)
    expect((await run('shadow', ['settings'], { share: 0 })).exit).toBe(0)
    expect((await run('status', ['settings'])).output).not.toContain('shadow')
  })

  it('waits for a calm minute without filling the audit log', async () => {
    await serve({ calmMs: 5_000 })
    await run('mirror', ['settings'], { wait: true })
    const waited = await run('cutover', ['settings'], { wait: true })
    expect(waited.exit, waited.errors).toBe(0)
    expect(waited.output).toContain('settings: waiting. ')
    const tries = await served
      .getAppDbFor('audit')
      .query(`SELECT id FROM audit_log WHERE action LIKE '%cutover%' ORDER BY id LIMIT 100`)
    expect(tries.length).toBeGreaterThan(0)
    expect(tries.length).toBeLessThan(4)
  })

  it('does not wait for what somebody has to do', async () => {
    await serve()
    await run('mirror', ['settings'], { wait: true })
    await installation.database.db.execute('DROP INDEX idx_settings_category')
    const refused = await run('cutover', ['settings'], { wait: true })
    expect(refused.exit).toBe(2)
    expect(refused.errors).toContain('CREATE INDEX idx_settings_category')
  })

  it('waits on while a store that was away is tried again', async () => {
    const proxy = await startProxy(installation.database.location)
    try {
      served = await installation.open({ url: proxy.url })
      await installation.serve(served, { moveLimits: QUICK })
      const statusOf = async () => (await run('status', ['webhooks'])).output
      await installation.database.db.transaction(async (tx) => {
        await tx.execute('LOCK TABLE webhooks IN SHARE MODE')
        expect((await run('mirror', ['webhooks'])).exit).toBe(0)
        proxy.refuse()
        await expect.poll(statusOf, { timeout: 30_000 }).toContain('! PostgreSQL is away')
      })
      let said = ''
      const note = (text: string) => {
        said += text
      }
      const flags: StorageFlags = { from: 'sqlite', wait: true }
      const output = { columns: undefined, write: note, error: note }
      const waiting = runStorage('mirror', ['webhooks'], flags, installation.env(), output)
      await expect.poll(() => said, { timeout: 30_000 }).toContain('webhooks: waiting. PostgreSQL is away')
      proxy.accept()
      expect(await waiting, said).toBe(0)
      expect(said).toContain('webhooks: mirrored')
    } finally {
      await installation.end()
      await proxy.close()
    }
  })

  it('takes the units of a phase that are meant, in turn', async () => {
    await serve()
    const first = await run('mirror', [], { phase: 2, wait: true })
    expect(first.exit, first.errors).toBe(0)
    for (const unit of ['sessions', 'users', 'settings', 'insights'])
      expect(first.output).toContain(`${unit}: mirrored`)
    const again = await run('mirror', [], { phase: 2 })
    expect(again).toMatchObject({ exit: 0, output: expect.stringContaining('Nothing to do') })
  })

  it('wants to be told which, and knows the names', async () => {
    await serve()
    expect((await run('mirror', [])).exit).toBe(1)
    expect((await run('mirror', ['settings'], { phase: 1 })).exit).toBe(1)
    const unknown = await run('status', ['speling'])
    expect(unknown).toMatchObject({ exit: 1, errors: expect.stringContaining('There are: traces, audit') })
    expect((await run('finish', ['settings'])).errors).toContain('--yes')
  })

  it('plans and rehearses', async () => {
    await serve()
    const plan = await run('plan', ['users'], { json: true })
    expect(plan.exit).toBe(0)
    expect(plan.lines()).toMatchObject([{ type: 'plan', units: [{ unit: 'users', obstacles: [] }] }])
    expect(await run('rehearse', ['users'])).toMatchObject({
      exit: 0,
      output: expect.stringContaining('every row equal'),
    })
  })
})

describe('holdfast storage, with a server elsewhere', () => {
  it('uses an API token, and says when it is not taken', async () => {
    const app = await serve()
    const made = await (await app.admin()).post('/api/tokens', { name: 'cli', scopes: ['admin'] })
    const env = { HOLDFAST_URL: app.base, HOLDFAST_TOKEN: made.body.secret, DATA_DIR: '/nonexistent' }
    expect((await run('status', [], {}, env)).output).toContain('Phase 4, telemetry')
    expect((await run('status', [], {}, { ...env, HOLDFAST_TOKEN: 'hf_wrong' })).exit).toBe(5)
    expect((await run('status', [], {}, { HOLDFAST_URL: app.base })).exit).toBe(1)
    expect((await run('status', [], { url: 'localhost:3051', token: 'x' })).exit).toBe(1)
  })

  it('tells a server that is not there from one that is something else', async () => {
    const other = createServer((_request, response) => response.end('<h1>A proxy</h1>'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    expect(await run('status', [], { url, token: 'x' })).toMatchObject({
      exit: 5,
      errors: expect.stringContaining('not this version'),
    })
    await new Promise((resolve) => other.close(resolve))
    expect((await run('status', [], { url, token: 'x' })).exit).toBe(5)
  })
})

describe('holdfast storage, without a server', () => {
  it('does the work itself, also beside the file that a killed server left', async () => {
    await installation.stopped()
    writeServerFile(installation.dataDir, {
      url: 'http://127.0.0.1:9',
      pid: process.pid,
      secret: LOCAL_SECRET,
    })
    const mirrored = await run('mirror', ['users'])
    expect(mirrored.exit, mirrored.errors).toBe(0)
    expect((await run('status', ['users'])).output).toContain('SQLite ──▶ PostgreSQL')
    expect((await run('verify', ['users'])).output).toMatch(/users: \d+ rows? equal on both sides/)
    expect((await run('abort', ['users'])).exit).toBe(0)
    const [line] = (await run('status', ['users'], { json: true })).lines()
    expect(line).toMatchObject({ type: 'unit', unit: { placement: 'sqlite', mirror: null } })
  })

  it('lists, accepts and tries again the rows in quarantine', async () => {
    await installation.stopped((storage) => storage.getAppDbFor('settings').execute(BROKEN))
    expect((await run('quarantine', [])).output).toContain('No row is in quarantine')
    expect((await run('mirror', ['settings'])).exit).toBe(0)
    const listed = await run('quarantine', ['settings'])
    expect(listed.output).toContain('["x.broken"]')
    // a, NUL, b
    expect(listed.output).toContain('text, bytes: 61 00 62')
    expect((await run('status', ['settings'])).output).toContain('1 in quarantine')
    expect((await run('cutover', ['settings'])).errors).toContain('1 row in quarantine')
    expect((await run('quarantine', ['settings'], { acknowledge: 7 })).exit).toBe(2)
    expect((await run('quarantine', ['settings'], { acknowledge: 1 })).exit).toBe(0)
    const replayed = await run('quarantine', ['settings'], { replay: true, json: true })
    expect(replayed.lines()).toMatchObject([{ type: 'replayed', unit: 'settings', replayed: 0, left: 1 }])
  })

  it('leaves the stores to a server that has them', async () => {
    await installation.open()
    expect(await run('status', [])).toMatchObject({ exit: 5, errors: expect.stringContaining('in use') })
  })

  it('says when there is no installation', async () => {
    const env = { POSTGRES_APP_URL: '' }
    expect(await run('status', [], {}, env)).toMatchObject({
      exit: 1,
      errors: expect.stringContaining('There is no installation'),
    })
  })
})
