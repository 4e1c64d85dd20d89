import { describe, expect, test } from 'vitest'
import { formatSort, groupRows, keepOrder, parseSort, sortRows } from './table-order.ts'

test('the sort in the URL is a column, a minus turns it round', () => {
  expect(parseSort('-cpu', ['cpu'])).toEqual({ id: 'cpu', descending: true })
  expect(parseSort('cpu', ['cpu'])).toEqual({ id: 'cpu', descending: false })
  expect(parseSort('nonsense', ['cpu'])).toBeUndefined()
  expect(parseSort(undefined, ['cpu'])).toBeUndefined()
  expect(formatSort({ id: 'cpu', descending: true })).toBe('-cpu')
})

describe('sortRows', () => {
  test('counts numbers inside names', () => {
    expect(sortRows(['web-10', 'Web-2', 'api'], (row) => row, false)).toEqual(['api', 'Web-2', 'web-10'])
  })

  test('puts rows without a value last in both directions', () => {
    const rows = [{ v: null }, { v: 1 }, { v: 2 }]
    expect(sortRows(rows, (row) => row.v, false).map((row) => row.v)).toEqual([1, 2, null])
    expect(sortRows(rows, (row) => row.v, true).map((row) => row.v)).toEqual([2, 1, null])
  })

  test('keeps equal rows in their order', () => {
    const rows = [
      { k: 'a', v: 1 },
      { k: 'b', v: 1 },
    ]
    expect(sortRows(rows, (row) => row.v, true).map((row) => row.k)).toEqual(['a', 'b'])
  })
})

test('keepOrder holds still what was there and appends what is new', () => {
  expect(keepOrder(['n', 'c', 'a', 'b'], ['a', 'b', 'gone', 'c'], (row) => row)).toEqual(['a', 'b', 'c', 'n'])
})

describe('groupRows', () => {
  const rows = [
    { key: '1', stack: 'web' },
    { key: '2', stack: null },
    { key: '3', stack: 'api' },
    { key: '4', stack: 'web' },
  ]
  const list = (closed: string[]) =>
    groupRows(
      rows,
      (row) => row.key,
      (row) => row.stack,
      new Set(closed),
      'No stack',
    ).map((item) => (item.kind === 'group' ? `${item.label} (${item.rows.length})` : item.key))

  test('orders groups by name, the rest last', () => {
    expect(list([])).toEqual(['api (1)', '3', 'web (2)', '1', '4', 'No stack (1)', '2'])
  })

  test('leaves out the rows of a closed group', () => {
    expect(list(['group web', 'rest'])).toEqual(['api (1)', '3', 'web (2)', 'No stack (1)'])
  })
})
