import { expect, test } from 'vitest'
import { fitColumns } from './fit-columns.ts'

const columns = [
  { id: 'name', minWidth: 200, priority: 1 },
  { id: 'image', minWidth: 200, priority: 4 },
  { id: 'state', minWidth: 100, priority: 2 },
  { id: 'cpu', minWidth: 100, priority: 2 },
]

test('shows all where there is room', () => {
  expect(fitColumns(columns, 600)).toEqual(['name', 'image', 'state', 'cpu'])
})

test('drops the least important first and keeps the order', () => {
  expect(fitColumns(columns, 599)).toEqual(['name', 'state', 'cpu'])
  expect(fitColumns(columns, 350)).toEqual(['name', 'state'])
})

test('never drops what matters most', () => {
  expect(fitColumns(columns, 0)).toEqual(['name'])
})
