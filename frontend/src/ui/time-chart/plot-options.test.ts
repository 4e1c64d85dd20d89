import { expect, test } from 'vitest'
import { lonelyPoints } from './plot-options.ts'

test('points between two gaps are drawn, those of a line are not', () => {
  const data = [
    [0, 1, 2, 3, 4, 5, 6],
    [7, null, 7, 7, null, undefined, 7],
  ]
  expect(lonelyPoints({ data }, 1)).toEqual([0, 6])
})
