import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { encodeRow, InvalidText, isReject, type SourceValue } from './codecs.ts'
import { Stores } from './job.ts'
import { RowBytes } from './row-bytes.ts'
import { type Database, SqliteSource } from './sqlite-source.ts'
import type { ColumnKind, TableShape } from './types.ts'

const column = (name: string, kind: ColumnKind, pgType: string, bits = 64n) => ({
  name,
  kind,
  pgType,
  nullable: name !== 'id' && name !== 'must',
  ...(kind === 'integer' ? { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n } : {}),
})
const shape: TableShape = {
  table: 'things',
  domain: 'settings',
  columns: [
    column('name', 'text', 'text'),
    column('share', 'float', 'double precision'),
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

let database: TestDatabase
let stores: Stores
let db: Database
beforeAll(async () => {
  database = await openDatabase('sqlite')
  stores = new Stores({ sqlitePath: database.location, postgresUrl: undefined })
  db = await stores.sqlite({ readonly: false })
  // Columns without a type hold whatever they are given.
  db.exec(
    'CREATE TABLE things (name, share REAL, must, id INTEGER PRIMARY KEY, size, small, active, details, """odd, name""")',
  )
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
const row: fc.Arbitrary<SourceValue[]> = fc.tuple(
  held(text),
  // Whole numbers are none there: the column makes doubles of them.
  fc.oneof({ weight: 12, arbitrary: real }, text, fc.constant(null)),
  held(text),
  whole,
  held(whole),
  held(fc.integer().map(BigInt)),
  held(fc.constantFrom(0n, 1n)),
  held(fc.json({ stringUnit: character, maxDepth: 2 })),
  held(text),
)

function insert(rows: readonly SourceValue[][]): void {
  db.exec('DELETE FROM things')
  for (const values of rows) {
    const places = values.map((value) => (value instanceof InvalidText ? 'CAST(? AS TEXT)' : '?'))
    db.prepare(`INSERT INTO things VALUES (${places.join(', ')})`).run(
      values.map((value) => (value instanceof InvalidText ? value.bytes : value)),
    )
  }
}

function readAll(): { bytes: string; hashes: string[]; rejected: number } {
  const source = new SqliteSource(db, shape)
  const { written } = source
  for (;;) {
    const hashes: string[] = []
    let rejected = 0
    const sink = {
      row: () => hashes.push(`${written.bucket} ${written.high} ${written.low}`),
      reject: () => rejected++,
    }
    try {
      source.open(null, 1_000)
      expect(source.read(sink, Number.POSITIVE_INFINITY).done).toBe(true)
      source.cursor()
      return { bytes: written.take().toString('hex'), hashes, rejected }
    } catch (error) {
      source.close()
      written.clear()
      if (!source.beExact(error)) throw error
    }
  }
}

it('reads rows together as it reads them value by value', () => {
  fc.assert(
    fc.property(fc.uniqueArray(row, { maxLength: 8, selector: (values) => values[3] }), (rows) => {
      insert(rows)
      const expected = new RowBytes(shape)
      const hashes: string[] = []
      let rejected = 0
      for (const values of rows.toSorted((a, b) => (Number(a[3]) < Number(b[3]) || a[3]! < b[3]! ? -1 : 1))) {
        const encoded = encodeRow(shape, values)
        if (isReject(encoded)) rejected++
        else {
          expected.addCanonical(encoded)
          hashes.push(`${expected.bucket} ${expected.high} ${expected.low}`)
        }
      }
      expect(readAll()).toEqual({ bytes: expected.take().toString('hex'), hashes, rejected })
    }),
    { numRuns: 2_000 },
  )
})

it.each<[string, SourceValue]>([
  ['text that is no UTF-8', new InvalidText(Uint8Array.of(0x61, 0xc3))],
  ['a number', 5n],
  ['bytes', Buffer.from('x')],
  ['what SQLite takes for a binary document', Buffer.from('1731', 'hex')],
])('refuses %s in a column of texts, and takes its neighbours', (_, value) => {
  insert([
    ['a', 0.5, 'must', 1n, 2n, 3n, 1n, '{"b": 1, "a": 2}', '"\\/\b\f\n\r\t\u0001é日😀\u2028\uff21'],
    ['b', 0.5, value, 2n, 2n, 3n, 1n, '{}', null],
    ['c', null, 'must', 3n, null, null, null, null, 'z'],
  ])
  expect(readAll()).toMatchObject({ rejected: 1, hashes: { length: 2 } })
})

it.each(['00', '01', '1331'])(
  'does not take bytes (%s) for the number that they are as a document',
  (hex) => {
    insert([['a', 0.5, 'must', 1n, Buffer.from(hex, 'hex'), 3n, 1n, null, null]])
    expect(readAll()).toMatchObject({ rejected: 1, hashes: [] })
  },
)

it('makes room for what follows a document, however little is left behind it', () => {
  for (let length = 327_200; length < 327_800; length += 20) {
    const values = ['a', 0.5, 'must', 1n, 2n, 3n, 1n, JSON.stringify('x'.repeat(length)), 'y'.repeat(200)]
    insert([values])
    const expected = new RowBytes(shape)
    const encoded = encodeRow(shape, values)
    if (isReject(encoded)) throw new Error(encoded.message)
    expected.addCanonical(encoded)
    expect(readAll().bytes === expected.take().toString('hex')).toBe(true)
  }
})
