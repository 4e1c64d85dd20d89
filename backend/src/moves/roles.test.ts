import { afterEach, beforeEach, expect, it } from 'vitest'
import { type DatabaseKind, openDatabase, type TestDatabase } from '../../test/databases.ts'
import type { Domain } from '../db/domains.ts'
import type { Decision } from '../db/placement-decision.ts'
import type { Placement } from '../db/placement-store.ts'
import { readTableShapes, type TableShape } from '../db/transfer/index.ts'
import { createCapture, type Role } from './capture.ts'
import { settleRoles } from './roles.ts'

const open = (name: DatabaseKind['name']) => openDatabase(name, { migrated: true })
let sqlite: TestDatabase
let postgres: TestDatabase
let shapes: TableShape[]
beforeEach(async () => {
  sqlite = await open('sqlite')
  postgres = await open('postgres')
  shapes = await readTableShapes(sqlite.store, postgres.store, [
    'insights',
    'actions',
    'investigations',
    'incidents',
  ])
})
afterEach(() => Promise.all([sqlite.close(), postgres.close()]))

const storeOf = (name: Placement) => (name === 'sqlite' ? sqlite.store : postgres.store)
const give = (name: Placement, role: Role) =>
  storeOf(name).transaction((tx) => createCapture(name).install(tx, 'insights', shapes, role))
const roles = () =>
  Promise.all(
    (['sqlite', 'postgres'] as const).map((name) =>
      storeOf(name).snapshot((session) => createCapture(name).role(session, 'insights')),
    ),
  )
const settle = (decision: Partial<Decision>, names: readonly Placement[] = ['sqlite', 'postgres']) =>
  settleRoles(
    Object.fromEntries(names.map((name) => [name, storeOf(name)])),
    new Map<Domain, Decision>([
      ['insights', { placement: undefined, epoch: 1, fence: undefined, ...decision }],
    ]),
  )

it('follow the placement after a flip that was only announced', async () => {
  await give('sqlite', 'authority')
  await give('postgres', 'mirror')
  // The old store has given the unit up, the new one never heard of it.
  await storeOf('sqlite').transaction((tx) =>
    createCapture('sqlite').setRole(tx, 'insights', shapes, 'mirror'),
  )
  await settle({ placement: 'sqlite' })
  expect(await roles()).toEqual(['authority', 'mirror'])
  await sqlite.db.execute(
    `INSERT INTO insights (id, severity, category, title, description) VALUES ('i', 'info', 'c', 't', 'd')`,
  )
  const depth = await sqlite.store.snapshot((session) => createCapture('sqlite').depth(session, shapes))
  expect(depth.changes).toBe(1)
})

it('end a second authority, and what it had logged', async () => {
  await give('sqlite', 'authority')
  await give('postgres', 'authority')
  await sqlite.db.execute(
    `INSERT INTO insights (id, severity, category, title, description) VALUES ('i', 'info', 'c', 't', 'd')`,
  )
  await settle({ placement: 'postgres' })
  expect(await roles()).toEqual(['mirror', 'authority'])
  await expect(sqlite.db.execute('DELETE FROM insights')).rejects.toThrow(/out of date/)
})

it('are settled in one store while the other is away', async () => {
  await give('sqlite', 'authority')
  await give('postgres', 'authority')
  await settle({ placement: 'postgres' }, ['sqlite'])
  expect(await roles()).toEqual(['mirror', 'authority'])
})

it('stay as they are where nothing says otherwise', async () => {
  await settle({ placement: 'postgres' })
  expect(await roles()).toEqual(['none', 'none'])
  await give('sqlite', 'retired')
  await settle({ placement: 'postgres' })
  expect(await roles()).toEqual(['retired', 'none'])
  await give('postgres', 'mirror')
  await settle({ placement: 'postgres', fence: 'nobody knows' })
  await settle({})
  expect(await roles()).toEqual(['retired', 'mirror'])
})
