import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTwoStores, flip, other, storeDb, type TwoStores, writeFlip } from '../../test/two-stores.ts'
import type { AppDb } from './app-db.ts'
import type { Storage } from './app-db-router.ts'
import type { Placement } from './placement-store.ts'

const unit = ['audit', 'traces'] as const

let stores: TwoStores
let storage: Storage
let nextId = 1

beforeAll(async () => {
  stores = await createTwoStores()
  storage = await stores.open({ config: { storagePlacement: 'sqlite' } })
})
afterAll(() => stores.close())

const INSERT = 'INSERT INTO audit_log (action) VALUES ($1)'
const SELECT = 'SELECT action FROM audit_log ORDER BY id'

/** A call of a client; gives the actions that it wrote. A call that is rejected wrote nothing. */
type Call = (db: AppDb, name: string, pauseMs: number) => Promise<string[]>

const calls: Readonly<Record<string, Call>> = {
  async execute(db, name) {
    expect(await db.execute(INSERT, [name])).toEqual({ rowCount: 1 })
    return [name]
  },
  async returning(db, name) {
    expect(await db.queryOne(`${INSERT} RETURNING action`, [name])).toEqual({ action: name })
    return [name]
  },
  async bulk(db, name) {
    const names = Array.from({ length: 5 }, (_, i) => `${name}.${i}`)
    const { rowCount } = await db.insertMany(
      'audit_log',
      ['action'],
      names.map((each) => [each]),
    )
    expect(rowCount).toBe(5)
    return names
  },
  /** Two statements with a pause between them: both are in one store, or it is torn. */
  async transaction(db, name, pauseMs) {
    const names = [`${name}.a`, `${name}.b`]
    await db.transaction(async (tx) => {
      await tx.execute(INSERT, [names[0] ?? null])
      await sleep(pauseMs)
      await tx.transaction((nested) => nested.execute(INSERT, [names[1] ?? null]))
      expect(await tx.query(`${SELECT} LIMIT 1`)).toHaveLength(1)
    })
    return names
  },
  async rolledBack(db, name, pauseMs) {
    const running = db.transaction(async (tx) => {
      await tx.execute(INSERT, [name])
      await sleep(pauseMs)
      throw new Error('no')
    })
    await expect(running).rejects.toThrow('no')
    return []
  },
  /** Writes while it reads, as a request that exports and counts does. */
  async stream(db, name) {
    let rows = 0
    const names: string[] = []
    for await (const _ of db.stream(SELECT)) {
      if (rows++ % 200 > 0) continue
      names.push(`${name}.${rows}`)
      await db.execute(INSERT, [names.at(-1) ?? null])
    }
    return names
  },
  async read(db) {
    expect((await db.queryOne<{ n: number }>('SELECT count(*) AS n FROM audit_log'))?.n).toBeGreaterThan(-1)
    return []
  },
  /** What a caller wrote it finds, unless its domain has moved without its rows, as here. */
  async aborted(db, name, pauseMs) {
    const controller = new AbortController()
    const running = db.execute(INSERT, [name], { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('left')), pauseMs)
    const done = await running.then(
      () => true,
      (error: Error) => {
        expect(error.message).toBe('left')
        return false
      },
    )
    return done ? [name] : []
  },
}

const callKinds = Object.keys(calls)

const client = fc.array(
  fc.record({ kind: fc.constantFrom(...callKinds), pauseMs: fc.integer({ min: 0, max: 8 }) }),
  {
    minLength: 4,
    maxLength: 20,
  },
)
const mover = fc.array(
  fc.record({
    waitMs: fc.integer({ min: 0, max: 15 }),
    pauseMs: fc.integer({ min: 0, max: 10 }),
    end: fc.constantFrom('flip', 'flip', 'flip', 'open', 'settleAnnounced', 'settleMade'),
  }),
  { minLength: 2, maxLength: 6 },
)

const contentOf = async (name: Placement) => {
  const rows = await storeDb(storage, name).query<{ action: string }>(SELECT)
  return rows.map((row) => row.action)
}

it('fails no call, and runs none on the wrong side of a flip', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(client, { minLength: 2, maxLength: 6 }), mover, async (clients, moves) => {
      for (const name of ['sqlite', 'postgres'] as const)
        await storeDb(storage, name).execute('DELETE FROM audit_log')
      const db = storage.getAppDbFor('audit')
      const running = clients.map(async (steps) => {
        const written: string[] = []
        for (const { kind, pauseMs } of steps) {
          written.push(...((await calls[kind]?.(db, `${kind}-${nextId++}`, pauseMs)) ?? []))
        }
        return written
      })
      /** What each store held when it was last left: nothing may be written there until it is returned to. */
      const left: Partial<Record<Placement, string[]>> = {}
      for (const { waitMs, pauseMs, end } of moves) {
        await sleep(waitMs)
        const { placement: from } = storage.control.decision('audit')!
        const to = other(from)
        const whileClosed = async () => {
          const held = await contentOf(from)
          await sleep(pauseMs)
          expect(await contentOf(from)).toEqual(held) // nothing is written while it is closed
          if (left[to]) expect(await contentOf(to)).toEqual(left[to]) // nor to the other since it was left
          return held
        }
        if (end === 'flip') {
          await flip(storage, unit, async () => {
            left[from] = await whileClosed()
          })
        } else {
          const gate = await storage.control.close(unit, { deadlineMs: 10_000 })
          const held = await whileClosed()
          if (end === 'open') gate.open()
          else {
            await writeFlip(storage, unit, end === 'settleMade' ? 'made' : 'announced')
            await gate.settle()
            if (end === 'settleMade') left[from] = held
          }
        }
        const expected = end === 'flip' || end === 'settleMade' ? to : from
        expect(storage.control.decision('audit')?.placement).toBe(expected)
      }
      const written = (await Promise.all(running)).flat()
      const sqlite = await contentOf('sqlite')
      const postgres = await contentOf('postgres')
      const stored = [...sqlite, ...postgres]
      expect(new Set(stored).size).toBe(stored.length)
      // An aborted call may have been done nevertheless; no other row is there that nobody wrote, and none is lost.
      expect(new Set(stored.filter((name) => !name.startsWith('aborted')))).toEqual(
        new Set(written.filter((name) => !name.startsWith('aborted'))),
      )
      const kept = new Set(stored)
      for (const name of written) expect(kept.has(name)).toBe(true)
      for (const name of sqlite.filter((each) => /^transaction.*a$/.test(each))) {
        expect(sqlite).toContain(name.replace(/a$/, 'b'))
      }
    }),
    { numRuns: 25, endOnFailure: true },
  )
})
