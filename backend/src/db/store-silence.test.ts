import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTwoStores, type TwoStores, until } from '../../test/two-stores.ts'
import type { Storage } from './app-db-router.ts'

let stores: TwoStores
beforeEach(async () => {
  stores = await createTwoStores()
})
afterEach(() => stores.close())

const open = (patienceMs: number) =>
  stores.open({ config: { storagePlacement: 'postgres' }, intervals: { answerMs: 300, patienceMs } })

const isAway = (storage: Storage) =>
  storage.status().stores.some(({ name, reachable }) => name === 'postgres' && !reachable)

describe('a network that is cut without a word', () => {
  it('leaves nobody waiting', async () => {
    const storage = await open(500)
    const settings = storage.getAppDbFor('settings')
    const asked = settings.transaction(async (tx) => {
      await tx.query('SELECT 1')
      stores.proxy.silence()
      await tx.query('SELECT 1')
    })
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(settings.query('SELECT 1')).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'The store does not answer',
    })
    stores.proxy.speak()
    await until(() => !isAway(storage))
    expect(await settings.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('loses nothing when it comes back soon', async () => {
    const storage = await open(60_000)
    const settings = storage.getAppDbFor('settings')
    const rows = await settings.transaction(async (tx) => {
      await tx.query('SELECT 1')
      stores.proxy.silence()
      const asked = tx.query('SELECT 2 AS two')
      await until(() => isAway(storage))
      stores.proxy.speak()
      return asked
    })
    expect(rows).toEqual([{ two: 2 }])
  })

  it('does not keep a stop from ending', async () => {
    const storage = await open(60_000)
    const asked = storage.getAppDbFor('settings').query('SELECT pg_sleep(0.2)')
    await sleep(50)
    stores.proxy.silence()
    const lost = expect(asked).rejects.toMatchObject({ kind: 'unavailable' })
    await until(() => isAway(storage))
    await storage.close()
    await lost
  })
})
