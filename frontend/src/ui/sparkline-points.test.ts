import { expect, test } from 'vitest'
import { sparklinePoints } from './sparkline-points.ts'

test('spreads values over the width, largest on top', () => {
  expect(sparklinePoints([0, 5, 10], 100, 20)).toEqual(['0,20 50,10 100,0'])
})

test('breaks at a gap; a lone value is a dot', () => {
  expect(sparklinePoints([10, null, 0, 10], 90, 20)).toEqual(['0,0 0,0', '60,20 90,0'])
})

test('keeps a given top of the scale unless values pass it', () => {
  expect(sparklinePoints([50, 50], 100, 20, 100)).toEqual(['0,10 100,10'])
  expect(sparklinePoints([200, 0], 100, 20, 100)).toEqual(['0,0 100,20'])
})

test('draws nothing of nothing, and zero at the bottom', () => {
  expect(sparklinePoints([], 100, 20)).toEqual([])
  expect(sparklinePoints([null, null], 100, 20)).toEqual([])
  expect(sparklinePoints([0, 0], 100, 20)).toEqual(['0,20 100,20'])
})
