import { describe, expect, it } from 'vitest'
import { type MoveBench, type MoveBenchOptions, moveBench, OPERATOR } from '../../test/moves.ts'
import { DbError } from '../db/db-errors.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import type { StorageControl } from '../db/storage-control.ts'
import { Books } from './books.ts'
import { createCapture } from './capture.ts'
import { sidesOf, unitNamed } from './unit.ts'

const UNIT = 'webhooks'

async function mirrored(options: MoveBenchOptions = {}): Promise<MoveBench> {
  const bench = await moveBench(options)
  await bench.mirror(UNIT)
  return bench
}

describe('a start while PostgreSQL is away', () => {
  it('shows mirrors and archives as they are known from SQLite', async () => {
    const target = await mirrored({ behindProxy: true })
    await target.mirror('feedback')
    await target.cutOver('feedback')
    await target.verify('feedback')
    await target.moves.act('feedback', 'finish', OPERATOR)
    target.proxy.refuse()
    await target.restart()
    expect(await target.moves.unit(UNIT)).toMatchObject({
      placement: 'sqlite',
      mirror: 'postgres',
      source: 'sqlite',
      state: 'mirroring',
      lag: { changes: 0, seconds: 0 },
      error: expect.stringContaining('PostgreSQL is away'),
    })
    expect(await target.moves.unit('feedback')).toMatchObject({ mirror: null, archived: true })
    expect(await target.moves.unit('users')).toMatchObject({ mirror: null, archived: false, error: null })
    target.proxy.accept()
    await target.until(UNIT, ({ error, lag }) => error === null && lag !== null)
  })
})

describe('why a move does not go on', () => {
  it('is still known after a start, keeps a cut over, and is forgotten when it does', async () => {
    const target = await mirrored()
    const postgres = target.db('postgres')
    const kept = () =>
      postgres.queryOne<{ error: string | null }>('SELECT error FROM _moves WHERE unit = $1', [UNIT])
    await postgres.execute('ALTER TABLE webhooks ADD COLUMN extra TEXT')
    await target.restartMoves()
    await target.until(UNIT, ({ error }) => error?.includes('webhooks.extra') ?? false)
    await expect.poll(kept).toMatchObject({ error: expect.stringContaining('webhooks.extra') })

    await target.moves.stop()
    await target.restartMoves()
    const stuck = await target.until(UNIT, ({ error }) => error !== null)
    expect(stuck.error).toContain('webhooks.extra')
    const cutover = stuck.actions.find(({ action }) => action === 'cutover')
    expect(cutover?.reasons.join()).toContain('webhooks.extra')

    await postgres.execute('ALTER TABLE webhooks DROP COLUMN extra')
    await target.until(UNIT, ({ error }) => error === null)
    await expect.poll(kept).toEqual({ error: null })
  })
})

/** SQLite, as the moves see it, takes so many more transactions. */
function limited() {
  let left = Number.POSITIVE_INFINITY
  const control = (real: StorageControl): StorageControl =>
    new Proxy(real, {
      get(target, name) {
        if (name === 'store') {
          return (placement: 'sqlite' | 'postgres') => {
            const store = target.store(placement)
            if (!store || placement === 'postgres') return store
            const transaction: typeof store.transaction = async (work) => {
              if (left <= 0) throw new DbError('disk-full', 'no room for this')
              left--
              return store.transaction(work)
            }
            return Object.create(store, { transaction: { value: transaction } })
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return { control, allow: (count: number) => (left = count) }
}

describe('a flip that the old store could not be told the end of', () => {
  it('counts, shows that, and is put right by the next start or by itself', async () => {
    const sqlite = limited()
    const target = await mirrored({ control: sqlite.control })
    const told = () =>
      target.db('sqlite').queryOne('SELECT placement, epoch, state FROM _placement WHERE domain = $1', [UNIT])
    // The announcement, and no more.
    sqlite.allow(1)
    const over = await target.cutOver(UNIT)
    expect(over).toMatchObject({ placement: 'postgres', lastFlip: { outcome: 'done', confirmed: false } })
    expect(await told()).toEqual({ placement: 'postgres', epoch: 2, state: 'pending' })

    await target.restart()
    expect(await told()).toEqual({ placement: 'postgres', epoch: 2, state: 'complete' })
    sqlite.allow(Number.POSITIVE_INFINITY)
    await target.until(UNIT, ({ lastFlip }) => lastFlip?.confirmed === true)

    sqlite.allow(1)
    await target.moves.act(UNIT, 'rollback', OPERATOR)
    expect(await target.moves.unit(UNIT)).toMatchObject({
      placement: 'sqlite',
      lastFlip: { confirmed: true },
    })
    sqlite.allow(1)
    await target.verify(UNIT)
    await target.cutOver(UNIT)
    expect(await told()).toMatchObject({ epoch: 4, state: 'pending' })
    sqlite.allow(Number.POSITIVE_INFINITY)
    await target.until(UNIT, ({ lastFlip }) => lastFlip?.confirmed === true)
    expect(await told()).toMatchObject({ epoch: 4, state: 'complete' })
  })
})

it('a look at the books that is overtaken looks again', async () => {
  const target = await mirrored()
  const books = new Books(unitNamed(UNIT), { clock: () => new Date(), changed: () => undefined })
  const sides = sidesOf(target.storage.control, unitNamed(UNIT))
  if (!sides) throw new Error('a store is away')
  let looks = 0
  const ledger = new Proxy(sides.ledger, {
    get(db, name) {
      const value: unknown = Reflect.get(db, name)
      if (typeof value !== 'function') return value
      // A store comes back while the answer is on its way.
      if (looks++ === 0) books.forget()
      return value.bind(db)
    },
  })
  expect(await books.read({ ...sides, ledger })).toMatchObject({ state: 'mirroring', source: 'sqlite' })
  expect(looks).toBe(2)
})

it('SQLite changes its role in two calls', async () => {
  const target = await mirrored()
  const store = target.storage.control.store('sqlite')
  const shapes = await target.shapes(UNIT)
  let calls = 0
  await store?.transaction(async (tx) => {
    const counting: ScriptSession = new Proxy(tx, {
      get(session, name) {
        const value: unknown = Reflect.get(session, name)
        if (typeof value !== 'function') return value
        calls++
        return value.bind(session)
      },
    })
    await createCapture('sqlite').setRole(counting, UNIT, shapes, 'mirror')
    await createCapture('sqlite').setRole(tx, UNIT, shapes, 'authority')
  })
  expect(calls).toBe(2)
})
