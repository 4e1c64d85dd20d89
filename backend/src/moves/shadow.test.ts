import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { holding } from '../../test/holding.ts'
import { type MoveBench, type MoveBenchOptions, moveBench, OPERATOR } from '../../test/moves.ts'
import { AppError } from '../core/errors.ts'
import { applyingSql } from './capture.ts'
import type { StorageUnit } from './moves.schema.ts'

const UNIT = 'settings'
const ALL = 'SELECT s.key, s.value FROM settings AS s WHERE s.category = $1 ORDER BY s.key'

/** A mirrored unit, every read of which runs on the mirror too. */
async function shadowed(options: MoveBenchOptions = {}) {
  const opened = await moveBench(options)
  await opened.mirror(UNIT)
  await opened.moves.shadow(UNIT, 100, OPERATOR)
  const db = opened.storage.getAppDbFor(UNIT)
  const write = (value: string) =>
    db.execute(
      `INSERT INTO settings (key, value, category, updated_at) VALUES ('x.one', $1, 'x', '2026-11-21T00:00:00.000Z')
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [value],
    )
  const until = (condition: (shadow: NonNullable<StorageUnit['shadow']>) => boolean) =>
    opened.until(UNIT, ({ shadow }) => shadow !== null && condition(shadow))
  return { opened, db, write, until }
}

const settled = (opened: MoveBench) => opened.until(UNIT, ({ lag }) => lag?.changes === 0)
const reasonsAgainst = (action: string, unit: StorageUnit) =>
  unit.actions.find((each) => each.action === action)?.reasons.join() ?? ''

async function alterMirror(opened: MoveBench, value: string): Promise<void> {
  const { begin, end } = applyingSql('postgres', UNIT)
  await opened.storage.control.store('postgres')?.transaction(async (tx) => {
    await tx.execScript(begin)
    await tx.execute(`UPDATE settings SET value = $1 WHERE key = 'x.one'`, [value])
    if (end) await tx.execScript(end)
  })
}

describe('shadow reads', () => {
  it('find a row that was altered in the mirror alone, and keep a cut over until it is verified again', async () => {
    const { opened, db, write, until } = await shadowed()
    await write('topsecret')
    await settled(opened)
    await db.query(ALL, ['x'])
    const equal = await until(({ compared }) => compared === 1)
    expect(equal.shadow).toMatchObject({ share: 100, mismatches: 0, undecided: 0, statements: [] })
    expect(equal.shadow?.p95Ms).toEqual({ source: expect.any(Number), mirror: expect.any(Number) })
    expect(reasonsAgainst('cutover', equal)).not.toContain('another answer')

    await alterMirror(opened, 'altered')
    expect(await db.query(ALL, ['x'])).toEqual([{ key: 'x.one', value: 'topsecret' }])
    await db.queryOne(ALL, ['x'])
    const found = await until(({ mismatches }) => mismatches === 2)
    expect(found.shadow?.statements).toMatchObject([
      { statement: ALL, kind: 'differs', columns: ['value'], sourceRows: 1, mirrorRows: 1, count: 2 },
    ])
    const logged = () => opened.moves.log({ unit: UNIT, limit: 100 })
    // It is counted first, and written down in its turn.
    await expect
      .poll(async () => (await logged()).filter(({ action }) => action === 'shadow-mismatch'), {
        timeout: 30_000,
      })
      .toMatchObject([{ actor: null, details: { statement: ALL, columns: ['value'] } }])
    const log = await logged()
    expect(JSON.stringify([found, log])).not.toMatch(/topsecret|altered/)
    const refused = await opened.moves.act(UNIT, 'cutover', OPERATOR).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(AppError)
    expect(String(refused)).toContain('another answer')

    // The first verify puts it right, the second finds nothing.
    for (let i = 0; i < 2; i++) {
      await opened.verify(UNIT)
    }
    await db.query(ALL, ['x'])
    const healed = await until(({ compared }) => compared === 4)
    expect(healed.shadow?.mismatches).toBe(2)
    expect((await opened.cutOver(UNIT)).placement).toBe('postgres')
  })

  it('take a mirror that is behind for what it is', async () => {
    const mirror = holding()
    const { opened, db, write, until } = await shadowed({ control: mirror.control })
    await write('old')
    await settled(opened)
    mirror.hold('transaction')
    await write('new')
    await db.query(ALL, ['x'])
    // Long enough to read the mirror, which still has the old value.
    await sleep(100)
    expect((await opened.moves.unit(UNIT)).shadow).toMatchObject({ compared: 0, mismatches: 0 })
    mirror.letGo()
    await until(({ compared }) => compared === 1)

    const writing = (async () => {
      for (let i = 0; i < 200; i++) await write(`value ${i}`)
    })()
    for (let i = 0; i < 200; i++) await db.query(ALL, ['x'])
    await writing
    const busy = await until(({ compared, left, undecided }) => compared + left + undecided >= 201)
    expect(busy.shadow).toMatchObject({ mismatches: 0, statements: [] })
  })

  it('are nobody’s business while the mirror hangs or is away', async () => {
    const mirror = holding()
    const { opened, db, write, until } = await shadowed({
      behindProxy: true,
      control: mirror.control,
    })
    await write('here')
    await settled(opened)
    mirror.hold('query')
    for (let i = 0; i < 10; i++) expect(await db.query(ALL, ['x'])).toHaveLength(1)
    mirror.letGo()
    // Two at once were asked; the others were left out at once.
    await until(({ compared, left }) => compared === 2 && left === 8)

    opened.proxy.refuse()
    await opened.until(UNIT, ({ error }) => error?.startsWith('PostgreSQL is away') ?? false)
    for (let i = 0; i < 10; i++) expect(await db.query(ALL, ['x'])).toHaveLength(1)
    expect((await opened.moves.unit(UNIT)).shadow).toMatchObject({ share: 100, mismatches: 0 })
    opened.proxy.accept()
    await opened.until(UNIT, ({ error, lag }) => error === null && lag !== null)
    const { compared } = (await until(() => true)).shadow ?? { compared: 0 }
    await db.query(ALL, ['x'])
    await until((now) => now.compared > compared)
  })

  it('say when the mirror cannot answer at all', async () => {
    const { opened, db, until } = await shadowed()
    await db.query(
      `SELECT s.key, json_type(s.value, '$') AS kind FROM settings AS s WHERE s.category = 'none'`,
    )
    const found = await until(({ mismatches }) => mismatches === 1)
    expect(found.shadow?.statements).toMatchObject([{ kind: 'fails', sourceRows: 0, mirrorRows: 0 }])
    // Somebody who knows why may end them, and go on.
    await opened.until(UNIT, (unit) => reasonsAgainst('cutover', unit).includes('another answer'))
    const off = await opened.moves.shadow(UNIT, 0, OPERATOR)
    expect(off.shadow).toMatchObject({ share: 0, statements: [] })
    expect(reasonsAgainst('cutover', off)).not.toContain('another answer')
  })

  it('are off unless asked for, stay on after a start, and need a complete mirror', async () => {
    const { opened, db } = await shadowed()
    await opened.restart()
    await opened.until(UNIT, ({ shadow, lag }) => shadow?.share === 100 && lag !== null)
    const read = () => opened.storage.getAppDbFor(UNIT).query(ALL, ['x'])
    let reads = 0
    const untilMoreThan = (compared: number) =>
      vi.waitFor(
        async () => {
          reads++
          await read()
          const figures = (await opened.moves.unit(UNIT)).shadow
          expect(figures?.compared).toBeGreaterThan(compared)
          return figures?.compared ?? 0
        },
        { timeout: 30_000 },
      )
    const compared = await untilMoreThan(0)
    await opened.moves.shadow(UNIT, 0, OPERATOR)
    for (let i = 0; i < 20; i++) await read()
    await opened.moves.shadow(UNIT, 100, OPERATOR)
    expect(await untilMoreThan(compared)).toBeLessThanOrEqual(reads)
    await expect(db.query(ALL, ['x'])).rejects.toThrow() // the storage of before the start
    await expect(opened.moves.shadow('users', 5, OPERATOR)).rejects.toMatchObject({ code: 'move_refused' })
    const log = await opened.moves.log({ unit: UNIT, limit: 100 })
    const shares = log.filter(({ action }) => action === 'shadow')
    expect(shares.map(({ actor, details }) => [actor, details])).toEqual([
      ['operator', { share: 100 }],
      ['operator', { share: 0 }],
      ['operator', { share: 100 }],
    ])
  })

  it('go on in the other direction after a cut over', async () => {
    const { opened, db, write, until } = await shadowed()
    await write('one')
    await opened.until(
      UNIT,
      ({ lag, actions }) =>
        lag?.changes === 0 && actions.some(({ action, possible }) => action === 'cutover' && possible),
    )
    await opened.moves.act(UNIT, 'cutover', OPERATOR)
    await opened.until(UNIT, ({ lag }) => lag?.changes === 0)
    const before = (await until(() => true)).shadow?.compared ?? 0
    expect(await db.query(ALL, ['x'])).toHaveLength(1)
    expect((await until(({ compared }) => compared === before + 1)).shadow?.mismatches).toBe(0)
  })
})
