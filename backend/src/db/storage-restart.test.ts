import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createTwoStores,
  flip,
  other,
  storeDb,
  type TwoStores,
  until,
  writeFlip,
} from '../../test/two-stores.ts'
import type { Storage } from './app-db-router.ts'
import { domainNames } from './domains.ts'
import { putPlacement } from './placement-store.ts'
import type { SettleRoles } from './storage-control.ts'

const unit = ['insights', 'actions', 'investigations', 'incidents'] as const

let stores: TwoStores
beforeEach(async () => {
  stores = await createTwoStores()
})
afterEach(() => stores.close())

const inSqlite = { config: { storagePlacement: 'sqlite' } } as const
const placed = (storage: Storage) => storage.status().domains.find((each) => each.domain === 'incidents')

describe.each(['sqlite', 'postgres'] as const)('a crash in a flip from %s', (from) => {
  const to = other(from)

  /** Flips of the same unit before, repaired or not, must not change what the next start decides. */
  async function begin(): Promise<Storage> {
    const storage = await stores.open(inSqlite)
    if (from === 'postgres') await flip(storage, unit)
    return storage
  }

  it('before it is announced changes nothing', async () => {
    const storage = await begin()
    const { epoch } = storage.control.decision('incidents')!
    await storage.control.close(unit, { deadlineMs: 10_000 })
    expect(placed(await stores.open())).toMatchObject({ placement: from, epoch, available: true })
  })

  it('within the announcement changes nothing', async () => {
    const storage = await begin()
    const { epoch } = storage.control.decision('incidents')!
    const torn = storeDb(storage, from).transaction(async (tx) => {
      const rows = unit.map(
        (domain) => ({ domain, placement: to, epoch: epoch + 1, state: 'pending' }) as const,
      )
      await putPlacement(tx, rows, new Date().toISOString())
      throw new Error('crash')
    })
    await expect(torn).rejects.toThrow('crash')
    expect(placed(await stores.open())).toMatchObject({ placement: from, epoch, available: true })
  })

  it('after the announcement leaves the domain where it was, above the epoch that was announced', async () => {
    const { epoch } = await writeFlip(await begin(), unit, 'announced')
    const storage = await stores.open()
    expect(placed(storage)).toMatchObject({ placement: from, epoch: epoch + 1, available: true })
    await flip(storage, unit)
    expect(placed(await stores.open())).toMatchObject({ placement: to, epoch: epoch + 2, available: true })
  })

  it('after the new store has taken it leaves it there', async () => {
    const { epoch } = await writeFlip(await begin(), unit, 'made')
    expect(placed(await stores.open())).toMatchObject({ placement: to, epoch, available: true })
    expect(placed(await stores.open())).toMatchObject({ placement: to, epoch, available: true })
  })

  it.each(['announced', 'made'] as const)('is decided when PostgreSQL is there again: %s', async (upTo) => {
    const { epoch } = await writeFlip(await begin(), unit, upTo)
    stores.proxy.refuse()
    const storage = await stores.open()
    if (from === 'postgres' && upTo === 'made') {
      // SQLite has taken it, and says so.
      expect(placed(storage)).toMatchObject({ placement: 'sqlite', epoch, available: true })
    } else expect(placed(storage)?.available).toBe(false)
    stores.proxy.accept()
    await until(() => storage.control.store('postgres') !== undefined)
    expect(placed(storage)).toMatchObject(
      upTo === 'made'
        ? { placement: to, epoch, available: true }
        : { placement: from, epoch: epoch + 1, available: true },
    )
  })

  it.each(['announced', 'made'] as const)(
    'does not lead back to SQLite without POSTGRES_APP_URL: %s',
    async (upTo) => {
      await writeFlip(await begin(), unit, upTo)
      const storage = await stores.open({ config: { postgresAppUrl: undefined } })
      const available = from === 'postgres' && upTo === 'made'
      expect(placed(storage)?.available).toBe(available)
      if (!available)
        expect(placed(storage)?.reason).toMatch(/PostgreSQL must be|POSTGRES_APP_URL is not set/)
    },
  )
})

describe('settings for placements', () => {
  it('neither undo nor refuse what was moved since', async () => {
    const before = await stores.open(inSqlite)
    await flip(before, ['audit'])
    await flip(before, ['traces'])
    await before.getAppDbFor('audit').execute(`INSERT INTO audit_log (action) VALUES ('moved')`)
    const storage = await stores.open({
      config: { storagePlacement: 'sqlite', storagePlacements: { audit: 'sqlite' } },
    })
    for (const domain of ['audit', 'traces'] as const) {
      expect(storage.control.decision(domain)).toEqual({ placement: 'postgres', epoch: 2 })
    }
    expect(storage.control.decision('users')).toEqual({ placement: 'sqlite', epoch: 1 })
    stores.proxy.refuse()
    await until(() => storage.control.store('postgres') === undefined)
    stores.proxy.accept()
    await until(() => storage.control.store('postgres') !== undefined)
    expect(storage.control.decision('audit')).toEqual({ placement: 'postgres', epoch: 2 })
  })
})

describe('roles', () => {
  it('are settled before anybody gets a store, each time one comes', async () => {
    const seen: { stores: string[]; placement: string | undefined; ready: boolean }[] = []
    let storage: Storage | undefined
    const settleRoles: SettleRoles = async (present, decisions) => {
      const ready = storage?.control.store('postgres') !== undefined
      seen.push({ stores: Object.keys(present), placement: decisions.get('audit')?.placement, ready })
      for (const store of Object.values(present))
        await store.db.query('SELECT domain FROM _placement LIMIT 1')
    }
    storage = await stores.open({ ...inSqlite, settleRoles })
    expect(seen).toEqual([{ stores: ['sqlite', 'postgres'], placement: 'sqlite', ready: false }])
    let settled = 0
    const stop = storage.control.onSettled(() => settled++)
    stores.proxy.refuse()
    await until(() => storage?.control.store('postgres') === undefined)
    stores.proxy.accept()
    await until(() => settled > 0)
    expect(storage.control.store('postgres')).toBeDefined()
    expect(seen.at(-1)).toEqual({ stores: ['sqlite', 'postgres'], placement: 'sqlite', ready: false })
    stop()
  })

  it('that cannot be settled keep the store away until they can', async () => {
    let failures = 3
    let failing = false
    const settleRoles = async () => {
      if (failing && failures-- > 0) throw new Error('no role')
    }
    const storage = await stores.open({ ...inSqlite, settleRoles })
    failing = true
    stores.proxy.refuse()
    await until(() => storage.control.store('postgres') === undefined)
    stores.proxy.accept()
    await until(() => storage.control.store('postgres') !== undefined)
    expect(failures).toBeLessThan(0)
  })
})

describe('an installation that has only PostgreSQL', () => {
  const file = () => join(stores.dataDir, 'holdfast.db')

  it('gets a SQLite store of its own, which a domain can move to', async () => {
    const storage = await stores.open()
    expect(storage.control.configured).toEqual({ sqlite: false, postgres: true })
    expect(storage.control.sqlitePath).toBe(file())
    expect(storage.control.store('sqlite')).toBeUndefined()
    const [store, same] = await Promise.all([storage.control.openSqlite(), storage.control.openSqlite()])
    expect(same).toBe(store)
    expect(await storage.control.openSqlite()).toBe(store)
    expect(storage.control.store('sqlite')).toBe(store)
    expect(storage.control.configured).toEqual({ sqlite: true, postgres: true })
    expect(storage.status().stores.map(({ name, reachable }) => [name, reachable])).toEqual([
      ['sqlite', true],
      ['postgres', true],
    ])
    expect(storage.status().domains.every((each) => each.available && each.placement === 'postgres')).toBe(
      true,
    )
    const rows = await store.db.query('SELECT DISTINCT placement, epoch, state FROM _placement')
    expect(rows).toEqual([{ placement: 'postgres', epoch: 1, state: 'complete' }])
    await flip(storage, ['audit'])
    await storage.getAppDbFor('audit').execute(`INSERT INTO audit_log (action) VALUES ('in the file')`)
    const again = await stores.open()
    expect(await again.getAppDbFor('audit').query('SELECT action FROM audit_log')).toEqual([
      { action: 'in the file' },
    ])
    expect(domainNames.filter((domain) => again.control.decision(domain)?.placement === 'sqlite')).toEqual([
      'audit',
    ])
  })

  it('stays as it is when the file cannot be made', async () => {
    const storage = await stores.open()
    writeFileSync(file(), 'this is no database, and it is long enough to be looked at. '.repeat(20))
    await expect(storage.control.openSqlite()).rejects.toThrow(/Move it aside/)
    expect(storage.control.configured.sqlite).toBe(false)
    expect(storage.status().domains.every((each) => each.available)).toBe(true)
    rmSync(file())
    await storage.control.openSqlite()
    expect(existsSync(file())).toBe(true)
  })

  it('gets none while PostgreSQL is away', async () => {
    const storage = await stores.open()
    stores.proxy.refuse()
    await until(() => storage.control.store('postgres') === undefined)
    await expect(storage.control.openSqlite()).rejects.toMatchObject({ kind: 'unavailable' })
    expect(existsSync(file())).toBe(false)
  })
})
