import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../../test/databases.ts'
import type { SqlText } from '../app-db.ts'

const millionRows: SqlText = {
  sqlite: `
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000)
    SELECT n, 'row ' || n || ' of a million, with some text so that keeping all of them would show' AS text FROM numbers
  `,
  postgres: `
    SELECT n, 'row ' || n || ' of a million, with some text so that keeping all of them would show' AS text
    FROM generate_series(1, 1000000) AS numbers (n)
  `,
}

describe.each(databases)('bulk on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await test.db.execute({
      sqlite: `CREATE TABLE items (id INTEGER PRIMARY KEY, label TEXT NOT NULL CHECK (label <> 'bad'), note TEXT, at TIMESTAMPTZ TEXT)`,
      postgres: `CREATE TABLE items (id INTEGER PRIMARY KEY, label TEXT NOT NULL CHECK (label <> 'bad'), note TEXT, at TIMESTAMPTZ)`,
    })
  })
  afterAll(() => test.close())
  beforeEach(async () => {
    await test.db.execute('DELETE FROM items')
  })

  const columns = ['id', 'label', 'note'] as const
  const rows = (count: number, label = 'x') =>
    Array.from({ length: count }, (_, i) => [
      i,
      `${label}${i}`,
      i % 3 ? 'tab\t"quote" \\N {a,b} NULL\n' : null,
    ])
  const count = async () => (await test.db.queryOne<{ n: number }>('SELECT count(*) AS n FROM items'))?.n

  describe('insertMany', () => {
    it('does nothing for 0 rows', async () => {
      expect(await test.db.insertMany('items', columns, [])).toEqual({ rowCount: 0 })
    })

    // Around the sizes at which the way of writing changes.
    it.each([1, 2, 199, 200, 499, 501, 5_000])('writes %i rows as they are', async (size) => {
      expect(await test.db.insertMany('items', columns, rows(size))).toEqual({ rowCount: size })
      const stored = await test.db.query<{ id: number; label: string; note: string | null }>(
        'SELECT id, label, note FROM items ORDER BY id',
      )
      expect(stored.map((row) => [row.id, row.label, row.note])).toEqual(rows(size))
    })

    it('writes 100,000 rows', async () => {
      expect(await test.db.insertMany('items', columns, rows(100_000))).toEqual({ rowCount: 100_000 })
      const sum = await test.db.queryOne('SELECT count(*) AS n, sum(id) AS ids FROM items')
      expect(sum).toEqual({ n: 100_000, ids: 4_999_950_000 })
    })

    it.each([3, 700, 6_000])('keeps none of %i rows when the last one is refused', async (size) => {
      const bad = [...rows(size - 1), [size, 'bad', null]]
      await expect(test.db.insertMany('items', columns, bad)).rejects.toMatchObject({ kind: 'check' })
      await expect(
        test.db.insertMany('items', columns, bad, { onConflict: 'nothing' }),
      ).rejects.toMatchObject({
        kind: 'check',
      })
      expect(await count()).toBe(0)
    })

    it.each([10, 1_200, 6_000])('skips %i rows that are there already', async (size) => {
      await test.db.insertMany('items', columns, rows(size / 2, 'old'))
      const result = await test.db.insertMany('items', columns, rows(size, 'new'), { onConflict: 'nothing' })
      expect(result).toEqual({ rowCount: size / 2 })
      const old = await test.db.queryOne(`SELECT count(*) AS n FROM items WHERE label LIKE 'old%'`)
      expect(old).toEqual({ n: size / 2 })
    })

    it.each([10, 1_200, 6_000])(
      'overwrites the named columns of %i rows that are there already',
      async (size) => {
        await test.db.insertMany(
          'items',
          ['id', 'label', 'note'],
          rows(size / 2, 'old').map(([id, label]) => [id!, label!, 'kept']),
        )
        const onConflict = { key: ['id'], update: ['label'] }
        expect(await test.db.insertMany('items', columns, rows(size, 'new'), { onConflict })).toEqual({
          rowCount: size,
        })
        const stored = await test.db.queryOne({
          sqlite: `SELECT count(*) AS n, sum(label LIKE 'new%') AS renewed, sum(note = 'kept') AS kept FROM items`,
          postgres: `
          SELECT count(*) AS n, count(*) FILTER (WHERE label LIKE 'new%') AS renewed,
            count(*) FILTER (WHERE note = 'kept') AS kept
          FROM items
        `,
        })
        expect(stored).toEqual({ n: size, renewed: size, kept: size / 2 })
      },
    )

    it('lets the last of several rows with one key win', async () => {
      const onConflict = { key: ['id'], update: ['label'] }
      const twice = [
        [1, 'first', 'a'],
        [2, 'other', 'b'],
        [1, 'second', 'c'],
      ]
      expect(await test.db.insertMany('items', columns, twice, { onConflict })).toEqual({ rowCount: 3 })
      expect(await test.db.query('SELECT id, label, note FROM items ORDER BY id')).toEqual([
        { id: 1, label: 'second', note: 'a' },
        { id: 2, label: 'other', note: 'b' },
      ])
    })

    it('takes the first of several rows with one key when conflicts are skipped', async () => {
      const twice = [
        [1, 'first', null],
        [1, 'second', null],
      ]
      expect(await test.db.insertMany('items', columns, twice, { onConflict: 'nothing' })).toEqual({
        rowCount: 1,
      })
      expect(await test.db.queryOne('SELECT label FROM items')).toEqual({ label: 'first' })
    })

    it('is part of the transaction it is called in', async () => {
      const running = test.db.transaction(async (tx) => {
        await tx.insertMany('items', columns, rows(1_000))
        await tx.insertMany('items', columns, rows(6_000), { onConflict: 'nothing' })
        throw new Error('no')
      })
      await expect(running).rejects.toThrow('no')
      expect(await count()).toBe(0)
    })

    it('refuses a row of another width', async () => {
      await expect(
        test.db.insertMany('items', columns, [
          [1, 'x', null],
          [2, 'y'],
        ]),
      ).rejects.toMatchObject({
        kind: 'invalid-value',
      })
    })

    it('sees columns that were added since it last looked', async () => {
      await test.db.insertMany('items', columns, rows(1))
      await test.db.execute('ALTER TABLE items ADD COLUMN extra BIGINT')
      await test.db.insertMany('items', ['id', 'label', 'extra'], [[9, 'x', 12]])
      expect(await test.db.queryOne('SELECT extra FROM items WHERE id = 9')).toEqual({ extra: 12 })
      await test.db.execute('ALTER TABLE items DROP COLUMN extra')
    })
  })

  describe('stream', () => {
    it('gives a million rows in bounded memory', async () => {
      const before = process.memoryUsage()
      let heapMb = 0
      let rssMb = 0
      let seen = 0
      for await (const row of test.db.stream<{ n: number; text: string }>(millionRows)) {
        seen++
        if (row.n !== seen) throw new Error(`row ${row.n} came as number ${seen}`)
        if (seen % 20_000 === 0) {
          const now = process.memoryUsage()
          heapMb = Math.max(heapMb, (now.heapUsed - before.heapUsed) / 2 ** 20)
          rssMb = Math.max(rssMb, (now.rss - before.rss) / 2 ** 20)
        }
      }
      expect(seen).toBe(1_000_000)
      // All rows at once take more than 250 MB.
      expect(heapMb).toBeLessThan(100)
      expect(rssMb).toBeLessThan(150)
      // A minute is not enough for TimescaleDB in WebAssembly on a machine with other work to do.
    }, 300_000)

    it.each([0, 1, 999, 1_000, 1_001, 2_000])('gives %i rows in order', async (size) => {
      await test.db.insertMany('items', columns, rows(size))
      const ids: number[] = []
      for await (const row of test.db.stream<{ id: number }>('SELECT id FROM items ORDER BY id'))
        ids.push(row.id)
      expect(ids).toEqual(rows(size).map(([id]) => id))
    })

    it('binds parameters and decodes columns', async () => {
      await test.db.insertMany('items', ['id', 'label', 'at'], [[1, 'x', '2026-11-21T03:04:05.123Z']])
      for await (const row of test.db.stream('SELECT at FROM items WHERE id = $1', [1])) {
        expect(row).toEqual({ at: '2026-11-21T03:04:05.123Z' })
      }
      expect.assertions(1)
    })

    it('frees its cursor when the loop is left early', async () => {
      await test.db.insertMany('items', columns, rows(5_000))
      for (let i = 0; i < 30; i++) {
        for await (const row of test.db.stream<{ id: number }>('SELECT id FROM items ORDER BY id')) {
          if (row.id === 1_500) break
        }
      }
      await test.db.execute('DELETE FROM items')
      expect(await count()).toBe(0)
    })

    it('rejects when the statement is wrong, and when it fails on the way', async () => {
      const drain = async (sql: SqlText) => {
        for await (const _ of test.db.stream(sql));
      }
      await expect(drain('SELECT nothing FROM nowhere')).rejects.toMatchObject({ name: 'DbError' })
      const late: SqlText = {
        sqlite: `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) SELECT CASE WHEN n = 4000 THEN json('{') END AS x FROM c`,
        postgres: 'SELECT 1 / (4000 - n) AS x FROM generate_series(1, 5000) AS c (n)',
      }
      await expect(drain(late)).rejects.toMatchObject({ name: 'DbError' })
      expect(await count()).toBe(0)
    })

    it('reads within a transaction what the transaction wrote, while it writes on', async () => {
      await test.db.transaction(async (tx) => {
        await tx.insertMany('items', columns, rows(2_500))
        let seen = 0
        for await (const row of tx.stream<{ id: number }>('SELECT id FROM items ORDER BY id')) {
          seen++
          if (row.id % 1_000 === 0)
            await tx.execute('UPDATE items SET note = $1 WHERE id = $2', ['seen', row.id])
        }
        expect(seen).toBe(2_500)
      })
      const seen = await test.db.queryOne(`SELECT count(*) AS n FROM items WHERE note = 'seen'`)
      expect(seen).toEqual({ n: 3 })
    })
  })
})
