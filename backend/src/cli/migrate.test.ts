import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openDatabase } from '../../test/databases.ts'
import { readMigrations } from '../db/migration-files.ts'
import { runMigrate } from './migrate.ts'

let dataDir: string
let lines: string[]
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  lines = []
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((text: unknown) => void lines.push(String(text)))
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(dataDir, { recursive: true, force: true })
})

const names = readMigrations('sqlite').map((file) => file.name)
const file = () => join(dataDir, 'holdfast.db')

it('lists what is pending in a dry run and makes no file', async () => {
  expect(await runMigrate({ target: 'all', dryRun: true }, { DATA_DIR: dataDir })).toBe(0)
  expect(lines.join('\n')).toContain(`${names.length} pending`)
  expect(existsSync(file())).toBe(false)
})

it('applies, says so as JSON, and has nothing to do the second time', async () => {
  expect(await runMigrate({ target: 'all', json: true }, { DATA_DIR: dataDir })).toBe(0)
  expect(JSON.parse(lines.join(''))).toMatchObject({
    dryRun: false,
    databases: [{ target: 'sqlite', location: file(), applied: names, total: names.length }],
  })
  lines = []
  expect(await runMigrate({ target: 'sqlite' }, { DATA_DIR: dataDir })).toBe(0)
  expect(lines.join('\n')).toContain(`nothing to do, ${names.length} migrations are there`)
})

it('migrates PostgreSQL alone where there is no SQLite file, and shows no password', async () => {
  const database = await openDatabase('postgres')
  try {
    const env = {
      DATA_DIR: dataDir,
      POSTGRES_APP_URL: database.location.replace(':postgres@', ':own-word-17@'),
    }
    expect(await runMigrate({ target: 'all' }, env)).toBe(1)
    expect(lines.join('\n')).toMatch(/password authentication failed/)
    expect(lines.join('\n')).not.toContain('own-word-17')
    expect(existsSync(file())).toBe(false)
  } finally {
    await database.close()
  }
})

it('fails with what is wrong when the target or the configuration is', async () => {
  expect(await runMigrate({ target: 'postgres' }, { DATA_DIR: dataDir })).toBe(1)
  expect(lines.join('\n')).toContain('set POSTGRES_APP_URL')
  expect(await runMigrate({ target: 'all' }, { DATA_DIR: dataDir, PORT: 'x' })).toBe(1)
  expect(lines.join('\n')).toContain('PORT must be a whole number')
})
