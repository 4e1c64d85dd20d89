import { expect, test } from 'vitest'
import { shortLabels } from './short-labels.ts'

test.each([
  [
    ['shop-web-1', 'shop-db-1'],
    ['web-1', 'db-1'],
  ],
  [
    ['shop-web-1', 'shop-web-2'],
    ['1', '2'],
  ],
  [
    ['shop-web', 'shopping-web'],
    ['shop-web', 'shopping-web'],
  ],
  [
    ['shop-web', 'shop-worker'],
    ['web', 'worker'],
  ],
  [['alone-1'], ['alone-1']],
  [
    ['same-1', 'same-1'],
    ['1', '1'],
  ],
  [
    ['a-', 'a-b'],
    ['a-', 'b'],
  ],
  [[], []],
])('%j become %j', (names, labels) => {
  expect(shortLabels(names)).toEqual(labels)
})
