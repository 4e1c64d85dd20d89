import { AsyncResource } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
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
import type { AppDb } from './app-db.ts'
import type { Storage } from './app-db-router.ts'
import { type Placement, putPlacement } from './placement-store.ts'
import { GateTimeoutError } from './storage-control.ts'
import { StoreUnavailableError } from './store-unavailable.ts'

const unit = ['audit'] as const
const deadlineMs = 10_000
/** The context of no transaction. */
const outside = new AsyncResource('outside')

let stores: TwoStores
let storage: Storage
let db: AppDb

beforeEach(async () => {
  stores = await createTwoStores()
  storage = await stores.open({ config: { storagePlacement: 'sqlite' } })
  db = storage.getAppDbFor('audit')
})
afterEach(() => stores.close())

const close = (options: { deadlineMs?: number } = {}) =>
  storage.control.close(unit, { deadlineMs, ...options })
const add = (action: string, target: AppDb = db, signal?: AbortSignal) =>
  target.execute('INSERT INTO audit_log (action) VALUES ($1)', [action], signal && { signal })
const actionsIn = async (name: Placement) => {
  const rows = await storeDb(storage, name).query<{ action: string }>(
    'SELECT action FROM audit_log ORDER BY id',
  )
  return rows.map((row) => row.action)
}
const placement = () => storage.status().domains.find((each) => each.domain === 'audit')

describe('a closed gate', () => {
  it('holds what may write and lets go where the domain then is, in order', async () => {
    await add('before')
    const gate = await close()
    const calls = [
      add('1'),
      db.insertMany('audit_log', ['action'], [['2'], ['3']]),
      db.transaction(async (tx) => {
        expect(tx.dialect).toBe('postgres')
        await tx.execute(`INSERT INTO audit_log (action) VALUES ('4')`)
      }),
      db.query(`INSERT INTO audit_log (action) VALUES ('5') RETURNING id`),
      db.query(
        `WITH five AS (SELECT 5 AS n) INSERT INTO audit_log (action) SELECT '6' FROM five RETURNING id`,
      ),
      db.queryOne(`DELETE FROM audit_log WHERE action = 'before' RETURNING id`),
    ]
    expect(gate.waiting).toBe(calls.length)
    expect(gate.closed).toBe(true)
    await sleep(20)
    expect(await actionsIn('sqlite')).toEqual(['before'])
    const { placement: to, epoch } = await writeFlip(storage, unit, 'made')
    gate.flip(to, epoch)
    gate.open()
    expect(gate.closed).toBe(false)
    await Promise.all(calls)
    expect(new Set(await actionsIn('postgres'))).toEqual(new Set(['1', '2', '3', '4', '5', '6']))
    expect(await actionsIn('sqlite')).toEqual(['before'])
    expect(db.dialect).toBe('postgres')
  })

  it('lets reads pass to where the domain is', async () => {
    await add('before')
    const gate = await close()
    const select = 'SELECT action FROM audit_log ORDER BY id'
    expect(await db.query(select)).toEqual([{ action: 'before' }])
    expect(await db.queryOne(`WITH all_rows AS (${select}) SELECT action FROM all_rows`)).toEqual({
      action: 'before',
    })
    const streamed: unknown[] = []
    for await (const row of db.stream(select)) streamed.push(row)
    expect(streamed).toEqual([{ action: 'before' }])
    expect(await db.healthCheck()).toBe(true)
    const { placement: to, epoch } = await writeFlip(storage, unit, 'made')
    gate.flip(to, epoch)
    expect(await db.query(select)).toEqual([])
    gate.open()
  })

  it('does not hold other domains', async () => {
    const gate = await close()
    await storage.getAppDbFor('settings').execute(`UPDATE settings SET value = 'x' WHERE key = 'oidc.scopes'`)
    gate.open()
  })

  it('waits for a transaction that runs, with all its statements', async () => {
    const goOn = resolvers()
    const running = db.transaction(async (tx) => {
      await add('one', tx as AppDb)
      await goOn.promise
      await add('two', tx as AppDb)
    })
    let closed = false
    const closing = close().then((gate) => {
      closed = true
      return gate
    })
    const late = add('late')
    await sleep(50)
    expect(closed).toBe(false)
    goOn.resolve()
    await running
    const gate = await closing
    expect(await actionsIn('sqlite')).toEqual(['one', 'two'])
    expect(gate.waiting).toBe(1)
    gate.open()
    await late
    expect(await actionsIn('sqlite')).toEqual(['one', 'two', 'late'])
  })

  it('gives up when a transaction does not end in time, and everything goes on as before', async () => {
    const goOn = resolvers()
    const running = db.transaction(async (tx) => {
      await goOn.promise
      await add('slow', tx as AppDb)
    })
    const closing = close({ deadlineMs: 50 })
    const late = add('late')
    await expect(closing).rejects.toThrow(GateTimeoutError)
    await expect(closing).rejects.toMatchObject({ running: 1 })
    goOn.resolve()
    await Promise.all([running, late, add('later')])
    expect(new Set(await actionsIn('sqlite'))).toEqual(new Set(['late', 'later', 'slow']))
    ;(await close()).open()
  })

  it('is not closed before a write ended whose caller has left', async () => {
    const controller = new AbortController()
    const slow = db.execute(
      `INSERT INTO audit_log (action)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000) SELECT 'slow' FROM n WHERE i = 1500000`,
      [],
      { signal: controller.signal },
    )
    await sleep(30)
    controller.abort(new Error('left'))
    await expect(slow).rejects.toThrow('left')
    const gate = await close()
    expect(await actionsIn('sqlite')).toEqual(['slow'])
    gate.open()
  })

  it('lets a waiting call leave by its signal, and that call does nothing', async () => {
    const gate = await close()
    const controller = new AbortController()
    const leaving = add('never', db, controller.signal)
    const bulk = db.insertMany('audit_log', ['action'], [['never']], { signal: controller.signal })
    const query = db.query(`INSERT INTO audit_log (action) VALUES ('never') RETURNING id`, [], {
      signal: controller.signal,
    })
    const staying = add('stays')
    expect(gate.waiting).toBe(4)
    controller.abort(new Error('left'))
    for (const call of [leaving, bulk, query]) await expect(call).rejects.toThrow('left')
    await expect(add('never', db, controller.signal)).rejects.toThrow('left')
    expect(gate.waiting).toBe(1)
    gate.open()
    await staying
    expect(await actionsIn('sqlite')).toEqual(['stays'])
  })

  it('opens in order: no later call gets ahead, whoever opens it', async () => {
    const gate = await close()
    const calls = Array.from({ length: 50 }, (_, i) => add(`${i}`))
    await storeDb(storage, 'sqlite').transaction(async () => {
      gate.open() // within a transaction that has nothing to do with those who wait
      for (let i = 50; i < 60; i++) calls.push(outside.runInAsyncScope(() => add(`${i}`)))
    })
    await Promise.all(calls)
    expect(await actionsIn('sqlite')).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`))
  })

  it('is closed once at a time', async () => {
    const gate = await close()
    await expect(close()).rejects.toThrow('closed already')
    gate.open()
    ;(await close()).open()
  })

  it('refuses an epoch that is not above the known one', async () => {
    const gate = await close()
    expect(() => gate.flip('postgres', 1)).toThrow(RangeError)
    gate.open()
    expect(placement()).toMatchObject({ placement: 'sqlite', epoch: 1 })
  })
})

describe('a gate that is left closed', () => {
  it('opens itself, says so, and leaves the domain where the stores say', async () => {
    const lines: string[] = []
    storage = await stores.open({
      log: pino({ level: 'error' }, { write: (line: string) => lines.push(line) }),
    })
    db = storage.getAppDbFor('audit')
    const gate = await close({ deadlineMs: 50 })
    const call = add('waited')
    await call
    expect(gate.closed).toBe(false)
    expect(lines.join()).toMatch(/left closed and opens itself/)
    expect(await actionsIn('sqlite')).toEqual(['waited'])
  })

  it('has the flip settled that was left half-way', async () => {
    const gate = await close({ deadlineMs: 100 })
    await writeFlip(storage, unit, 'made')
    await until(() => placement()?.placement === 'postgres')
    expect(gate.closed).toBe(false)
    await add('after')
    expect(await actionsIn('postgres')).toEqual(['after'])
    gate.flip('postgres', 2) // late, and no harm
    expect(placement()).toMatchObject({ placement: 'postgres', epoch: 2, available: true })
  })
})

describe('a store that goes away while calls wait', () => {
  beforeEach(async () => {
    await flip(storage, unit)
  })

  it('fails those calls with the reason, and new ones at once', async () => {
    const gate = await close()
    const waiting = add('lost')
    stores.proxy.refuse()
    await expect(waiting).rejects.toThrow(StoreUnavailableError)
    await expect(waiting).rejects.toMatchObject({ domain: 'audit' })
    await expect(add('lost too')).rejects.toThrow(StoreUnavailableError)
    expect(gate.waiting).toBe(0)
    gate.open()
    stores.proxy.accept()
    await until(() => placement()?.available === true)
    await add('kept')
    expect(await actionsIn('postgres')).toEqual(['kept'])
  })

  it('does not bother those who wait for the other store', async () => {
    await flip(storage, unit)
    const gate = await close()
    const waiting = add('kept')
    stores.proxy.refuse()
    await until(() => storage.control.store('postgres') === undefined)
    expect(gate.waiting).toBe(1)
    gate.open()
    await waiting
    expect(await actionsIn('sqlite')).toEqual(['kept'])
  })
})

describe('a settlement', () => {
  it('waits for the flip that is under way and does not undo it', async () => {
    const gate = await close()
    stores.proxy.refuse()
    await until(() => storage.control.store('postgres') === undefined)
    let settled = 0
    storage.control.onSettled(() => settled++)
    stores.proxy.accept()
    await sleep(400) // time enough to come back, if it did not wait
    expect(settled).toBe(0)
    const now = new Date().toISOString()
    const row = { domain: 'audit', placement: 'postgres', epoch: 2 } as const
    const sqlite = storeDb(storage, 'sqlite')
    await sqlite.execute(
      `UPDATE _placement SET placement = 'postgres', epoch = 2, state = 'pending' WHERE domain = 'audit'`,
    )
    await stores.database.db.execute(
      'UPDATE _placement SET placement = $1, epoch = $2, updated_at = $3 WHERE domain = $4',
      [row.placement, row.epoch, now, row.domain],
    )
    gate.flip('postgres', 2)
    gate.open()
    await until(() => settled > 0)
    expect(placement()).toMatchObject({ placement: 'postgres', epoch: 2, available: true })
    expect(await sqlite.queryOne(`SELECT epoch, state FROM _placement WHERE domain = 'audit'`)).toEqual({
      epoch: 2,
      state: 'complete',
    })
  })

  it('that runs is waited for', async () => {
    const roles = resolvers()
    let blocking = false
    storage = await stores.open({ settleRoles: () => (blocking ? roles.promise : Promise.resolve()) })
    const before = await close({ deadlineMs: 1_000 })
    blocking = true
    const settling = before.settle()
    await sleep(50) // now it runs, and hangs
    const other = storage.control.close(['traces'], { deadlineMs: 100 })
    await expect(other).rejects.toThrow(/Placements were still being settled/)
    blocking = false
    roles.resolve()
    await settling
    ;(await storage.control.close(['traces'], { deadlineMs })).open()
  })
})

describe('a flip that fails half-way', () => {
  it.each(['sqlite', 'postgres'] as const)(
    'from %s is taken back where only the old store knows of it',
    async (from) => {
      if (from === 'postgres') await flip(storage, unit)
      const before = storage.control.decision('audit')!
      const gate = await close()
      const waiting = add('waited')
      await writeFlip(storage, unit, 'announced')
      await gate.settle()
      expect(gate.closed).toBe(false)
      await waiting
      expect(storage.control.decision('audit')).toEqual({ placement: from, epoch: before.epoch + 2 })
      expect(await actionsIn(from)).toEqual(['waited'])
      await flip(storage, unit)
      expect(placement()).toMatchObject({ placement: other(from), epoch: before.epoch + 3 })
    },
  )

  it.each(['sqlite', 'postgres'] as const)(
    'from %s is done where the new store has taken it',
    async (from) => {
      if (from === 'postgres') await flip(storage, unit)
      const gate = await close()
      const waiting = add('waited')
      await writeFlip(storage, unit, 'made')
      await gate.settle()
      await waiting
      expect(placement()).toMatchObject({ placement: other(from), available: true })
      expect(await actionsIn(other(from))).toEqual(['waited'])
    },
  )

  it('nobody knows how, with PostgreSQL away: the domain waits for it, and the flip counts', async () => {
    const gate = await close()
    await writeFlip(storage, unit, 'made')
    stores.proxy.refuse()
    await gate.settle()
    expect(gate.closed).toBe(false)
    await expect(add('refused')).rejects.toThrow(StoreUnavailableError)
    expect(storage.control.decision('audit')).toBeUndefined()
    await until(() => storage.control.store('postgres') === undefined)
    await expect(storage.getAppDbFor('traces').query('SELECT 1 AS one')).resolves.toHaveLength(1)
    stores.proxy.accept()
    await until(() => placement()?.available === true)
    expect(placement()).toMatchObject({ placement: 'postgres', epoch: 2 })
    await add('after')
    expect(await actionsIn('postgres')).toEqual(['after'])
  })

  it('keeps a mover out that comes too late', async () => {
    const gate = await close()
    await writeFlip(storage, unit, 'announced')
    await gate.settle() // placed in SQLite by epoch 3, in both stores
    const late = writeLate()
    await expect(late).rejects.toThrow(/settled meanwhile.*sqlite, epoch 3, complete/)
    expect(() => gate.flip('postgres', 2)).toThrow(RangeError)
    expect(placement()).toMatchObject({ placement: 'sqlite', epoch: 3 })
  })

  async function writeLate(): Promise<void> {
    const row = { domain: 'audit', placement: 'postgres', epoch: 2, state: 'complete' } as const
    await storeDb(storage, 'postgres').transaction((tx) => putPlacement(tx, [row], new Date().toISOString()))
  }
})

describe('listeners', () => {
  it('hear of each call that may have written, and of no other', async () => {
    const heard: string[] = []
    const stop = storage.control.onWrite((domain) => heard.push(domain))
    await db.query('SELECT id FROM audit_log')
    await db.queryOne('SELECT id FROM audit_log')
    expect(heard).toEqual([])
    await add('one')
    await db.transaction((tx) => tx.query('SELECT 1 AS one'))
    await db.transaction(async () => Promise.reject(new Error('no'))).catch(() => undefined)
    await db.insertMany('audit_log', ['action'], [['two']])
    await db.query(`DELETE FROM audit_log WHERE action = 'two' RETURNING id`)
    expect(heard).toEqual(Array.from({ length: 5 }, () => 'audit'))
    stop()
    await add('two')
    expect(heard).toHaveLength(5)
  })
})

function resolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
