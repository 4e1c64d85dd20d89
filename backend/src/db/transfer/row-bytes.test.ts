import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { encodeRow, isReject, type SourceValue } from './codecs.ts'
import { digestSql, hash64 } from './digest.ts'
import { copyHeader, copyTrailer, type FastValue, RowBytes } from './row-bytes.ts'
import { columnList } from './rows-sql.ts'
import type { TableShape } from './types.ts'

const column = (name: string, kind: TableShape['columns'][number]['kind'], pgType: string) => ({
  name,
  kind,
  pgType,
  nullable: name !== 'id',
})
const shape: TableShape = {
  table: 'things',
  domain: 'settings',
  columns: [
    column('name', 'text', 'text'),
    { ...column('id', 'integer', 'integer'), min: -(2n ** 31n), max: 2n ** 31n - 1n },
    { ...column('size', 'integer', 'bigint'), min: -(2n ** 63n), max: 2n ** 63n - 1n },
    column('share', 'float', 'double precision'),
    column('active', 'boolean', 'boolean'),
    column('at', 'timestamp', 'timestamp with time zone'),
    column('details', 'json', 'jsonb'),
    column('image', 'bytes', 'bytea'),
  ],
  key: ['id', 'name'],
  parents: [],
  uniques: [],
}

const character = fc.constantFrom('a', 'Z', ' ', '"', '\\', '\t', '\n', '\r', '\u007f', 'é', '日', '😀')
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 8 }),
  fc.string({ unit: character, minLength: 40, maxLength: 60 }),
)
const time = fc
  .tuple(
    fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }),
    fc.integer({ min: 0, max: 999_999 }),
    fc.constantFrom(3, 6),
  )
  .map(([date, micros, digits]) => {
    const fraction = String(micros).padStart(6, '0').slice(0, digits)
    return `${date.toISOString().slice(0, 19)}.${fraction}Z`
  })
/** As SQLite's driver gives it when it is not asked for exactness. */
const row = fc.tuple(
  text,
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.option(fc.maxSafeInteger()),
  fc.option(fc.double({ noNaN: true }).map((value) => value + 0 || 0)),
  fc.option(fc.constantFrom(0, 1)),
  fc.option(time),
  fc.option(fc.json({ stringUnit: character })),
  fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
)

/** The same values, read exactly. */
const exactly = (read: readonly FastValue[]): SourceValue[] =>
  read.map((value, i) => (typeof value === 'number' && i !== 3 ? BigInt(value) : value))

function canonical(read: readonly FastValue[]) {
  const found = encodeRow(shape, exactly(read))
  if (isReject(found)) throw new Error(found.message)
  return found
}

describe('rows as bytes', () => {
  let postgres: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    postgres = await openDatabase('postgres')
    client = new pg.Client(postgres.location)
    await client.connect()
    await client.query(`SET timezone = 'UTC'`)
    const columns = shape.columns.map(({ name, pgType }) => `"${name}" ${pgType}`)
    await client.query(`CREATE TABLE things (${columns.join(', ')}, n serial)`)
  })
  afterAll(async () => {
    await client.end()
    await postgres.close()
  })

  it('are taken by the server as they are in canonical form, and hashed as it hashes them', async () => {
    const { row: hash, bucket } = digestSql(shape)
    const names = shape.columns.map(({ name }) => `"${name}"`).join(', ')
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 50, maxLength: 100 }), async (rows) => {
        await client.query('TRUNCATE things RESTART IDENTITY')
        const bytes = new RowBytes(shape)
        const hashes = rows.map((each) => {
          expect(bytes.addRead(each)).toBe(true)
          return [String(hash64(bytes)), String(bytes.bucket)]
        })
        const taken = Buffer.from(bytes.bytes)
        bytes.clear()
        await pipeline(
          [copyHeader, taken, copyTrailer],
          client.query(copyFrom(`COPY things (${names}) FROM STDIN (FORMAT binary)`)),
        )
        const found = await client.query({
          text: `SELECT ${hash}, ${bucket}, ${columnList(shape)} FROM things AS t ORDER BY n`,
          rowMode: 'array',
          types: { getTypeParser: () => (value: string) => value },
        })
        expect(found.rows.map((each) => each.slice(2))).toEqual(rows.map(canonical))
        expect(found.rows.map((each) => each.slice(0, 2))).toEqual(hashes)
        for (const each of rows) bytes.addCanonical(canonical(each))
        expect(bytes.bytes.equals(taken)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('hold large numbers and texts with the replacement character in canonical form', async () => {
    const rows = [
      [
        '\ufffd',
        '1',
        '9223372036854775807',
        'Infinity',
        't',
        '2300-01-01 00:00:00.000001+00',
        '"\ufffd"',
        '\\x00',
      ],
      [
        'x'.repeat(400_000),
        '2',
        '-9223372036854775808',
        '5e-324',
        'f',
        '0001-01-01 00:00:00+00',
        null,
        '\\x',
      ],
    ]
    await client.query('TRUNCATE things RESTART IDENTITY')
    const bytes = new RowBytes(shape)
    const hashes = rows.map((each) => {
      bytes.addCanonical(each)
      return String(hash64(bytes))
    })
    const names = shape.columns.map(({ name }) => `"${name}"`).join(', ')
    await pipeline(
      [copyHeader, bytes.bytes, copyTrailer],
      client.query(copyFrom(`COPY things (${names}) FROM STDIN (FORMAT binary)`)),
    )
    const found = await client.query({
      text: `SELECT ${digestSql(shape).row}, ${columnList(shape)} FROM things AS t ORDER BY n`,
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    })
    expect(found.rows).toEqual(rows.map((each, i) => [hashes[i], ...each]))
  })

  it.each([
    [0, 'a\0b'],
    [0, `${'é'.repeat(60)}\0`],
    [0, 'a \ufffd'],
    [0, 5],
    [1, null],
    [1, 2 ** 31],
    [1, 1.5],
    [1, 'one'],
    [2, 2 ** 53],
    [3, 'half'],
    [4, 2],
    [5, '2026-02-30T00:00:00.000Z'],
    [5, '2026-11-21'],
    [5, '2026-11-21T03:04:05Zabcd'],
    [5, 1_763_694_245],
    [6, '{"a":'],
    [6, '"\\ud800"'],
    [6, '"\ufffd"'],
    [7, 'text'],
  ])('take a second look at column %i with %j, and keep what came before', (place, value) => {
    const whole: FastValue[] = ['n', 1, 2, 0.5, 1, '2026-11-21T03:04:05.123Z', '{}', Buffer.from([1])]
    const bytes = new RowBytes(shape)
    expect(bytes.addRead(whole)).toBe(true)
    const { length } = bytes
    expect(bytes.addRead(whole.with(place, value))).toBe(false)
    expect(bytes.length).toBe(length)
  })
})
