import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { loadSqlite } from '../sqlite-driver.ts'
import { encodeRow, InvalidText, isReject, type SourceValue } from './codecs.ts'
import { Stores } from './job.ts'
import { RowBytes } from './row-bytes.ts'
import { type Cursor, type Database, SqliteSource } from './sqlite-source.ts'
import type { ColumnKind, Reject, TableShape } from './types.ts'

const column = (name: string, kind: ColumnKind, pgType: string, bits = 64n) => ({
  name,
  kind,
  pgType,
  nullable: name !== 'id' && name !== 'must',
  ...(kind === 'integer' ? { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n } : {}),
})
/** Its rows are read as lines. */
const things: TableShape = {
  table: 'things',
  domain: 'settings',
  columns: [
    column('name', 'text', 'text'),
    column('at', 'timestamp', 'timestamp with time zone'),
    column('must', 'text', 'text'),
    column('id', 'integer', 'bigint'),
    column('size', 'integer', 'bigint'),
    column('small', 'integer', 'integer', 32n),
    column('active', 'boolean', 'boolean'),
    column('details', 'json', 'jsonb'),
    column('"odd, name"', 'text', 'text'),
  ],
  key: ['id'],
  parents: [],
  uniques: [],
}
/** A column of doubles has its rows read value by value. */
const measured: TableShape = {
  ...things,
  table: 'measured',
  columns: things.columns.with(1, column('share', 'float', 'double precision')),
}

let database: TestDatabase
let stores: Stores
let db: Database
beforeAll(async () => {
  database = await openDatabase('sqlite')
  stores = new Stores({ sqlitePath: database.location, postgresUrl: undefined })
  db = await stores.sqlite({ readonly: false })
  // Columns without a type hold whatever they are given.
  for (const [table, second] of [
    ['things', 'at'],
    ['measured', 'share REAL'],
  ]) {
    db.exec(
      `CREATE TABLE ${table} (name, ${second}, must, id INTEGER PRIMARY KEY, size, small, active, details, """odd, name""")`,
    )
  }
})
afterAll(async () => {
  await stores?.close()
  await database?.close()
})

const character = fc.constantFrom(
  'a',
  'Z',
  ' ',
  '"',
  '\\',
  '\n',
  '\u0001',
  '\u007f',
  'é',
  '日',
  '\uff21',
  '😀',
  ',',
  ']',
)
const text = fc.string({ unit: character, maxLength: 12 })
const oddText = fc.constantFrom('\0', 'a\0b', '\ufffd', 'null', '1', '[', '\\u0041')
const invalid = fc
  .constantFrom([0x80], [0x61, 0xc3], [0xef, 0xbf], [0xed, 0xa0, 0x80], [0xff, 0x22, 0x2c])
  .map((bytes) => new InvalidText(Uint8Array.from(bytes)))
const whole = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -3, max: 3 }).map(BigInt),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 31n, 2n ** 31n - 1n),
)
/** SQLite has no negative zero in a column of doubles. */
const real = fc
  .oneof(fc.double({ noNaN: true }), fc.constantFrom(1, 1e300, Number.POSITIVE_INFINITY, 0.1))
  .map((value) => value || 0)
const anything = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 4, arbitrary: whole },
  fc.constant(null),
  real,
  oddText,
  invalid,
  fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('00', '01', '1331', '1731', '3b', '0b').map((hex) => Buffer.from(hex, 'hex')),
)
/** Mostly what belongs into the column. */
const held = (right: fc.Arbitrary<SourceValue>): fc.Arbitrary<SourceValue> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 2, arbitrary: fc.constant(null) }, anything)
const time = fc
  .tuple(
    fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }),
    fc.integer({ min: 0, max: 99_999 }),
    fc.constantFrom('', '1', '.5', '+02:30', 'Z', '\u0001', '"', '\uff21'),
  )
  .map(([date, micros, end]) => date.toISOString().replace('Z', `${micros || ''}${end || 'Z'}`))
const rowOf = (second: fc.Arbitrary<SourceValue>): fc.Arbitrary<SourceValue[]> =>
  fc.tuple(
    held(text),
    second,
    held(text),
    whole,
    held(whole),
    held(fc.integer().map(BigInt)),
    held(fc.constantFrom(0n, 1n)),
    held(fc.json({ stringUnit: character, maxDepth: 2 })),
    held(text),
  )
const tables = [
  { shape: things, row: rowOf(held(time)), second: '2026-11-21T03:04:05.123Z' },
  {
    shape: measured,
    // Whole numbers are none there: the column makes doubles of them.
    row: rowOf(fc.oneof({ weight: 12, arbitrary: real }, text, fc.constant(null))),
    second: 0.5,
  },
]

function insert({ table }: TableShape, rows: readonly SourceValue[][]): void {
  db.exec(`DELETE FROM ${table}`)
  for (const values of rows) {
    const places = values.map((value) => (value instanceof InvalidText ? 'CAST(? AS TEXT)' : '?'))
    db.prepare(`INSERT INTO ${table} VALUES (${places.join(', ')})`).run(
      values.map((value) => (value instanceof InvalidText ? value.bytes : value)),
    )
  }
}

interface Found {
  readonly bytes: string
  readonly hashes: readonly string[]
  readonly rejected: number
}

/** In pages of `limit` rows, handed on in parts of `bytes` bytes. */
function readAll(shape: TableShape, limit = 1_000, bytes = Number.POSITIVE_INFINITY): Found {
  const source = new SqliteSource(db, shape)
  const { written } = source
  let cursor: Cursor | null = null
  let kept: Buffer = Buffer.alloc(0)
  const hashes: string[] = []
  let rejected = 0
  for (;;) {
    const page: string[] = []
    let rows = 0
    const rejects: Reject[] = []
    const sink = {
      row: () => page.push(`${written.bucket} ${written.high} ${written.low}`),
      reject: (reject: Reject) => rejects.push(reject),
    }
    try {
      source.open(cursor, limit)
      for (let done = false; !done; ) {
        const part = source.read(sink, bytes)
        done = part.done
        rows += part.rows
      }
      cursor = source.cursor() ?? cursor
    } catch (error) {
      source.close()
      written.clear()
      if (!source.beExact(error)) throw error
      continue
    }
    kept = Buffer.concat([kept, written.bytes])
    written.clear()
    hashes.push(...page)
    rejected += rejects.length
    if (rows < limit) return { bytes: kept.toString('hex'), hashes, rejected }
  }
}

/** The same through the codecs, row by row. */
function encoded(shape: TableShape, rows: readonly SourceValue[][]): Found {
  const expected = new RowBytes(shape)
  const hashes: string[] = []
  let rejected = 0
  for (const values of rows) {
    const row = encodeRow(shape, values)
    if (isReject(row)) rejected++
    else {
      expected.addCanonical(row)
      hashes.push(`${expected.bucket} ${expected.high} ${expected.low}`)
    }
  }
  return { bytes: expected.bytes.toString('hex'), hashes, rejected }
}

describe.each(tables)('a table like $shape.table', ({ shape, row, second }) => {
  const insertRows = (rows: readonly SourceValue[][]) =>
    insert(
      shape,
      rows.map((values) => values.with(1, second)),
    )

  it('is read as value by value, exactly', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(row, { maxLength: 8, selector: (values) => values[3] }),
        fc.constantFrom(1, 2, 3, 1_000),
        fc.constantFrom(1, 60, 1_000),
        (rows, limit, bytes) => {
          insert(shape, rows)
          const inOrder = rows.toSorted((a, b) => (BigInt(String(a[3])) < BigInt(String(b[3])) ? -1 : 1))
          expect(readAll(shape, limit, bytes)).toEqual(encoded(shape, inOrder))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it.each([7, 32, 33, 64, 100])('is read whole in pages of %i rows', (limit) => {
    const rows = Array.from({ length: 100 }, (_, i): SourceValue[] => [
      `name ${i}`,
      second,
      i === 50 ? null : 'must',
      BigInt(i) * 3n - 9n,
      i === 40 ? 2n ** 60n : 1n,
      3n,
      1n,
      '{}',
      i === 70 ? new InvalidText(Uint8Array.of(0x61, 0xc3)) : 'z',
    ])
    insertRows(rows)
    const expected = encoded(shape, rows)
    expect(expected.rejected).toBe(2)
    expect(readAll(shape, limit)).toEqual(expected)
    expect(readAll(shape, limit, 300)).toEqual(expected)
  })

  it.each<[string, SourceValue]>([
    ['text that is no UTF-8', new InvalidText(Uint8Array.of(0x61, 0xc3))],
    ['a number', 5n],
    ['bytes', Buffer.from('x')],
    ['what SQLite takes for a binary document', Buffer.from('1731', 'hex')],
  ])('refuses %s in a column of texts, and takes its neighbours', (_, value) => {
    insertRows([
      ['a', null, 'must', 1n, 2n, 3n, 1n, '{"b": 1, "a": 2}', '"\\/\b\f\n\r\t\u0001é日😀\u2028\uff21\ufffd'],
      ['b', null, value, 2n, 2n, 3n, 1n, '{}', null],
      ['c', null, 'must', 3n, null, null, null, null, 'z'],
    ])
    expect(readAll(shape)).toMatchObject({ rejected: 1, hashes: { length: 2 } })
  })

  it.each(['00', '01', '1331'])(
    'does not take bytes (%s) for the number that they are as a document',
    (hex) => {
      insertRows([['a', null, 'must', 1n, Buffer.from(hex, 'hex'), 3n, 1n, null, null]])
      expect(readAll(shape)).toMatchObject({ rejected: 1, hashes: [] })
    },
  )

  it.each([130_000, 131_000, 327_300])(
    'makes room for what follows a document of %i characters and some, however little is left behind it',
    (from) => {
      for (let length = from; length < from + 200; length += 20) {
        const document = JSON.stringify('x'.repeat(length))
        const values = ['a', second, 'must', 1n, 2n, 3n, 1n, document, 'y'.repeat(200)]
        const rows = [values, values.with(3, 2n).with(7, '{}')]
        insertRows(rows)
        const expected = encoded(shape, rows)
        const found = readAll(shape)
        expect(found.hashes).toEqual(expected.hashes)
        expect(found.bytes === expected.bytes).toBe(true)
      }
    },
  )
})

it('reads a file whose texts are UTF-16', async () => {
  const Database = await loadSqlite()
  const other = new Database(':memory:')
  other.exec(`
    PRAGMA encoding = 'UTF-16le';
    CREATE TABLE things (name, at, must, id INTEGER PRIMARY KEY, size, small, active, details, """odd, name""");
    INSERT INTO things VALUES ('Zoë', '2026-11-21T03:04:05.123Z', 'must', 1, 2, 3, 1, '{"a": "日"}', NULL);
  `)
  const source = new SqliteSource(other, things)
  source.open(null, 10)
  const rejects: Reject[] = []
  source.read({ row: () => undefined, reject: (reject) => rejects.push(reject) }, 1_000)
  expect(rejects).toEqual([])
  expect(source.written.bytes.toString('hex')).toBe(
    encoded(things, [['Zoë', '2026-11-21T03:04:05.123Z', 'must', 1n, 2n, 3n, 1n, '{"a": "日"}', null]]).bytes,
  )
  other.close()
})

describe.each(['', ' WITHOUT ROWID'])('a table of small values%s', (kind) => {
  const samples: TableShape = {
    ...things,
    table: 'samples',
    columns: [
      { ...column('series', 'integer', 'bigint'), nullable: false },
      { ...column('at', 'integer', 'bigint'), nullable: false },
      column('share', 'float', 'double precision'),
      column('active', 'boolean', 'boolean'),
    ],
    key: ['series', 'at'],
  }
  const insertRows = (rows: readonly SourceValue[][]) => {
    db.exec(`
      DROP TABLE IF EXISTS samples;
      CREATE TABLE samples (series, at, share REAL, active, PRIMARY KEY (series, at))${kind}`)
    insert(samples, rows)
  }
  const plain = (count: number) =>
    Array.from({ length: count }, (_, i): SourceValue[] => [BigInt(i >> 7), BigInt(i), i / 7, BigInt(i % 2)])

  it.each([100, 255, 256, 257, 512, 10_000])('is read whole in pages of %i rows', (limit) => {
    const rows = plain(1_000)
      .map((row, i) => (i % 97 === 0 ? row.with(2, null) : row))
      .with(300, [2n, 300n, 'x', 1n])
      .with(511, [3n, 511n, 0.5, 2n])
    insertRows(rows)
    const expected = encoded(samples, rows)
    expect(expected.rejected).toBe(2)
    expect(readAll(samples, limit)).toEqual(expected)
    expect(readAll(samples, limit, 500)).toEqual(expected)
  })

  it('is read from a key on that a number has not exactly', () => {
    const far = 2n ** 60n
    const rows = plain(600).map((row, i) => row.with(1, far + BigInt(i)))
    insertRows(rows)
    expect(readAll(samples)).toEqual(encoded(samples, rows))
  })

  it('may hold what is not small', () => {
    const rows = plain(600).with(256, [2n, 256n, Buffer.alloc(1_000_000), 1n])
    insertRows(rows)
    expect(readAll(samples)).toMatchObject({ rejected: 1, hashes: { length: 599 } })
  })
})
