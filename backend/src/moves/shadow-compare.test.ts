import { describe, expect, it } from 'vitest'
import { differenceOf, isComparable, shapeOf } from './shadow-compare.ts'

describe('a statement is compared', () => {
  it.each([
    'SELECT s.key, s.value FROM settings AS s WHERE s.key = $1',
    'SELECT id FROM audit_log ORDER BY id DESC LIMIT $1',
    'SELECT count(*) AS rows FROM spans AS s WHERE s.start_time < $1 AND s.updated_at > $2',
  ])('%s', (sql) => {
    expect(isComparable(sql)).toBe(true)
  })

  it.each([
    'SELECT id FROM audit_log WHERE created_at > now()',
    'SELECT id FROM sessions WHERE expires_at < CURRENT_TIMESTAMP',
    `SELECT strftime('%s', 'now') AS at`,
    'SELECT id FROM spans ORDER BY random() LIMIT 5',
    'SELECT id FROM audit_log LIMIT 5',
    'SELECT relname FROM pg_class',
    `SELECT name FROM sqlite_master WHERE type = 'table'`,
    'SELECT unit FROM _roles',
    'SELECT level FROM metric_rollups FOR UPDATE',
    { sqlite: 'SELECT 1 AS one', postgres: 'SELECT version() AS one' },
  ])('but not %s', (sql) => {
    expect(isComparable(sql)).toBe(false)
  })
})

describe('answers', () => {
  it('are equal whatever the order of rows and keys, and as far as engines reckon alike', () => {
    const left = [
      { id: 1, at: { b: [1, 2], a: null } },
      { id: 2n, sum: 0.1 + 0.2, bytes: new Uint8Array([1]) },
    ]
    const right = [
      { bytes: Buffer.from([1]), sum: 0.3, id: 2 },
      { at: { a: null, b: [1, 2] }, id: 1 },
    ]
    expect(differenceOf(left, right)).toBeUndefined()
    expect(differenceOf([], [])).toBeUndefined()
  })

  it('that differ are told by columns and numbers of rows', () => {
    const rows = [
      { id: 1, name: 'a', note: null },
      { id: 2, name: 'b', note: '' },
    ]
    expect(differenceOf(rows, [rows[0], { ...rows[1], name: 'secret' }])).toEqual({
      sourceRows: 2,
      mirrorRows: 2,
      columns: ['name'],
    })
    expect(differenceOf(rows, [rows[0]])).toEqual({
      sourceRows: 2,
      mirrorRows: 1,
      columns: ['id', 'name', 'note'],
    })
    // The same values, in other rows.
    const crossed = [
      { id: 1, name: 'b', note: null },
      { id: 2, name: 'a', note: '' },
    ]
    expect(differenceOf(rows, crossed)).toMatchObject({ columns: [] })
    expect(differenceOf([{ one: 1 }], [{ one: '1' }])).toMatchObject({ columns: ['one'] })
    expect(differenceOf([{ note: null }], [{ note: '' }])).toMatchObject({ columns: ['note'] })
  })
})

it('a statement is shown in one line, without texts, and short', () => {
  expect(
    shapeOf(`\n SELECT s.key -- which\n FROM settings AS s\n WHERE s.key = 'it''s' AND s.value = $1`),
  ).toBe(`SELECT s.key FROM settings AS s WHERE s.key = '…' AND s.value = $1`)
  expect(shapeOf(`SELECT ${'x, '.repeat(500)}y`).length).toBe(300)
})
