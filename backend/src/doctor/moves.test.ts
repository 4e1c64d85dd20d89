import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findings, wrong } from '../../test/doctor.ts'
import { createTwoStores, storeDb, type TwoStores, writeFlip } from '../../test/two-stores.ts'
import type { Storage } from '../db/app-db-router.ts'
import { readTableShapes } from '../db/transfer/index.ts'
import { createCapture, settleRoles } from '../moves/index.ts'
import { movesChecks } from './checks/moves.check.ts'
import { placementCheck, reachCheck } from './checks/stores.check.ts'

let two: TwoStores
let storage: Storage
beforeEach(async () => {
  two = await createTwoStores()
  storage = await two.open({ settleRoles, config: { storagePlacement: 'sqlite' } })
})
afterEach(() => two.close())

const access = (name: 'sqlite' | 'postgres') => {
  const store = storage.control.store(name)!
  return { state: 'there', location: two.dataDir, store } as const
}
const look = () =>
  findings([...movesChecks, placementCheck, reachCheck], {
    stores: { sqlite: access('sqlite'), postgres: access('postgres') },
    status: storage.status(),
  })

/** Roles and triggers of a unit with a mirror in PostgreSQL. */
async function mirror(): Promise<void> {
  const [sqlite, postgres] = [storage.control.store('sqlite')!, storage.control.store('postgres')!]
  const shapes = await readTableShapes(sqlite, postgres, ['settings'])
  await sqlite.transaction((tx) => createCapture('sqlite').install(tx, 'settings', shapes, 'authority'))
  await postgres.transaction((tx) => createCapture('postgres').install(tx, 'settings', shapes, 'mirror'))
}

describe('moves', () => {
  it('are right when nobody meddled', async () => {
    await mirror()
    const found = await look()
    expect(wrong(found)).toEqual([])
    expect(found.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['storage.capture', 'storage.identities', 'storage.placed', 'storage.there']),
    )
  })

  it('show triggers that were dropped or changed, in both stores', async () => {
    await mirror()
    await storeDb(storage, 'sqlite').execute('DROP TRIGGER _capture_settings_update')
    await storeDb(storage, 'postgres').execute('ALTER TABLE settings DISABLE TRIGGER _capture_insert')
    const seen = (await look()).filter(({ id }) => id === 'storage.trigger').map((each) => each.seen)
    expect(new Set(seen)).toEqual(
      new Set([
        'settings: trigger _capture_insert is changed',
        'settings: trigger _capture_settings_update is missing',
      ]),
    )
  })

  it('show a role that is not that of the placement', async () => {
    await mirror()
    await storeDb(storage, 'postgres').execute(`UPDATE _roles SET role = 'authority' WHERE unit = 'settings'`)
    expect(wrong(await look())).toEqual(['error storage.role'])
  })
})

describe.each(['sqlite', 'postgres'] as const)('numbers in %s', (name) => {
  it('that were set back are found and raised by the command', async () => {
    if (name === 'postgres') storage = await two.open({ config: { storagePlacement: 'postgres' } })
    const db = storeDb(storage, name)
    await db.execute(`INSERT INTO audit_log (action) VALUES ('a'), ('b'), ('c')`)
    await db.execute(
      name === 'postgres'
        ? `SELECT setval(pg_get_serial_sequence('audit_log', 'id'), 1)`
        : `UPDATE sqlite_sequence SET seq = 1 WHERE name = 'audit_log'`,
    )
    const found = await look()
    expect(wrong(found)).toEqual(['error storage.identity'])
    await db.execute(found.find(({ id }) => id === 'storage.identity')!.command!)
    expect(wrong(await look())).toEqual([])
    await db.execute(`INSERT INTO audit_log (action) VALUES ('d')`)
  })
})

describe('placements', () => {
  it('that were announced and not made are told before a start', async () => {
    await writeFlip(storage, ['settings'], 'announced')
    const offline = (postgres: 'absent' | 'there') =>
      findings([placementCheck], {
        stores: {
          sqlite: access('sqlite'),
          postgres: postgres === 'there' ? access('postgres') : { state: 'absent' },
        },
      })
    expect(wrong(await offline('there'))).toEqual([])
    expect(wrong(await offline('absent'))).toEqual(['error storage.fenced'])
  })
})
