import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { compareDigests, DigestBuilder, digestHex, digestSql, hash64 } from './digest.ts'
import { RowBytes } from './row-bytes.ts'
import type { CanonicalRow, TableShape } from './types.ts'

const columns = ['a', 'b', 'c'].map(
  (name) => ({ name, kind: 'text', pgType: 'text', nullable: true }) as const,
)
const shape: TableShape = {
  table: 'rows',
  domain: 'settings',
  columns,
  key: ['a', 'b'],
  parents: [],
  uniques: [],
}
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    'Z',
    '0',
    ' ',
    '"',
    '\\',
    '(',
    ')',
    ',',
    '\n',
    '\t',
    '\r',
    '\v',
    '\f',
    'é',
    '日',
    '😀',
    '\u00a0',
    '\u0085',
    '\u2028',
  ),
  maxLength: 40,
})
const row = fc.tuple(text, text, fc.option(text))

const written = new RowBytes(shape)

/** The row as it is hashed. */
function hashed(row: CanonicalRow): { readonly hash: string; readonly bucket: number } {
  written.clear()
  written.addCanonical(row)
  return { hash: String(hash64(written)), bucket: written.bucket }
}

function digestOf(rows: readonly CanonicalRow[]) {
  const digest = new DigestBuilder()
  for (const each of rows) {
    hashed(each)
    digest.add(written)
  }
  digest.keepPage()
  return digest.result()
}

describe('row hashes', () => {
  let postgres: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    postgres = await openDatabase('postgres')
    client = new pg.Client(postgres.location)
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await postgres.close()
  })

  it('are those of the server', async () => {
    const { row: hash, bucket } = digestSql(shape)
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 50, maxLength: 100 }), async (rows) => {
        const { rows: found } = await client.query(
          `SELECT ${hash} AS hash, ${bucket} AS bucket
           FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (a, b, c, n) ORDER BY n`,
          [0, 1, 2].map((i) => rows.map((each) => each[i])),
        )
        expect(rows.map(hashed)).toEqual(
          found.map((each) => ({ hash: each.hash, bucket: Number(each.bucket) })),
        )
      }),
      { numRuns: 30 },
    )
  })

  it('are those of the server for every length', async () => {
    const texts = Array.from({ length: 40 }, (_, length) => 'x'.repeat(length)).concat('y'.repeat(200_000))
    const { rows } = await client.query(
      `SELECT ${digestSql(shape).row} AS hash
       FROM (SELECT u.a, '' AS b, NULL AS c, u.n FROM unnest($1::text[]) WITH ORDINALITY AS u (a, n)) AS t ORDER BY n`,
      [texts],
    )
    expect(texts.map((each) => hashed([each, '', null]).hash)).toEqual(rows.map(({ hash }) => hash))
  })
})

describe('digests', () => {
  it('do not depend on the order of rows', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 50 }), (rows) => {
        const digest = digestOf(rows)
        expect(compareDigests(digest, digestOf(rows.toReversed()))).toEqual([])
        expect(digestHex(digest)).toBe(digestHex(digestOf(rows.toReversed())))
      }),
    )
  })

  it('tell one changed value, one missing row and one twice', () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => [`key ${i}`, 'b', `value ${i}`])
    const digest = digestOf(rows)
    const bucket = hashed(['key 500', 'b', '']).bucket
    for (const changed of [
      rows.with(500, ['key 500', 'b', 'value 50']),
      rows.toSpliced(500, 1),
      [...rows, rows[500]!],
    ]) {
      expect(compareDigests(digest, digestOf(changed))).toEqual([bucket])
      expect(digestHex(digestOf(changed))).not.toBe(digestHex(digest))
    }
  })

  it('tell two rows of one bucket that have exchanged a value', () => {
    const byBucket = new Map<number, string>()
    for (let i = 0; ; i++) {
      const key = `key ${i}`
      const { bucket } = hashed([key, 'b', ''])
      const other = byBucket.get(bucket)
      byBucket.set(bucket, key)
      if (other === undefined) continue
      const rows = (first: string, second: string) => [
        [key, 'b', first],
        [other, 'b', second],
      ]
      expect(compareDigests(digestOf(rows('x', 'y')), digestOf(rows('y', 'x')))).toEqual([bucket])
      break
    }
  })

  it('sum up what a server sent in parts', () => {
    const rows = Array.from({ length: 300 }, (_, i) => [`key ${i}`, '', null])
    const parts = new DigestBuilder()
    for (const each of rows) {
      const { hash, bucket } = hashed(each)
      parts.addBucket(bucket, 1, BigInt(hash))
    }
    expect(compareDigests(parts.result(), digestOf(rows))).toEqual([])
  })

  it('do not count a page that was dropped', () => {
    const digest = new DigestBuilder()
    digest.add(written)
    digest.dropPage()
    digest.keepPage()
    expect(digest.result().rows).toBe(0)
  })
})
