import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { codecOf, encodeRow, InvalidText, isReject, type SourceValue } from './codecs.ts'
import type { ColumnKind, ColumnShape, TableShape } from './types.ts'

const types: Readonly<Record<ColumnKind, string>> = {
  text: 'text',
  integer: 'bigint',
  float: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamp with time zone',
  json: 'jsonb',
  bytes: 'bytea',
}

const column = (kind: ColumnKind): ColumnShape => ({
  name: 'value',
  kind,
  pgType: types[kind],
  ...(kind === 'integer' ? { min: -(2n ** 63n), max: 2n ** 63n - 1n } : {}),
  nullable: true,
})

const doubles = fc.double({ noNaN: true })
const largeDoubles = fc
  .tuple(fc.bigInt(2n ** 52n, 2n ** 53n - 1n), fc.integer({ min: 0, max: 900 }), fc.boolean())
  .map(([mantissa, power, negative]) => (negative ? -1 : 1) * Number(mantissa) * 2 ** power)
/** What lies exactly between two doubles is read as the even one. */
const halfway = fc
  .tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 15, max: 30 }))
  .map(([digits, power]) => Number(`${digits}e${power}`))
const tinyDoubles = fc
  .tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 1_074 }))
  .map(([mantissa, power]) => mantissa * 2 ** -power)

const characters = fc.constantFrom('a', 'b', '"', '\\', '\n', '\u0001', 'é', '日', '😀', '\u007f', '/', ' ')
const strings = fc.string({ unit: characters, maxLength: 8 })
const numbers = fc
  .tuple(
    fc.boolean(),
    fc.oneof(fc.constant('0'), fc.bigInt(1n, 10n ** 30n).map(String)),
    fc.option(fc.stringMatching(/^[0-9]{1,20}$/)),
    fc.option(
      fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 30 })),
    ),
  )
  .map(
    ([negative, whole, fraction, exponent]) =>
      `${negative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}${exponent ? exponent.join('') : ''}`,
  )
const space = fc.constantFrom('', '', ' ', '\n\t')
/** A string as somebody might have written it: any character may be an escape. */
const writtenString = strings.chain((text) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map(
      (escapes) =>
        `"${[...text.split('')]
          .map((unit, i) =>
            escapes[i] || unit < ' ' || unit === '"' || unit === '\\'
              ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
              : unit,
          )
          .join('')}"`,
    ),
)
const { document } = fc.letrec<{ document: string }>((tie) => ({
  document: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numbers,
    writtenString.filter((text) => isPaired(text)),
    fc.constantFrom('true', 'false', 'null'),
    fc
      .tuple(space, fc.array(tie('document'), { maxLength: 4 }))
      .map(([gap, items]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
    fc
      .tuple(
        space,
        fc.array(
          fc.tuple(
            writtenString.filter((text) => isPaired(text)),
            tie('document'),
          ),
          { maxLength: 5 },
        ),
      )
      .map(
        ([gap, members]) =>
          `{${gap}${members.map(([key, value]) => `${key}${gap}:${gap}${value}`).join(`${gap},`)}${gap}}`,
      ),
  ),
}))

/** Escaping one half of a pair and not the other is no text that UTF-8 could carry. */
function isPaired(text: string): boolean {
  return !/\p{Surrogate}/u.test(text) && !/\p{Surrogate}/u.test(JSON.parse(text))
}

const times = fc
  .tuple(
    fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true }),
    fc.constantFrom('T', ' '),
    fc.stringMatching(/^(\.[0-9]{1,6})?$/),
    fc.constantFrom('', 'Z', 'z', '+02', '-05:30', '+1545', '-11:00:30'),
  )
  .map(
    ([date, gap, fraction, zone]) =>
      `${date.toISOString().slice(0, 10)}${gap}${date.toISOString().slice(11, 19)}${fraction}${zone}`,
  )

describe('codecs beside PostgreSQL', () => {
  let postgres: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    postgres = await openDatabase('postgres')
    client = new pg.Client(postgres.location)
    await client.connect()
    await client.query(`SET timezone = 'UTC'`)
  })
  afterAll(async () => {
    await client.end()
    await postgres.close()
  })

  /** What the server prints after having stored each text. */
  async function stored(texts: readonly string[], type: string): Promise<(string | null)[]> {
    await client.query(`CREATE TEMP TABLE IF NOT EXISTS "stored ${type}" (n serial, value ${type})`)
    await client.query(`TRUNCATE "stored ${type}" RESTART IDENTITY`)
    await client.query(
      `INSERT INTO "stored ${type}" (value) SELECT t::${type} FROM unnest($1::text[]) AS t`,
      [texts],
    )
    const { rows } = await client.query({
      text: `SELECT value FROM "stored ${type}" ORDER BY n`,
      rowMode: 'array',
      types: { getTypeParser: () => (text: string) => text },
    })
    return rows.map(([value]) => value)
  }

  async function agree<T extends SourceValue>(
    kind: ColumnKind,
    values: fc.Arbitrary<T>,
    written: (value: T) => string,
    runs = 40,
  ): Promise<void> {
    const codec = codecOf(column(kind))
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 50, maxLength: 100 }), async (batch) => {
        const encoded = batch.map((value) => codec.encode(value))
        expect(encoded).toEqual(await stored(batch.map(written), types[kind]))
        // Decoding and encoding again changes nothing.
        expect(encoded.map((text) => codec.encode(codec.decode(text)))).toEqual(encoded)
      }),
      { numRuns: runs },
    )
  }

  it('print floats as it does', async () => {
    const exact = (value: number) => (Object.is(value, -0) ? '0' : String(value))
    const positiveZero = fc.oneof(doubles, largeDoubles, halfway, tinyDoubles).map((value) => value + 0 || 0)
    await agree('float', positiveZero, exact, 100)
    const edges = [
      1e23,
      5e-324,
      2 ** 60,
      9007199254740992,
      1e15,
      999999999999999,
      1e-4,
      0.00009999,
      1e22,
      Number.MAX_VALUE,
      Infinity,
      -Infinity,
      0.1,
      1722470400.123456,
    ]
    expect(edges.map((value) => codecOf(column('float')).encode(value))).toEqual(
      await stored(edges.map(String), types.float),
    )
  })

  it('give every float back bit by bit', () => {
    const { encode, decode } = codecOf(column('float'))
    fc.assert(
      fc.property(fc.oneof(doubles, largeDoubles, halfway, tinyDoubles), (value) => {
        if (!Object.is(value, -0)) expect(Object.is(decode(encode(value)), value)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('print JSON as it does', () => agree('json', document, (text) => text, 60))

  it('print odd JSON as it does', async () => {
    const texts = [
      '1.50',
      '1e3',
      '-0',
      '-0.00',
      '0e5',
      '0.0e-3',
      '1.50e1',
      '1E-7',
      '123456789012345678901234567890.5',
      '{"bb":1,"a":2,"é":3,"aa":4,"b":5}',
      '{"a":1,"b":2,"a":{"c":[]}}',
      '"\\u0041\\/\\b\\u001f"',
      ' [ ] ',
      '{ }',
      '{"\\u0061":1,"a":2}',
      '"\\ud83d\\ude00"',
      '[1,[2,[3,{"x":null}]]]',
      `"${'\u007f'}"`,
      '{"": 0}',
    ]
    expect(texts.map((text) => codecOf(column('json')).encode(text))).toEqual(await stored(texts, 'jsonb'))
  })

  it('refuse the JSON that it refuses', async () => {
    const broken = [
      '',
      '{',
      '{"a"}',
      '[1,]',
      '01',
      '+1',
      '.5',
      '1.',
      '1e',
      'nul',
      '"a',
      '"\n"',
      '"\\x"',
      "{'a':1}",
      '1 2',
      '{"a":1,}',
      'NaN',
      '"\\u12"',
      '[}',
      '-',
    ]
    for (const text of broken) {
      await expect(client.query('SELECT $1::jsonb', [text]), text).rejects.toThrow()
      expect(() => codecOf(column('json')).encode(text), text).toThrow(
        expect.objectContaining({ reason: 'json' }),
      )
    }
    const unheld = [
      ['"\\u0000"', 'nul'],
      ['"\\ud83d"', 'surrogate'],
      ['{"\\ude00":1}', 'surrogate'],
      ['1e400000', 'range'],
      ['1e-20000', 'range'],
    ] as const
    for (const [text, reason] of unheld) {
      await expect(client.query('SELECT $1::jsonb', [text]), text).rejects.toThrow()
      expect(() => codecOf(column('json')).encode(text), text).toThrow(expect.objectContaining({ reason }))
    }
  })

  it('print timestamps as it does', () => agree('timestamp', times, (text) => text))

  it('print integers, booleans and bytes as it does', async () => {
    await agree('integer', fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), String, 5)
    await agree('boolean', fc.constantFrom(0n, 1n), String, 2)
    await agree('bytes', fc.uint8Array(), (bytes) => `\\x${Buffer.from(bytes).toString('hex')}`, 5)
    await agree('text', strings, (text) => text, 5)
  })
})

it.each([
  ['{"a":x}', 5],
  ['[1,"a', 3],
  ['"\\u00', 0],
  ['1 2', 2],
  ['["é" 1]', 6],
])('JSON like %s is broken at byte %i', (text, at) => {
  expect(() => codecOf(column('json')).encode(text)).toThrow(`(byte ${at})`)
})

describe('timestamps of SQLite', () => {
  const { encode } = codecOf(column('timestamp'))

  it.each([
    ['2026-11-21T03:04:05.120Z', '2026-11-21 03:04:05.12+00'],
    ['2026-11-21 03:04:05', '2026-11-21 03:04:05+00'],
    ['2026-11-21T05:04+02:00', '2026-11-21 03:04:00+00'],
    ['2026-11-21T03:04:05.123456789Z', '2026-11-21 03:04:05.123456+00'],
    ['1763694245', '2025-11-21 03:04:05+00'],
    [1763694245n, '2025-11-21 03:04:05+00'],
    [1763694245123n, '2025-11-21 03:04:05.123+00'],
    ['1763694245.25', '2025-11-21 03:04:05.25+00'],
    [-200000000.5, '1963-08-31 04:26:39.5+00'],
    ['2024-02-29T00:00:00.000Z', '2024-02-29 00:00:00+00'],
  ])('reads %s', (value, text) => expect(encode(value)).toBe(text))

  it.each([
    'now',
    'infinity',
    '-infinity',
    '',
    '2026-11-21',
    '2026-02-30T00:00:00.000Z',
    '2026-13-01T00:00:00.000Z',
    '2026-11-21T24:00:00.000Z',
    '2026-11-21T23:60:00.000Z',
    '2026-11-21T23:00:60.000Z',
    '2025-02-29 00:00:00',
    '0',
    7n,
    '12:00',
    '0000-01-01T00:00:00.000Z',
    '1e9',
    '0001-01-01 00:00:00+02',
    '9999999999999999',
    'today',
    '2026-11-21T03:04:05+16',
    '2026-11-2aT03:04:05.123Z',
    new Uint8Array([1]),
  ])('refuses %s', (value) => {
    expect(() => encode(value)).toThrow(expect.objectContaining({ reason: 'timestamp' }))
  })
})

describe('rows that cannot be held', () => {
  const shape: TableShape = {
    table: 'things',
    domain: 'settings',
    key: ['id'],
    parents: [],
    uniques: [],
    columns: [
      {
        name: 'id',
        kind: 'integer',
        pgType: 'integer',
        min: -(2n ** 31n),
        max: 2n ** 31n - 1n,
        nullable: false,
      },
      { name: 'note', kind: 'text', pgType: 'text', nullable: false },
      { name: 'on', kind: 'boolean', pgType: 'boolean', nullable: true },
      { name: 'share', kind: 'float', pgType: 'double precision', nullable: true },
    ],
  }
  const whole: readonly SourceValue[] = [1n, 'a', 1n, 0.5]

  it('are rows where they can', () => expect(encodeRow(shape, whole)).toEqual(['1', 'a', 't', '0.5']))

  it.each([
    [0, 2n ** 31n, 'range'],
    [0, -(2n ** 31n) - 1n, 'range'],
    [0, 'one', 'integer'],
    [0, 1.5, 'integer'],
    [0, null, 'null'],
    [1, 'a\0b', 'nul'],
    [1, new InvalidText(new Uint8Array([0xff, 0x41])), 'utf8'],
    [1, new Uint8Array([0x41]), 'type'],
    [1, 5n, 'type'],
    [1, null, 'null'],
    [2, 2n, 'boolean'],
    [2, 'true', 'boolean'],
    [3, 'many', 'float'],
  ] as const)('column %i with %s is %s', (position, value, reason) => {
    const row = encodeRow(shape, whole.with(position, value))
    if (!isReject(row)) throw new Error('the row was taken')
    expect(row).toMatchObject({ table: 'things', column: shape.columns[position]!.name, reason })
    expect(row.suggestion).not.toBe('')
    expect(Object.keys(row.row)).toEqual(['id', 'note', 'on', 'share'])
  })

  it('are kept whole', () => {
    const row = encodeRow(shape, [7n, new InvalidText(new Uint8Array([0xff, 0x41])), null, -0.25])
    expect(row).toMatchObject({
      key: '["7"]',
      row: {
        id: { class: 'integer', text: '7' },
        note: { class: 'text', text: 'ff41', hex: true },
        on: { class: 'null', text: null },
        share: { class: 'real', text: '-0.25' },
      },
    })
    expect(encodeRow(shape, whole.with(1, 'a\0b'))).toMatchObject({
      row: { note: { class: 'text', text: '610062', hex: true } },
    })
  })

  it.each([
    ['float', 'NaN'],
    ['float', '-0'],
    ['timestamp', 'infinity'],
    ['timestamp', '12026-01-01 00:00:00+00'],
    ['timestamp', '0044-03-15 00:00:00+00 BC'],
  ] as const)('SQLite has no %s %s', (kind, text) => {
    expect(() => codecOf(column(kind)).decode(text)).toThrow(expect.objectContaining({ reason: kind }))
  })
})
