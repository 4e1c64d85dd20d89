import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../../test/databases.ts'
import { bucketOf, compareDigests, DigestBuilder, digestHex, digestSql, hash64 } from './digest.ts'
import { rowText } from './row-text.ts'
import type { TableShape } from './types.ts'

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

function digestOf(rows: readonly (readonly (string | null)[])[]) {
  const digest = new DigestBuilder()
  for (const each of rows) {
    const { key, record } = rowText(shape, each)
    digest.add(key, record)
  }
  digest.keepPage()
  return digest.result()
}

describe('row hashes', () => {
  let postgres: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    postgres = await databases.find(({ name }) => name === 'postgres')!.open()
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
          `SELECT ${hash} AS hash, ${bucket} AS bucket, ROW(t.a, t.b, t.c)::text AS record
           FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (a, b, c, n) ORDER BY n`,
          [0, 1, 2].map((i) => rows.map((each) => each[i])),
        )
        const printed = rows.map((each) => rowText(shape, each))
        expect(printed.map(({ record }) => record)).toEqual(found.map(({ record }) => record))
        expect(printed.map(({ record }) => String(hash64(record)))).toEqual(found.map(({ hash }) => hash))
        expect(printed.map(({ key }) => bucketOf(key))).toEqual(found.map(({ bucket }) => Number(bucket)))
      }),
      { numRuns: 30 },
    )
  })

  it('are those of the server for every length', async () => {
    const texts = Array.from({ length: 40 }, (_, length) => 'x'.repeat(length)).concat('y'.repeat(200_000))
    const { rows } = await client.query(
      'SELECT hashtextextended(t, 0) AS hash FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n',
      [texts],
    )
    expect(texts.map((each) => String(hash64(each)))).toEqual(rows.map(({ hash }) => hash))
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
    const bucket = bucketOf('key 500,b')
    for (const changed of [
      rows.with(500, ['key 500', 'b', 'value 50']),
      rows.toSpliced(500, 1),
      [...rows, rows[500]!],
    ]) {
      expect(compareDigests(digest, digestOf(changed))).toEqual([bucket])
      expect(digestHex(digestOf(changed))).not.toBe(digestHex(digest))
    }
  })

  it('sum up what a server sent in parts', () => {
    const rows = Array.from({ length: 300 }, (_, i) => [`key ${i}`, '', null])
    const parts = new DigestBuilder()
    for (const each of rows) {
      const { key, record } = rowText(shape, each)
      parts.addBucket(bucketOf(key), 1, hash64(record))
    }
    expect(compareDigests(parts.result(), digestOf(rows))).toEqual([])
  })

  it('do not count a page that was dropped', () => {
    const digest = new DigestBuilder()
    digest.add('a', '(a)')
    digest.dropPage()
    digest.keepPage()
    expect(digest.result().rows).toBe(0)
  })
})
