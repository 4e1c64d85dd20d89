import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../../test/databases.ts'
import { json, type SqlValue, storableText } from '../app-db.ts'

const createTable = {
  sqlite: `
    CREATE TABLE things (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      flag BOOLEAN CHECK (flag IN (0, 1)),
      doc JSONB TEXT CHECK (json_valid(doc)),
      at TIMESTAMPTZ TEXT,
      small INTEGER,
      big BIGINT,
      amount DOUBLE PRECISION,
      data BLOB,
      label TEXT
    )
  `,
  postgres: `
    CREATE TABLE things (
      id BIGSERIAL PRIMARY KEY,
      flag BOOLEAN,
      doc JSONB,
      at TIMESTAMPTZ,
      small INTEGER,
      big BIGINT,
      amount DOUBLE PRECISION,
      data BYTEA,
      label TEXT
    )
  `,
}
const columns = ['flag', 'doc', 'at', 'small', 'big', 'amount', 'data', 'label'] as const
const selectAll = 'SELECT flag, doc, at, small, big, amount, data, label FROM things ORDER BY id'

type Column = (typeof columns)[number]
type Thing = Record<Column, unknown>

describe.each(databases)('values on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await test.db.execute(createTable)
  })
  afterAll(() => test.close())
  beforeEach(async () => {
    await test.db.execute('DELETE FROM things')
  })

  /** Writes one value with a plain INSERT and reads it back. */
  async function roundTrip(column: Column, value: SqlValue): Promise<unknown> {
    const row = await test.db.queryOne<Thing>(
      `INSERT INTO things (${column}) VALUES ($1) RETURNING ${column}`,
      [value],
    )
    return row?.[column]
  }

  it.each<[string, Column, SqlValue, unknown]>([
    ['true', 'flag', true, true],
    ['false', 'flag', false, false],
    ['an int4', 'small', -2_147_483_648, -2_147_483_648],
    ['the largest safe integer', 'big', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['a bigint within the safe integers, as a number', 'big', 42n, 42],
    ['an integer beyond 2^53', 'big', 9_007_199_254_740_993n, 9_007_199_254_740_993n],
    ['the smallest bigint', 'big', -9_223_372_036_854_775_808n, -9_223_372_036_854_775_808n],
    ['a whole double', 'amount', 3, 3],
    ['a double that has no short form', 'amount', 0.1 + 0.2, 0.1 + 0.2],
    ['the smallest double', 'amount', 5e-324, 5e-324],
    ['the largest double', 'amount', Number.MAX_VALUE, Number.MAX_VALUE],
    ['minus zero, as zero', 'amount', -0, 0],
    ['infinity', 'amount', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['an integer in a text column', 'label', 3, '3'],
    ['an empty text', 'label', '', ''],
    ['text that looks like a number', 'label', '1.50', '1.50'],
    ['text that looks like a timestamp', 'label', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    [
      'text of every plane',
      'label',
      'naïve – 日本 – 👩‍🚀 – \u202e\u0001',
      'naïve – 日本 – 👩‍🚀 – \u202e\u0001',
    ],
    ['no bytes', 'data', new Uint8Array(), new Uint8Array()],
    ['bytes', 'data', new Uint8Array([0, 255, 92, 10, 0]), new Uint8Array([0, 255, 92, 10, 0])],
    [
      'a part of a larger buffer',
      'data',
      new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
      new Uint8Array([2, 3]),
    ],
    ['a JSON object', 'doc', json({ b: [1, { c: null }], a: 'x' }), { a: 'x', b: [1, { c: null }] }],
    ['a JSON array', 'doc', json([1, 'two', null, [true]]), [1, 'two', null, [true]]],
    ['a JSON text', 'doc', json('1.50'), '1.50'],
    ['a JSON number', 'doc', json(1.5), 1.5],
    ['a JSON boolean', 'doc', json(false), false],
    ['JSON null', 'doc', json(null), null],
    ['JSON with NUL, replaced', 'doc', json({ a: 'x\0y' }), { a: 'x\ufffdy' }],
    ['milliseconds', 'at', '2026-11-21T03:04:05.123Z', '2026-11-21T03:04:05.123Z'],
    ['microseconds', 'at', '2026-11-21T03:04:05.123456Z', '2026-11-21T03:04:05.123456Z'],
    ['microseconds below a millisecond', 'at', '2026-11-21T03:04:05.000001Z', '2026-11-21T03:04:05.000001Z'],
    ['a time without fraction', 'at', '2026-11-21T03:04:05.000Z', '2026-11-21T03:04:05.000Z'],
    ['a time before the epoch', 'at', '1901-02-03T04:05:06.007Z', '1901-02-03T04:05:06.007Z'],
  ])('gives back %s', async (_, column, written, read) => {
    expect(await roundTrip(column, written)).toStrictEqual(read)
  })

  it.each(columns)('gives back NULL of column %s', async (column) => {
    expect(await roundTrip(column, null)).toBeNull()
  })

  it('brings timestamps of other forms into one form', async () => {
    const written = ['2026-11-21 03:04:05', '2026-11-21T05:04:05.5+02:00', '2026-11-21T03:04Z']
    await test.db.insertMany(
      'things',
      ['at'],
      written.map((at) => [at]),
    )
    const rows = await test.db.query<Thing>(selectAll)
    expect(rows.map((row) => row.at)).toEqual([
      '2026-11-21T03:04:05.000Z',
      '2026-11-21T03:04:05.500Z',
      '2026-11-21T03:04:00.000Z',
    ])
  })

  it('sorts timestamps as time', async () => {
    const times = ['1999-12-31T23:59:59.999Z', '2026-11-21T03:04:05.123456Z', '2026-11-21T03:04:05.124Z']
    await test.db.insertMany('things', ['at'], [[times[2]!], [times[0]!], [times[1]!]])
    const rows = await test.db.query<{ at: string }>('SELECT at FROM things WHERE at > $1 ORDER BY at', [
      times[0]!,
    ])
    expect(rows.map((row) => row.at)).toEqual([times[1], times[2]])
  })

  it('decodes columns through RETURNING, CTEs, UNION and renaming', async () => {
    await test.db.execute('INSERT INTO things (flag, doc) VALUES ($1, $2)', [true, json([1])])
    const rows = await test.db.query(
      `WITH t AS (SELECT flag AS renamed, doc FROM things UNION ALL SELECT flag, doc FROM things) SELECT renamed, doc FROM t`,
    )
    expect(rows).toEqual([
      { renamed: true, doc: [1] },
      { renamed: true, doc: [1] },
    ])
  })

  it('decodes expressions by the codec that the query names', async () => {
    await test.db.execute('INSERT INTO things (at, doc) VALUES ($1, $2)', [
      '2026-11-21T03:04:05.123456Z',
      json({ tags: ['a'] }),
    ])
    const row = await test.db.queryOne(
      {
        sqlite: `SELECT count(*) > 0 AS some, max(at) AS latest, json_extract(max(doc), '$.tags') AS tags FROM things`,
        postgres: `SELECT count(*) > 0 AS some, max(at) AS latest, (array_agg(doc))[1]->'tags' AS tags FROM things`,
      },
      [],
      { codecs: { some: 'boolean', latest: 'timestamp', tags: 'json' } },
    )
    expect(row).toEqual({ some: true, latest: '2026-11-21T03:04:05.123456Z', tags: ['a'] })
  })

  it('gives counts, sums and averages as numbers, and sums beyond 2^53 exactly', async () => {
    await test.db.insertMany(
      'things',
      ['small', 'big'],
      [
        [1, 9_007_199_254_740_993n],
        [2, 1],
      ],
    )
    const row = await test.db.queryOne(
      'SELECT count(*) AS n, sum(small) AS small, avg(small) AS mean, sum(big) AS big FROM things',
    )
    expect(row).toEqual({ n: 2, small: 3, mean: 1.5, big: 9_007_199_254_740_994n })
  })

  it('uses a parameter twice', async () => {
    await test.db.execute('INSERT INTO things (label, small) VALUES ($2, $1), ($2, $1)', [7, 'x'])
    expect(await test.db.query('SELECT label, small FROM things')).toEqual([
      { label: 'x', small: 7 },
      { label: 'x', small: 7 },
    ])
  })

  it.each<[string, Column, SqlValue]>([
    ['NaN', 'amount', Number.NaN],
    ['text with NUL', 'label', 'a\0b'],
    ['a bigint beyond 64 bits', 'big', 2n ** 63n],
  ])('refuses %s', async (_, column, value) => {
    await expect(roundTrip(column, value)).rejects.toMatchObject({ name: 'DbError', kind: 'invalid-value' })
    await expect(test.db.insertMany('things', [column], [[value]])).rejects.toMatchObject({
      kind: 'invalid-value',
    })
  })

  it('refuses an array or object that is not wrapped with json()', async () => {
    const bare = [1, 2] as unknown as SqlValue
    await expect(roundTrip('doc', bare)).rejects.toMatchObject({ kind: 'invalid-value' })
  })

  it('stores outside text once what no engine can hold is replaced', async () => {
    expect(await roundTrip('label', storableText('a\0b\ud800c'))).toBe('a\ufffdb\ufffdc')
  })

  describe('whatever goes in comes out', () => {
    const aTime = fc
      .tuple(
        fc.date({ min: new Date('0002-01-01'), max: new Date('9998-01-01'), noInvalidDate: true }),
        fc.integer({ min: 0, max: 999 }),
      )
      .map(([date, micros]) =>
        micros === 0
          ? date.toISOString()
          : date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`),
      )
    const aText = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''))
    const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 5 })
    const aRow = fc.record({
      flag: nullable(fc.boolean()),
      doc: nullable(fc.jsonValue()),
      at: nullable(aTime),
      small: nullable(fc.integer()),
      big: nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      amount: nullable(fc.double({ noNaN: true })),
      data: nullable(fc.uint8Array()),
      label: nullable(aText),
    })
    type Row = typeof aRow extends fc.Arbitrary<infer T> ? T : never

    const parameters = (row: Row): SqlValue[] => [
      row.flag,
      row.doc === null ? null : json(row.doc),
      row.at,
      row.small,
      row.big,
      row.amount,
      row.data,
      row.label,
    ]
    /** JSON.parse(JSON.stringify()) for what JSON itself changes (-0, NUL); 64-bit integers as the contract gives them. */
    const expected = (row: Row): Thing => ({
      ...row,
      doc: row.doc === null ? null : JSON.parse(json(row.doc).text),
      big: row.big !== null && BigInt.asIntN(53, row.big) === row.big ? Number(row.big) : asSafe(row.big),
      amount: row.amount === 0 ? 0 : row.amount,
    })
    const asSafe = (value: bigint | null) =>
      value !== null && value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
        ? Number(value)
        : value

    it.each([
      ['one by one', 1, 12, 40],
      ['in bulk', 200, 230, 4],
    ])('%s', async (_, minLength, maxLength, numRuns) => {
      const property = fc.asyncProperty(fc.array(aRow, { minLength, maxLength }), async (rows) => {
        await test.db.execute('DELETE FROM things')
        const values = rows.map(parameters)
        if (minLength === 1) {
          const insert = `INSERT INTO things (${columns.join(', ')}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
          for (const row of values) await test.db.execute(insert, row)
          expect(await test.db.query(selectAll)).toStrictEqual(rows.map(expected))
          await test.db.execute('DELETE FROM things')
        }
        await test.db.insertMany('things', columns, values)
        expect(await test.db.query(selectAll)).toStrictEqual(rows.map(expected))
      })
      await fc.assert(property, { numRuns })
    })
  })
})
