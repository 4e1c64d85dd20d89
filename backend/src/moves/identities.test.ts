import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DatabaseKind, openDatabase, type TestDatabase } from '../../test/databases.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { readTableShapes, type TableShape } from '../db/transfer/index.ts'
import { checkIdentities, raiseIdentities, readIdentities } from './identities.ts'

const open = (name: DatabaseKind['name']) => openDatabase(name, { migrated: true })
let opened: TestDatabase[] = []
let shapes: TableShape[] = []
beforeAll(async () => {
  opened = [await open('sqlite'), await open('postgres')]
  shapes = await readTableShapes(opened[0]!.store, opened[1]!.store, ['images', 'mcp'])
})
afterAll(() => Promise.all(opened.map((database) => database.close())))

describe.each(['sqlite', 'postgres'])('identities on %s', (name) => {
  let store: SqlStore
  beforeAll(() => {
    store = opened[name === 'sqlite' ? 0 : 1]!.store
  })
  const raise = (above?: ReadonlyMap<string, bigint>) =>
    store.transaction((tx) => raiseIdentities(tx, shapes, above))
  const check = () => store.snapshot((session) => checkIdentities(session, shapes))
  const add = async (tag: string, id?: number | bigint) => {
    const sql =
      id === undefined
        ? `INSERT INTO image_staleness (image_name, image_tag) VALUES ('i', $1) RETURNING id`
        : `INSERT INTO image_staleness (image_name, image_tag, id) VALUES ('i', $1, $2) RETURNING id`
    const row = await store.db.queryOne<{ id: number | bigint }>(sql, id === undefined ? [tag] : [tag, id])
    return row?.id
  }

  it('are raised above keys that came from elsewhere, and never lowered', async () => {
    await raise() // of empty tables: the first number stays 1
    expect(await check()).toEqual([])
    expect(await add('first')).toBe(1)
    await add('copied', 41)
    // SQLite counts it by itself; PostgreSQL would give 2, and 41 one day.
    if (name === 'postgres')
      expect(await check()).toEqual([expect.stringMatching(/^image_staleness: .* 41 already$/)])
    await raise()
    expect(await check()).toEqual([])
    expect(await add('next')).toBe(42)
    await store.db.execute('DELETE FROM image_staleness WHERE id > 1')
    await raise()
    expect(await add('later')).toBe(43)
    expect(await store.snapshot((session) => readIdentities(session, shapes))).toEqual(
      new Map([
        ['image_staleness', 43n],
        ['mcp_servers', 0n],
      ]),
    )
  })

  it('pass numbers that the other store gave to rows that are gone', async () => {
    await raise(
      new Map([
        ['image_staleness', 9_007_199_254_740_993n],
        ['mcp_servers', 7n],
      ]),
    )
    expect(await add('huge')).toBe(9_007_199_254_740_994n)
    await store.db.execute(`INSERT INTO mcp_servers (name, transport) VALUES ('m', 'http')`)
    expect(await store.db.query('SELECT id FROM mcp_servers')).toEqual([{ id: 8 }])
  })
})
