import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addedSettings, createInstallation, startDumpable, watch } from '../../test/backups.ts'
import { createBackup } from '../backups/create.ts'
import { loadConfig } from '../core/config/config.ts'
import { createLogger } from '../core/log.ts'
import { dropDatabase, withLink } from '../db/snapshot/index.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { type RunningServer, startServer } from '../server.ts'
import { runBackup } from './backup/run.ts'
import type { BackupCommand, BackupFlags } from './backup.ts'

let dataDir: string
let server: RunningServer | undefined
const env = () => ({ PORT: '0', DATA_DIR: dataDir, DOCKER_HOST: 'unix:///nonexistent/docker.sock' })
const serve = async () => {
  server = await startServer(loadConfig(env()), createLogger('silent'))
}
const stop = async () => {
  await server?.stop()
  server = undefined
}
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-backup-cli-'))
  await serve()
})
afterEach(async () => {
  await stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function run(
  command: BackupCommand,
  argument = '',
  flags: BackupFlags = {},
  given: Readonly<Record<string, string>> = {},
) {
  let text = ''
  let errors = ''
  const exit = await runBackup(
    command,
    argument,
    { json: true, ...flags },
    { ...env(), ...given },
    {
      write: (part) => {
        text += part
      },
      error: (part) => {
        errors += part
      },
      columns: undefined,
    },
  )
  const lines =
    flags.json === undefined
      ? text
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : []
  return { exit, lines, text, errors, last: lines.at(-1) }
}

async function endpoints(change?: string): Promise<number> {
  const store = await openSqliteStore({ path: join(dataDir, 'holdfast.db'), readers: 0 })
  try {
    if (change !== undefined) {
      await store.db.execute(
        `INSERT INTO settings (key, value, category, updated_at) VALUES ($1, 'x', 'test', $2)`,
        [change, new Date().toISOString()],
      )
    }
    const row = await store.db.queryOne<{ n: number }>(
      `SELECT count(*) AS n FROM settings WHERE category = 'test'`,
    )
    return Number(row?.n)
  } finally {
    await store.close()
  }
}

it('makes, lists, shows and deletes backups, of a server and without one', async () => {
  for (const running of [true, false]) {
    if (!running) await stop()
    const made = await run('create')
    expect([made.exit, made.last]).toMatchObject([
      0,
      { type: 'done', kind: 'create', outcome: 'done', by: 'cli' },
    ])
    const { last } = await run('list')
    expect(last.items.find((each: { name: string }) => each.name === made.last.name).provedAt).not.toBeNull()
    expect((await run('show', made.last.name)).last.stores[0].store).toBe('sqlite')
    expect((await run('prove', made.last.name)).exit).toBe(0)
    expect((await run('delete', made.last.name)).exit).toBe(1)
    expect((await run('delete', made.last.name, { yes: true })).exit).toBe(0)
    expect((await run('show', made.last.name)).last.code).toBe('backup_unknown')
  }
})

it('restores through a server, which starts again and goes on answering', async () => {
  const { last } = await run('create')
  expect(await endpoints('later')).toBe(1)
  expect((await run('restore', last.name)).exit).toBe(1)
  const restored = await run('restore', last.name, { yes: true })
  expect(restored.lines.map(({ type }) => type)).toEqual(['loss', 'done'])
  expect(restored.lines[0].tables.map((each: { table: string }) => each.table)).toContain('settings')
  expect([restored.exit, restored.last.safety !== null]).toEqual([0, true])
  expect(await endpoints()).toBe(0)
  const { last: list } = await run('list')
  expect(list.setAside).toHaveLength(1)
  expect((await run('drop', list.setAside[0].name, { yes: true })).exit).toBe(0)
})

it('restores on a new machine, where there is nothing but the file', async () => {
  const file = (await run('create')).last.name
  const fetched = join(dataDir, 'fetched.tar')
  expect((await run('download', file, { output: fetched })).exit).toBe(0)
  const again = await run('download', file, { output: fetched })
  expect([again.exit, again.last.message]).toEqual([1, expect.stringContaining('file already exists')])
  const missing = await run('upload', join(dataDir, 'none.tar'))
  expect([missing.exit, missing.last.message]).toEqual([1, expect.stringContaining('no such file')])
  await stop()
  const other = mkdtempSync(join(tmpdir(), 'holdfast-backup-cli-'))
  mkdirSync(join(other, 'backups'))
  renameSync(fetched, join(other, 'backups', file))
  rmSync(dataDir, { recursive: true })
  dataDir = other
  for (const name of ['none.tar', 'holdfast-2026-01-31T03-15-00-000Z.tar']) {
    expect((await run('restore', name, { yes: true, safety: false })).exit).toBe(2)
  }
  expect((await run('list')).last).toMatchObject({ items: [{ name: file }], last: null }) // no restore was begun
  const restored = await run('restore', file, { yes: true })
  expect([restored.exit, restored.last]).toMatchObject([0, { type: 'done', safety: null }])
  expect(existsSync(join(dataDir, 'holdfast.db'))).toBe(true)
  await serve()
  expect((await run('list')).last.items).toHaveLength(1)
})

it('restores into a server whose database is missing or empty, and has nothing to lose there', async () => {
  await stop()
  const postgres = await startDumpable()
  const installation = await createInstallation(postgres, 'postgres')
  try {
    const { place, database } = installation
    const name = await createBackup(place, 'manual', watch())
    const given = { DATA_DIR: place.dataDir, POSTGRES_APP_URL: place.postgresUrl ?? '' }
    const restored = () => run('restore', name, { yes: true }, given)
    const plain = [
      { type: 'loss', tables: [] },
      { type: 'done', safety: null },
    ]
    await withLink(postgres.url, (link) => dropDatabase(link, database))
    expect(await restored()).toMatchObject({ exit: 0, lines: plain })
    expect(await addedSettings(installation)).toEqual(['test.key'])

    await withLink(postgres.url, async (link) => {
      await dropDatabase(link, database)
      await link.script(`CREATE DATABASE ${database}`)
    })
    expect(await restored()).toMatchObject({ exit: 0, lines: plain })
    expect(await addedSettings(installation)).toEqual(['test.key'])
  } finally {
    await installation.remove()
    await postgres.stop()
  }
})

it('leaves everything as it is when the safety backup fails, unless told otherwise', async () => {
  const { last } = await run('create')
  await stop()
  const { writeFileSync, readFileSync } = await import('node:fs')
  const path = join(dataDir, 'holdfast.db')
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  const damaged = Buffer.concat([readFileSync(path).subarray(0, 100), Buffer.alloc(50_000, 1)])
  writeFileSync(path, damaged)
  const refused = await run('restore', last.name, { yes: true })
  expect(refused.exit).not.toBe(0)
  expect(readFileSync(path).equals(damaged)).toBe(true)
  const restored = await run('restore', last.name, { yes: true, safety: false })
  expect(restored.exit).toBe(0)
  expect(readdirSync(dataDir).filter((name) => name.startsWith('holdfast.db.before-'))).not.toEqual([])
  expect(await endpoints()).toBe(0)
})
