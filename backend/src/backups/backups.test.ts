import { existsSync, readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  addedSettings,
  addSetting,
  createInstallation,
  type Installation,
  type Kind,
  startDumpable,
  watch,
} from '../../test/backups.ts'
import type { TestServer } from '../../test/postgres-server.ts'
import { flip } from '../../test/two-stores.ts'
import { dropDatabase, onDatabase, withLink } from '../db/snapshot/index.ts'
import { Archive } from './archive.ts'
import { readSetAside } from './catalog.ts'
import { createBackup } from './create.ts'
import { existing, listFolder, readNote } from './folder.ts'
import { openBackup } from './manifest.ts'
import { frozen } from './place.ts'
import { completeRestore, prepareRestore, removeLeftovers } from './restore.ts'
import { proveBackup } from './unpack.ts'

let server: TestServer
let installation: Installation | undefined

beforeAll(async () => {
  server = await startDumpable()
})
afterEach(async () => {
  await installation?.remove()
  installation = undefined
})
afterAll(() => server?.stop())

async function addOne({ open }: Installation, key: string): Promise<void> {
  const storage = await open()
  await addSetting(storage, key, 'x').finally(() => storage.close())
}

async function opened({ place }: Installation, name: string) {
  return openBackup(await Archive.open(await existing(place.folder, name)), place.secret)
}

const databases = ({ database }: Installation) =>
  withLink(server.url, async (link) =>
    (
      await link.texts('SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1', [
        database,
      ])
    ).map(([name]) => name),
  )

describe.each<Kind>(['sqlite', 'postgres', 'both'])('a backup of %s', (kind) => {
  it('is proved, restored with a safety backup first, and goes back to what was', async () => {
    installation = await createInstallation(server, kind)
    const { place } = installation
    const before = await databases(installation)
    const name = await createBackup(place, 'manual', watch())
    const backup = await opened(installation, name)
    expect(backup.manifest.sqlite === null).toBe(kind === 'postgres')
    expect(backup.manifest.postgres === null).toBe(kind === 'sqlite')
    await proveBackup(place, backup, watch())
    expect(await databases(installation)).toEqual(before)

    await addOne(installation, 'test.later')
    expect(await addedSettings(installation)).toEqual(['test.key', 'test.later'])
    const prepared = await prepareRestore(place, name, watch())
    const result = await completeRestore(place, prepared, { safety: true }, watch())
    expect(await addedSettings(installation)).toEqual(['test.key'])
    expect(result.kept).toHaveLength(kind === 'both' ? 2 : 1)
    expect(readdirSync(place.dataDir)).not.toContain('restore.json')

    // And forward again, by the safety backup.
    if (result.safety === null) throw new Error('no safety backup')
    const back = await prepareRestore(place, result.safety, watch())
    await completeRestore(place, back, { safety: false }, watch())
    expect(await addedSettings(installation)).toEqual(['test.key', 'test.later'])
    await removeLeftovers(place)
    expect((await databases(installation)).filter((each) => each?.includes('hfscratch'))).toEqual([])
  })
})

it('restores on a new machine from one encrypted file, with the key of stored secrets', async () => {
  installation = await createInstallation(server, 'both')
  const { writeFileSync, readFileSync, mkdirSync, copyFileSync, rmSync } = await import('node:fs')
  const secret = 'a passphrase of an operator'
  writeFileSync(`${installation.place.dataDir}/secret.key`, 'the key of this installation')
  const name = await createBackup({ ...installation.place, secret }, 'manual', watch())
  const fingerprint = await addedSettings(installation)

  // The machine is lost: file, key and database.
  const saved = `${installation.place.dataDir}.saved`
  copyFileSync(`${installation.place.folder}/${name}`, saved)
  rmSync(installation.place.dataDir, { recursive: true })
  await withLink(server.url, (link) => dropDatabase(link, installation?.database ?? ''))
  mkdirSync(installation.place.folder, { recursive: true })
  copyFileSync(saved, `${installation.place.folder}/${name}`)
  rmSync(saved)

  await expect(prepareRestore(installation.place, name, watch())).rejects.toMatchObject({
    code: 'key_missing',
  })
  const wrong = { ...installation.place, secret: 'another' }
  await expect(prepareRestore(wrong, name, watch())).rejects.toMatchObject({ code: 'key_wrong' })
  const place = { ...installation.place, secret }
  const prepared = await prepareRestore(place, name, watch())
  const result = await completeRestore(place, prepared, { safety: true }, watch())
  expect(result.safety).toBeNull()
  expect(await addedSettings(installation)).toEqual(fingerprint)
  expect(readFileSync(`${place.dataDir}/secret.key`, 'utf8')).toBe('the key of this installation')
})

it('names what lies in the folder besides backups', async () => {
  installation = await createInstallation(undefined, 'sqlite')
  const { writeFileSync, symlinkSync, copyFileSync } = await import('node:fs')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  copyFileSync(place.sqlitePath, `${place.folder}/dashboard-backup-2026-02-14.db`)
  writeFileSync(`${place.folder}/notes.txt`, 'x')
  symlinkSync('/etc/passwd', `${place.folder}/holdfast-link.tar`)
  const entries = await listFolder(place.folder)
  expect(entries.map((entry) => [entry.name, entry.kind])).toEqual([
    ['notes.txt', 'foreign'],
    ['holdfast-link.tar', 'link'],
    [name, 'backup'],
    ['dashboard-backup-2026-02-14.db', 'old'],
  ])
  const entry = entries.find((each) => each.name === name)
  expect(entry && (await readNote(place.folder, entry))?.manifest?.reason).toBe('manual')
  await expect(existing(place.folder, 'holdfast-link.tar')).rejects.toMatchObject({ code: 'backup_unknown' })
  for (const bad of [
    '../holdfast-x.tar',
    '/etc/passwd',
    'holdfast-..tar',
    'holdfast-a/b.tar',
    '.lock',
    'notes.txt',
  ]) {
    await expect(existing(place.folder, bad)).rejects.toMatchObject({ code: 'backup_name' })
  }
})

it('refuses before anything is done where the user may not create databases', async () => {
  installation = await createInstallation(server, 'postgres')
  const { place, database } = installation
  const name = await createBackup(place, 'manual', watch())
  await withLink(server.url, (link) =>
    link.script(
      `DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN PASSWORD 'poor'; GRANT pg_read_all_data TO poor`,
    ),
  )
  const url = new URL(onDatabase(server.url, database))
  url.username = 'poor'
  url.password = 'poor'
  const before = await databases(installation)
  await expect(prepareRestore({ ...place, postgresUrl: url.href }, name, watch())).rejects.toMatchObject({
    code: 'rights_missing',
  })
  expect(await databases(installation)).toEqual(before)
  expect(existsSync(place.sqlitePath)).toBe(false)
  await withLink(server.url, (link) => link.script('DROP OWNED BY poor; DROP ROLE poor'))
})

it('holds both stores as they were at one instant while everybody writes', async () => {
  installation = await createInstallation(server, 'both')
  const { place } = installation
  const storage = await installation.open()
  const counts: number[][] = []
  try {
    let writing = true
    const writer = (async () => {
      // First the one, then the other: between them they differ by one at most.
      for (let i = 0; writing; i++) {
        await addSetting(storage, `lockstep.${i}`, 'x')
        await storage
          .getAppDbFor('audit')
          .execute(`INSERT INTO audit_log (action, created_at) VALUES ('lockstep', $1)`, [
            new Date().toISOString(),
          ])
      }
    })()
    for (let round = 0; round < 3; round++) {
      const name = await createBackup(
        { ...place, freeze: (work) => frozen(storage.control, work) },
        'manual',
        watch(),
      )
      const { manifest } = await opened(installation, name)
      const rowsOf = (tables: readonly { table: string; rows: number }[] = [], table: string) =>
        tables.find((each) => each.table === table)?.rows ?? 0
      counts.push([
        rowsOf(manifest.sqlite?.tables, 'settings'),
        rowsOf(manifest.postgres?.tables, 'audit_log'),
      ])
    }
    writing = false
    await writer
  } finally {
    await storage.close()
  }
  // 500 records of the audit log and the settings of the migrations were there before.
  const apart = counts.map(([settings = 0, audit = 0]) => settings - audit)
  expect(Math.max(...apart) - Math.min(...apart)).toBeLessThanOrEqual(1)
  expect(counts.at(-1)?.[0]).toBeGreaterThan(counts[0]?.[0] ?? 0)
})

it('keeps what earlier restores have set aside when the clock stands still or was set back', async () => {
  installation = await createInstallation(server, 'both')
  const clocks = ['2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.000Z']
  const settings: string[][] = []
  for (const [i, at] of clocks.entries()) {
    const place = { ...installation.place, clock: () => new Date(at) }
    const name = await createBackup(place, 'manual', watch())
    await addOne(installation, `test.later${i}`)
    const prepared = await prepareRestore(place, name, watch())
    await completeRestore(place, prepared, { safety: true }, watch())
    settings.push(await addedSettings(installation))
  }
  expect(settings).toEqual([['test.key'], ['test.key'], ['test.key']])
  const aside = await readSetAside(installation.place)
  expect(aside.map(({ kind }) => kind)).toEqual(['database', 'database', 'database', 'file', 'file', 'file'])
  const backups = (await listFolder(installation.place.folder)).map(({ name }) => name)
  expect(backups.filter((each) => each.endsWith('-safety.tar'))).toHaveLength(3)
  expect(backups).toHaveLength(6)
})

it('goes back to the store that held a domain then, though another one holds it now', async () => {
  installation = await createInstallation(server, 'idle')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  expect((await opened(installation, name)).manifest.postgres).toBeNull()
  const storage = await installation.open()
  await flip(storage, ['settings'])
  await addSetting(storage, 'test.elsewhere', 'x')
  const moved = storage.control.decision('settings')
  expect(moved?.placement).toBe('postgres')
  await storage.close()

  const prepared = await prepareRestore(place, name, watch())
  await completeRestore(place, prepared, { safety: true }, watch())
  expect(await addedSettings(installation)).toEqual(['test.key'])
  const after = await installation.open()
  const decision = after.control.decision('settings')
  await after.close()
  expect(decision?.placement).toBe('sqlite')
  expect(decision?.epoch).toBeGreaterThan(moved?.epoch ?? 0)
})
