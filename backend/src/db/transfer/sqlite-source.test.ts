import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { loadSqlite } from '../sqlite-driver.ts'
import { encodeRow, InvalidText, isReject, type SourceValue } from './codecs.ts'
import { Stores } from './job.ts'
import { RowBytes } from './row-bytes.ts'
import { type Cursor, type Database, SqliteSource } from './sqlite-source.ts'
import type { CanonicalRow, ColumnKind, Reject, TableShape } from './types.ts'
import { ValueReader } from './value-reader.ts'

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
  // Columns without a type hold whatever they are given; texts are read from lines where numbers become texts.
  db.exec(`
    CREATE TABLE things (name TEXT, at TIMESTAMPTZ TEXT, must TEXT, id INTEGER PRIMARY KEY, size BIGINT, small INTEGER,
      active BOOLEAN, details JSONB TEXT, """odd, name""" TEXT);
    CREATE TABLE measured (name, share REAL, must, id INTEGER PRIMARY KEY, size, small, active, details, """odd, name""");
  `)
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
const oddText = fc.constantFrom(
  '',
  '-',
  '\0',
  'a\0b',
  '\ufffd',
  'null',
  '1',
  '[',
  '\\u0041',
  '1e3',
  '0x1',
  '1\0',
)
const invalid = fc
  .constantFrom([0x80], [0x61, 0xc3], [0xef, 0xbf], [0xed, 0xa0, 0x80], [0xff, 0x22, 0x2c])
  .map((bytes) => new InvalidText(Uint8Array.from(bytes)))
const whole = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -3, max: 3 }).map(BigInt),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 31n, 2n ** 31n - 1n),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n - 1n, -(2n ** 53n), 10n ** 18n),
)
/** SQLite has no negative zero in a column of doubles. */
const real = fc
  .oneof(
    fc.double({ noNaN: true }),
    fc.constantFrom(1, 1e300, -9.3e18, 2 ** 63, Number.POSITIVE_INFINITY, 0.1),
  )
  .map((value) => value || 0)
/** Bytes that lines have a use for, and some of texts, numbers and documents. */
const dirt = fc
  .array(
    fc.constantFrom(
      0xff,
      0xff,
      0xfe,
      0xfe,
      0xfd,
      0xfc,
      0xf5,
      0xf4,
      0,
      0x0a,
      0x31,
      0x61,
      0x22,
      0x7d,
      0xc3,
      0xa9,
    ),
    { maxLength: 5 },
  )
  .map((bytes) => Buffer.from(bytes))
const dirtyValue = fc.oneof(
  dirt,
  dirt.map((bytes) => new InvalidText(bytes)),
  fc.tuple(text, dirt).map(([before, bytes]) => new InvalidText(Buffer.concat([Buffer.from(before), bytes]))),
  fc
    .tuple(fc.integer(), dirt)
    .map(([before, bytes]) => new InvalidText(Buffer.concat([Buffer.from(`${before}`), bytes]))),
)
const anything = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 3, arbitrary: dirtyValue },
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
const json = fc.json({ stringUnit: character, maxDepth: 2 })
/** Cut off, with something in it, with something behind it, or with escapes. */
const document = fc.oneof(
  { weight: 4, arbitrary: json },
  fc.tuple(json, fc.nat()).map(([whole, at]) => whole.slice(0, at % whole.length)),
  fc.tuple(json, fc.nat(), dirt).map(([whole, place, bytes]) => {
    const clean = Buffer.from(whole)
    const at = place % (clean.length + 1)
    return new InvalidText(Buffer.concat([clean.subarray(0, at), bytes, clean.subarray(at)]))
  }),
  fc
    .tuple(json, fc.constantFrom(' ', '\n', ',', '}', '"', '\0', 'é', 'x'))
    .map(([whole, end]) => whole + end),
  fc.constantFrom(
    '',
    ' ',
    '{"\\u00e9":1,"é":2,"\\\\":3}',
    '{"日本":"Zoë","a":["\\n\\t\\u001f"]}',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\u0000"',
    '"\\x"',
    '"\\',
    '-',
    '1.',
    'nul',
  ),
)
const rowOf = (second: fc.Arbitrary<SourceValue>): fc.Arbitrary<SourceValue[]> =>
  fc.tuple(
    held(text),
    second,
    held(text),
    whole,
    held(whole),
    held(fc.integer().map(BigInt)),
    held(fc.constantFrom(0n, 1n)),
    held(document),
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
  readonly rows: readonly CanonicalRow[]
  readonly rejects: readonly Reject[]
}

/** In pages of `limit` rows, handed on in parts of `bytes` bytes. */
function readAll(shape: TableShape, limit = 1_000, bytes = Number.POSITIVE_INFINITY): Found {
  const source = new SqliteSource(db, shape)
  const { written } = source
  let cursor: Cursor | null = null
  let kept: Buffer = Buffer.alloc(0)
  const found = { hashes: [] as string[], rows: [] as CanonicalRow[], rejects: [] as Reject[] }
  for (;;) {
    const page: typeof found = { hashes: [], rows: [], rejects: [] }
    let rows = 0
    const sink = {
      row: () => {
        page.hashes.push(`${written.bucket} ${written.high} ${written.low}`)
        page.rows.push(source.lastCanonical())
      },
      reject: (reject: Reject) => page.rejects.push(reject),
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
    found.hashes.push(...page.hashes)
    found.rows.push(...page.rows)
    found.rejects.push(...page.rejects)
    if (rows < limit) return { bytes: kept.toString('hex'), ...found }
  }
}

/** The same through the codecs, row by row. */
function encoded(shape: TableShape, values: readonly (readonly SourceValue[])[]): Found {
  const expected = new RowBytes(shape)
  const hashes: string[] = []
  const rows: CanonicalRow[] = []
  const rejects: Reject[] = []
  for (const each of values) {
    const row = encodeRow(shape, each)
    if (isReject(row)) rejects.push(row)
    else {
      expected.addCanonical(row)
      hashes.push(`${expected.bucket} ${expected.high} ${expected.low}`)
      rows.push(row)
    }
  }
  return { bytes: expected.bytes.toString('hex'), hashes, rows, rejects }
}

/** What the table holds, exactly: a column's type may make something else of a value. */
function stored(shape: TableShape): SourceValue[][] {
  const reader = new ValueReader(db, shape, true)
  reader.open(null, 1_000, true)
  const rows: SourceValue[][] = []
  for (let row = reader.next(); row; row = reader.next()) rows.push(row.slice(0, -1))
  return rows
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
          expect(readAll(shape, limit, bytes)).toEqual(encoded(shape, stored(shape)))
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
    expect(expected.rejects).toHaveLength(2)
    expect(readAll(shape, limit)).toEqual(expected)
    expect(readAll(shape, limit, 300)).toEqual(expected)
  })

  it.each<[string, SourceValue]>([
    ['text that is no UTF-8', new InvalidText(Uint8Array.of(0x61, 0xc3))],
    ['bytes', Buffer.from('x')],
    ['what SQLite takes for a binary document', Buffer.from('1731', 'hex')],
  ])('refuses %s in a column of texts, and takes its neighbours', (_, value) => {
    insertRows([
      ['a', null, 'must', 1n, 2n, 3n, 1n, '{"b": 1, "a": 2}', '"\\/\b\f\n\r\t\u0001é日😀\u2028\uff21\ufffd'],
      ['b', null, value, 2n, 2n, 3n, 1n, '{}', null],
      ['c', null, 'must', 3n, null, null, null, null, 'z'],
    ])
    expect(readAll(shape)).toMatchObject({ rejects: { length: 1 }, hashes: { length: 2 } })
  })

  it.each(['00', '01', '1331'])(
    'does not take bytes (%s) for the number that they are as a document',
    (hex) => {
      insertRows([['a', null, 'must', 1n, Buffer.from(hex, 'hex'), 3n, 1n, null, null]])
      expect(readAll(shape)).toMatchObject({ rejects: { length: 1 }, hashes: [] })
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

describe('rows that are read as lines', () => {
  const clean: SourceValue[] = [
    'name',
    '2026-11-21T03:04:05.123Z',
    'must',
    2n,
    7n,
    3n,
    1n,
    '{"b": 1, "a": [2]}',
    'last',
  ]
  const between = (values: SourceValue[]) => [clean.with(3, 1n), values, clean.with(3, 3n)]
  const dirty = (bytes: string) => new InvalidText(Buffer.from(bytes, 'latin1'))
  /** All of them are read as they are held. */
  const agree = (rows: readonly SourceValue[][]) => {
    insert(things, rows)
    const found = readAll(things)
    expect(found).toEqual(encoded(things, stored(things)))
    return found
  }

  it.each(['\xff', '\xfe', '\xfd', '\xfc', '\xf5', '\xf4', '\xff\xff', '\xfe\xff', '\xff\xfe', '\xfd\xff'])(
    'hold %j at the beginning, in the middle, at the end or alone in any column',
    (bytes) => {
      for (const place of clean.keys()) {
        if (place === 3) continue
        for (const text of [
          bytes,
          `${bytes}1`,
          `1${bytes}`,
          `1${bytes}1`,
          `abcd${bytes}efgh`,
          `{"a": "${bytes}"}`,
        ]) {
          const { rejects } = agree(between(clean.with(place, dirty(text))))
          expect(rejects).toHaveLength(1)
        }
        agree(between(clean.with(place, Buffer.from(bytes, 'latin1'))))
      }
    },
  )

  it.each<[string, readonly [number, SourceValue][]]>([
    [
      'the end of a value for each that is missing',
      [
        [0, dirty('a\xffb')],
        [2, dirty('\xfea')],
        [8, dirty('c\xff')],
      ],
    ],
    [
      'what looks like two values and like half of one',
      [
        [0, dirty('a\xff\xfeb')],
        [1, dirty('5')],
        [2, null],
      ],
    ],
    [
      'ends of values alone',
      [
        [0, dirty('\xff')],
        [1, dirty('\xff\xff')],
        [2, dirty('\xff')],
        [8, dirty('\xff\xff')],
      ],
    ],
    ['a whole line', [[0, dirty('n\xff\xfe\xffm\xff2\xff7\xff3\xff1\xff{}\xffz\xff8\xff4\xffn')]]],
    [
      'numbers with the end of one between them',
      [
        [4, dirty('7\xff3')],
        [5, dirty('\xff1')],
      ],
    ],
    [
      'documents with the end of one between them',
      [
        [7, dirty('{}\xff[]')],
        [8, dirty('\xff')],
      ],
    ],
  ])('do not take for other values %s', (_, odd) => {
    const values = odd.reduce((row, [place, value]) => row.with(place, value), [...clean])
    expect(agree(between(values)).rejects).toHaveLength(1)
  })

  it('are read as they are held, whatever is dirty in how many columns', () => {
    const each = fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, dirtyValue)
    const dirt = fc.array(each, { minLength: clean.length, maxLength: clean.length })
    fc.assert(
      fc.property(dirt, (odd) => {
        agree(between(clean.map((value, i) => (i === 3 ? value : (odd[i] ?? value)))))
      }),
      { numRuns: 1_000 },
    )
  })

  it('have empty texts first, in the middle and last', () => {
    expect(agree(between(clean.with(0, '').with(2, '').with(8, ''))).rejects).toEqual([])
  })

  it.each<[number, SourceValue, number]>([
    [0, 12n, 0],
    [2, '1\0', 1],
    [0, '\0', 1],
    [1, '2026-11-21T03:04:05.123Z\0', 1],
    [8, 'abcd\0efgh', 1],
    [4, 'abc', 1],
    [4, '', 1],
    [4, '-', 1],
    [4, ' 12 ', 0],
    [4, '1\0', 0],
    [4, 'a\0', 1],
    [4, '0x10', 1],
    [4, 1e300, 1],
    [4, 9.3e18, 1],
    [4, 0.5, 1],
    [4, 12, 0],
    [4, 2n ** 53n + 1n, 0],
    [4, -(2n ** 53n) - 1n, 0],
    [4, 2n ** 63n - 1n, 0],
    [4, -(2n ** 63n), 0],
    [5, 2n ** 31n, 1],
    [6, 0.5, 1],
    [6, 2n, 1],
    [6, -1n, 1],
    [7, '', 1],
    [7, '{"a": 1', 1],
    [7, '"a', 1],
    [7, '"\\u00e9', 1],
    [7, '{} x', 1],
    [7, '{}\0', 1],
    [7, '{"日本": "Zoë", "é": "\\u65e5"}', 0],
    [7, dirty('{"a": "\xc3\\u0041"}'), 1],
    [7, dirty('{"a\xed\xa0\x80": 1}'), 1],
    [7, dirty('"a\xff'), 1],
  ])('have in column %i %o as it is held', (place, value, rejected) => {
    expect(agree(between(clean.with(place, value))).rejects).toHaveLength(rejected)
  })

  it.each([131_000, 131_072, 140_000])('may have some %i bytes, or a dirty text in them', (length) => {
    for (const more of [0, 20, 40, 60, 80]) {
      const long = 'x'.repeat(length - more)
      expect(agree(between(clean.with(8, long))).rejects).toEqual([])
      expect(agree(between(clean.with(0, dirty('\xff')).with(8, long))).rejects).toHaveLength(1)
    }
  })
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
    expect(expected.rejects).toHaveLength(2)
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
    expect(readAll(samples)).toMatchObject({ rejects: { length: 1 }, hashes: { length: 599 } })
  })
})
