import type { ChildProcess } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../test/databases.ts'
import { makeAdmin, type Running, startProcess } from '../test/processes.ts'
import { sqliteDriver } from './db/sqlite-driver.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const DRIVER = sqliteDriver

/** The product beside every package but the driver: no import can find it from there. */
let product: string
let dataDir: string
let database: TestDatabase
const children: ChildProcess[] = []

beforeAll(() => {
  product = mkdtempSync(join(tmpdir(), 'holdfast-without-'))
  cpSync(join(root, 'backend/src'), join(product, 'backend/src'), { recursive: true })
  cpSync(join(root, 'backend/package.json'), join(product, 'backend/package.json'))
  cpSync(join(root, 'package.json'), join(product, 'package.json'))
  mkdirSync(join(product, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name === DRIVER || name === '.cache') continue
    symlinkSync(join(root, 'node_modules', name), join(product, 'node_modules', name))
  }
})
afterAll(() => rmSync(product, { recursive: true, force: true }))

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-data-'))
  database = await openDatabase('postgres')
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(join(product, 'node_modules', DRIVER), { recursive: true, force: true })
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** `holdfast …` as a process of its own. */
function holdfast(args: readonly string[], env: Record<string, string> = {}): Running {
  const running = startProcess({
    cwd: product,
    args: ['backend/src/cli/main.ts', ...args],
    dataDir,
    env: { SAMPLE_INTERVAL_SECONDS: '1', ...env },
  })
  children.push(running.child)
  return running
}

/** The same, to its end. */
async function toItsEnd(args: readonly string[], env?: Record<string, string>) {
  const running = holdfast(args, env)
  const code = await running.ended
  return { code, output: running.output() }
}

const onPostgres = () => ({ POSTGRES_APP_URL: database.location })

async function stop(running: Running): Promise<void> {
  running.child.kill('SIGTERM')
  expect(await running.ended).toBe(0)
}

describe('the product without better-sqlite3', () => {
  it.each([
    ['by itself', {}],
    ['by a setting', { STORAGE_PLACEMENT: 'postgres' }],
  ])('starts on an empty PostgreSQL database %s, serves, collects, and starts again', async (_, env) => {
    const first = holdfast(['start'], { ...onPostgres(), ...env })
    const { base, cookie } = await makeAdmin(first)
    expect((await fetch(`${base}/health/ready`)).status).toBe(200)
    const get = async (path: string) =>
      JSON.parse(await (await fetch(base + path, { headers: { cookie } })).text())
    expect((await get('/api/system')).stores).toMatchObject([{ name: 'postgres', reachable: true }])
    await until(first, async () => {
      const row = await database.db.queryOne<{ n: number }>('SELECT count(*) AS n FROM metrics_recent')
      return (row?.n ?? 0) > 0
    })
    const [unit] = (await get('/api/storage')).items
    expect(unit).toMatchObject({ placement: 'postgres', mirror: null, archived: false })
    const mirrored = await fetch(`${base}/api/storage/units/${unit.unit}/mirror`, {
      method: 'POST',
      headers: { cookie, origin: base },
    })
    expect(mirrored.status).toBe(503)
    expect(await mirrored.text()).toContain('npm install --include=optional')
    expect((await fetch(`${base}/health/ready`)).status).toBe(200)
    await stop(first)

    const second = holdfast(['start'], { ...onPostgres(), ...env })
    const again = await second.line('listening')
    expect((await fetch(`${again.url}/health/ready`)).status).toBe(200)
    await stop(second)
    expect(readdirSync(dataDir).filter((name) => name.includes('.db'))).toEqual([])
  })

  it('refuses to start on SQLite, with one message that says what to do', async () => {
    const { code, output } = await toItsEnd(['start'])
    expect(code).toBe(1)
    expect(output).toMatch(/^Holdfast cannot start\. SQLite needs the optional package better-sqlite3/m)
    expect(output).toContain('npm install --include=optional')
    expect(output).not.toContain('    at ')
  })

  it('refuses to start beside a SQLite file that it cannot look into', async () => {
    writeFileSync(join(dataDir, 'holdfast.db'), 'SQLite format 3\0')
    const { code, output } = await toItsEnd(['start'], onPostgres())
    expect(code).toBe(1)
    expect(output).toMatch(/^Holdfast cannot start\. .*holdfast storage archive/m)
  })

  it('tells a driver whose native part was not built from one that is not there', async () => {
    const driver = join(product, 'node_modules', DRIVER)
    mkdirSync(driver)
    writeFileSync(join(driver, 'package.json'), JSON.stringify({ name: DRIVER, main: 'index.js' }))
    writeFileSync(
      join(driver, 'index.js'),
      `module.exports = class { constructor() { throw new Error('Could not locate the bindings file.\\nTried: …') } }`,
    )
    const { code, output } = await toItsEnd(['start'])
    expect(code).toBe(1)
    expect(output).toContain('cannot be loaded (Could not locate the bindings file.)')
  })

  it.each([
    ['migrate', ['migrate', '--target', 'sqlite']],
    ['adopt', ['adopt', 'dashboard.db']],
    ['demo', ['demo', '--containers', '1', '--hosts', '1', '--history', '0']],
    ['storage', ['storage', 'status']],
  ])('says the same when %s needs SQLite', async (_, args) => {
    for (const file of [join(dataDir, 'holdfast.db'), join(product, 'dashboard.db')]) {
      if (args[0] !== 'demo') writeFileSync(file, 'SQLite format 3\0'.padEnd(1_000, 'x'))
    }
    const { code, output } = await toItsEnd(args)
    expect(code).not.toBe(0)
    expect(output).toContain('npm install --include=optional')
    expect(output).not.toContain('    at ')
  })

  it('migrates and looks at PostgreSQL', async () => {
    expect(await toItsEnd(['migrate'], onPostgres())).toMatchObject({ code: 0 })
    const { code, output } = await toItsEnd(['storage', 'status', '--json'], onPostgres())
    expect(code).toBe(0)
    for (const line of output.trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ type: 'unit', unit: { placement: 'postgres' } })
    }
    expect(existsSync(join(dataDir, 'holdfast.db'))).toBe(false)
  })
})

async function until(running: Running, condition: () => Promise<boolean>) {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 300) throw new Error(`it did not come to that: ${running.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
