import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import {
  addedSettings,
  addSetting,
  createInstallation,
  type Installation,
  startDumpable,
  watch,
} from '../../test/backups.ts'
import type { TestServer } from '../../test/postgres-server.ts'
import { withLink } from '../db/snapshot/index.ts'
import { createBackup } from './create.ts'
import { listFolder } from './folder.ts'
import { finishRestore, removeLeftovers } from './restore.ts'

let server: TestServer
let installation: Installation
let name: string

beforeAll(async () => {
  server = await startDumpable()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  installation = await createInstallation(server, 'both')
  name = await createBackup(installation.place, 'manual', watch())
  const storage = await installation.open()
  await addSetting(storage, 'test.later', 'x').finally(() => storage.close())
  return () => installation.remove()
})

/** Restores in a process of its own, which ends at `step` by SIGKILL. */
async function killedAt(step: string, backup: string): Promise<void> {
  const { freeze: _freeze, log: _log, clock: _clock, ...data } = installation.place
  const script = fileURLToPath(new URL('../../test/restore-child.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(data), backup, step], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [, signal] = await once(child, 'exit')
  expect(signal).toBe('SIGKILL')
}

async function nothingIsLeft(): Promise<void> {
  const { place, database } = installation
  const names = await withLink(server.url, (link) =>
    link.texts(`SELECT datname FROM pg_database WHERE datname LIKE '${database}%'`),
  )
  expect(names.flat().filter((each) => each?.includes('hfscratch'))).toEqual([])
  expect(readdirSync(place.dataDir).filter((each) => each.includes('restor'))).toEqual([])
}

it.each(['file-unpacked', 'database-unpacked', 'stopped', 'saved', 'adapted'])(
  'killed when %s, the live stores are untouched',
  async (step) => {
    const before = await installation.fingerprint()
    await killedAt(step, name)
    expect(await finishRestore(installation.place)).toBeUndefined()
    await removeLeftovers(installation.place)
    expect(await installation.fingerprint()).toBe(before)
    await nothingIsLeft()
    expect(await addedSettings(installation)).toEqual(['test.key', 'test.later'])
  },
)

it.each(['journal', 'database-set-aside', 'database-swapped', 'file-set-aside', 'file-swapped', 'swapped'])(
  'killed when %s, the next start finishes it',
  async (step) => {
    await killedAt(step, name)
    const result = await finishRestore(installation.place)
    expect(result?.kept).toHaveLength(2)
    await removeLeftovers(installation.place)
    await nothingIsLeft()
    expect(await addedSettings(installation)).toEqual(['test.key'])
    const backups = await listFolder(installation.place.folder)
    expect(backups.filter((each) => each.name.endsWith('-safety.tar'))).toHaveLength(1)
  },
)

it('is finished by the next start that is killed on the way itself', async () => {
  await killedAt('journal', name)
  await killedAt('database-set-aside', '')
  await killedAt('file-set-aside', '')
  await finishRestore(installation.place)
  await nothingIsLeft()
  expect(await addedSettings(installation)).toEqual(['test.key'])
  expect(existsSync(`${installation.place.dataDir}/restore.json`)).toBe(false)
})
