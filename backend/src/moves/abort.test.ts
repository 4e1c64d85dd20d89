import { describe, expect, it } from 'vitest'
import { type MoveBench, type MoveBenchOptions, moveBench, OPERATOR } from '../../test/moves.ts'
import type { Placement } from '../db/placement-store.ts'
import { writeCopyRecord } from '../db/transfer/ledger.ts'
import { dropIndexes } from '../db/transfer/pg-indexes.ts'
import { PgLink } from '../db/transfer/pg-link.ts'

const UNIT = 'insights'

async function mirrored(options: MoveBenchOptions = {}): Promise<MoveBench> {
  const target = await moveBench(options)
  await target.storage.control.openSqlite()
  await target.fill(UNIT, 20)
  await target.mirror(UNIT)
  return target
}

/** What a move has put into a store: triggers, functions, queues with entries, and what it says of the unit. */
async function traces(target: MoveBench, placement: Placement): Promise<unknown[]> {
  return target.db(placement).query({
    sqlite: `
      SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE '\\_roles%' ESCAPE '\\'
      UNION ALL SELECT name FROM sqlite_schema WHERE name LIKE '\\_dirty\\_%' ESCAPE '\\' AND name <> '_dirty_whole'
      UNION ALL SELECT unit FROM _roles
    `,
    postgres: `
      SELECT tgname AS name FROM pg_trigger WHERE tgname LIKE '\\_capture\\_%'
      UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '\\_capture\\_%'
      UNION ALL SELECT tablename FROM pg_tables WHERE tablename LIKE '\\_dirty\\_%' AND tablename <> '_dirty_whole'
      UNION ALL SELECT unit FROM _roles
      UNION ALL SELECT unit FROM _moves
    `,
  })
}

const rowsOf = async (target: MoveBench, placement: Placement, table: string) =>
  (await target.db(placement).queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`))?.rows

const away = (target: MoveBench) =>
  target.until(UNIT, ({ error }) => error?.startsWith('PostgreSQL is away') ?? false)

describe('a move is given up whatever became of its tables', () => {
  it.each<[what: string, from: Placement, store: Placement, sql: string]>([
    ['a column too many in the mirror', 'sqlite', 'postgres', 'ALTER TABLE insights ADD COLUMN extra TEXT'],
    ['a column too many in the source', 'sqlite', 'sqlite', 'ALTER TABLE insights ADD COLUMN extra TEXT'],
    ['a renamed key in the mirror', 'sqlite', 'postgres', 'ALTER TABLE incidents RENAME COLUMN id TO number'],
    ['a renamed key in SQLite', 'postgres', 'sqlite', 'ALTER TABLE actions RENAME COLUMN id TO number'],
    ['a table dropped from the mirror', 'sqlite', 'postgres', 'DROP TABLE insights CASCADE'],
    ['a table dropped from the source', 'sqlite', 'sqlite', 'DROP TABLE incidents'],
    ['a table dropped from a mirror in SQLite', 'postgres', 'sqlite', 'DROP TABLE incidents'],
    ['a renamed table in the mirror', 'sqlite', 'postgres', 'ALTER TABLE insights RENAME TO insights_old'],
    ['a queue dropped from the source', 'sqlite', 'sqlite', 'DROP TABLE _dirty_insights'],
    ['a queue dropped from the mirror', 'sqlite', 'postgres', 'DROP TABLE _dirty_insights'],
  ])('%s', async (_, placement, store, sql) => {
    const target = await mirrored({ placement })
    await target.db(store).execute(sql)
    const { actions } = await target.moves.unit(UNIT)
    expect(actions.find(({ action }) => action === 'abort')).toMatchObject({ possible: true })
    expect(await target.moves.act(UNIT, 'abort', OPERATOR)).toMatchObject({
      placement,
      mirror: null,
      state: 'settled',
    })
    expect(await traces(target, 'sqlite')).toEqual([])
    expect(await traces(target, 'postgres')).toEqual([])
    const mirror = placement === 'sqlite' ? 'postgres' : 'sqlite'
    expect(await rowsOf(target, mirror, 'investigations')).toBe(0)
    expect(await rowsOf(target, placement, 'investigations')).toBe(20)
  })

  it('in the middle of a copy, whose table gets its indexes back', async () => {
    const target = await mirrored()
    await target.moves.stop()
    const indexes = () =>
      target.db('postgres').query(`SELECT indexdef FROM pg_indexes WHERE tablename = 'insights' ORDER BY 1`)
    const before = await indexes()
    const link = await PgLink.open(target.storage.control.postgresUrl ?? '')
    await dropIndexes(link, 'insights', false, async (savedIndexes) => {
      const record = { state: 'copying', cursor: null, copiedRows: 0, rejectedRows: 0, savedIndexes } as const
      await writeCopyRecord(link, UNIT, 'insights', record)
    })
    await link.close()
    expect((await indexes()).length).toBeLessThan(before.length)
    await target.db('postgres').execute(`UPDATE _moves SET state = 'copying', paused = TRUE`)
    await target.restart()
    await target.moves.act(UNIT, 'abort', OPERATOR)
    await target.until(UNIT, ({ mirror }) => mirror === null)
    expect(await indexes()).toEqual(before)
  })

  it('while it is being given up already, by the loop that goes on with that', async () => {
    const target = await mirrored()
    await target.moves.stop()
    await target.db('postgres').execute(`UPDATE _moves SET state = 'aborting'`)
    await target.db('postgres').execute('ALTER TABLE insights ADD COLUMN extra TEXT')
    await target.restart()
    await target.until(UNIT, ({ mirror }) => mirror === null)
    expect(await traces(target, 'sqlite')).toEqual([])
  })
})

describe('a move is given up while PostgreSQL is away', () => {
  it('SQLite logs nothing any more, and PostgreSQL follows when it is back', async () => {
    const target = await mirrored({ behindProxy: true })
    target.proxy.refuse()
    const { actions } = await away(target)
    expect(actions.filter(({ possible }) => possible).map(({ action }) => action)).toEqual(['abort'])
    const given = await target.moves.act(UNIT, 'abort', OPERATOR)
    expect(given).toMatchObject({ placement: 'sqlite', mirror: null, state: 'settled', error: null })
    expect(await traces(target, 'sqlite')).toEqual([])
    await target.storage.getAppDbFor(UNIT).execute(`DELETE FROM incidents`)

    target.proxy.accept()
    const log = () => target.moves.log({ unit: UNIT, limit: 1 }).catch(() => [])
    await expect
      .poll(log, { timeout: 30_000 })
      .toMatchObject([{ action: 'abort', actor: OPERATOR.name, details: { at: expect.any(String) } }])
    await expect.poll(() => traces(target, 'postgres'), { timeout: 30_000 }).toEqual([])
    expect(await rowsOf(target, 'postgres', 'investigations')).toBe(0)
    // Nothing of it is left: another try is one like the first.
    await target.mirror(UNIT)
  })

  it('also in the moment in which it goes away, before anybody has noticed', async () => {
    const target = await mirrored({ behindProxy: true })
    target.proxy.refuse()
    await target.moves.act(UNIT, 'abort', OPERATOR)
    expect(await traces(target, 'sqlite')).toEqual([])
    target.proxy.accept()
    await expect.poll(() => traces(target, 'postgres'), { timeout: 30_000 }).toEqual([])
    expect(await rowsOf(target, 'sqlite', 'investigations')).toBe(20)
    await target.mirror(UNIT)
  })

  it('also after a start, and without any PostgreSQL', async () => {
    const target = await mirrored()
    await target.restart({ withoutPostgres: true })
    expect(await target.moves.unit(UNIT)).toMatchObject({ mirror: 'postgres', placement: 'sqlite' })
    expect(await target.moves.act(UNIT, 'abort', OPERATOR)).toMatchObject({ mirror: null, state: 'settled' })
    expect(await traces(target, 'sqlite')).toEqual([])
    await expect(target.moves.act(UNIT, 'abort', OPERATOR)).rejects.toMatchObject({
      extra: { reasons: [expect.stringContaining('PostgreSQL is not configured')] },
    })
    // The old one comes back after all.
    await target.restart()
    await expect.poll(() => traces(target, 'postgres'), { timeout: 30_000 }).toEqual([])
    expect(await rowsOf(target, 'postgres', 'investigations')).toBe(0)
    expect(await rowsOf(target, 'sqlite', 'investigations')).toBe(20)
  })

  it('but not where PostgreSQL holds the truth: the reason says what is away', async () => {
    const target = await mirrored({ behindProxy: true })
    await target.cutOver(UNIT)
    target.proxy.refuse()
    await away(target)
    await expect(target.moves.act(UNIT, 'abort', OPERATOR)).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('PostgreSQL is away'),
    })
    expect(await traces(target, 'sqlite')).not.toEqual([])
    target.proxy.accept()
    await target.until(UNIT, ({ error, lag }) => error === null && lag !== null)
    expect(await target.moves.act(UNIT, 'rollback', OPERATOR)).toMatchObject({ placement: 'sqlite' })
  })
})
