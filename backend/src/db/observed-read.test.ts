import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTwoStores, flip, type TwoStores } from '../../test/two-stores.ts'
import type { AppDb } from './app-db.ts'
import type { Storage } from './app-db-router.ts'
import type { ObservedRead } from './observed-read.ts'

let stores: TwoStores
let storage: Storage
let db: AppDb
let heard: ObservedRead[]

beforeEach(async () => {
  stores = await createTwoStores()
  storage = await stores.open({ config: { storagePlacement: 'sqlite' } })
  db = storage.getAppDbFor('audit')
  heard = []
  storage.control.observeReads(['audit'], (read) => heard.push(read))
  await db.insertMany('audit_log', ['action'], [['one'], ['two']])
})
afterEach(() => stores.close())

const BY_ACTION = 'SELECT action FROM audit_log WHERE action <> $1 ORDER BY id'

it('hears of plain reads, with what was asked and answered', async () => {
  await expect(db.query('SELECT nothing')).rejects.toThrow()
  const answer = await db.query(BY_ACTION, ['none'])
  answer.pop()
  await db.queryOne(BY_ACTION, ['one'])
  await db.queryOne('SELECT action FROM audit_log WHERE id < 0 ORDER BY id')
  expect(heard).toMatchObject([
    { domain: 'audit', from: 'sqlite', sql: BY_ACTION, params: ['none'], first: false },
    { first: true, params: ['one'], rows: [{ action: 'two' }] },
    { first: true, params: [], rows: [] },
  ])
  expect(heard[0]?.rows).toEqual([{ action: 'one' }, { action: 'two' }])
  expect(heard.every(({ tookMs }) => tookMs > 0)).toBe(true)
})

it('hears of no write, no stream, nothing within a transaction, and nothing of others', async () => {
  await db.execute(`DELETE FROM audit_log WHERE action = 'two'`)
  await db.query(`DELETE FROM audit_log WHERE action = 'one' RETURNING id`)
  await db.transaction((tx) => tx.query(BY_ACTION, ['none']))
  for await (const row of db.stream(BY_ACTION, ['none'])) expect(row).toBeUndefined()
  await storage.getAppDbFor('settings').query('SELECT key FROM settings')
  expect(heard).toEqual([])
})

it('knows which store answered, until it is told to end', async () => {
  await flip(storage, ['audit'])
  await db.query(BY_ACTION, ['none'])
  expect(heard).toMatchObject([{ from: 'postgres', rows: [] }])
  storage.control.observeReads(['audit'], undefined)
  await db.query(BY_ACTION, ['none'])
  expect(heard).toHaveLength(1)
})
