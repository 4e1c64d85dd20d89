import { expect, test } from 'vitest'
import { alignSeries } from './chart-data.ts'
import { chartToCsv, toCsv } from './csv.ts'

test('quotes commas, quotes and line breaks', () => {
  expect(
    toCsv(
      ['a', 'b'],
      [
        ['x,y', 'say "hi"'],
        ['two\nlines', 1.5],
      ],
    ),
  ).toBe('a,b\r\n"x,y","say ""hi"""\r\n"two\nlines",1.5\r\n')
})

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx'])('disarms the formula %j', (cell) => {
  expect(toCsv(['h'], [[cell]]).split('\r\n')[1]).toContain(`'${cell}`)
})

test('leaves negative numbers as numbers and gaps empty', () => {
  expect(toCsv(['h', 'i'], [[-1, null]])).toBe('h,i\r\n-1,\r\n')
})

test('a chart becomes one row per time with minimum and maximum beside the mean', () => {
  const series = [
    { key: 'a', label: 'eth0', times: [0, 1000], mean: [1, null], min: [0, null], max: [2, null] },
    { key: 'b', label: '=evil', times: [0, 1000], mean: [5, 6] },
  ]
  expect(chartToCsv(series, alignSeries(series, 1000))).toBe(
    "time,eth0,eth0 min,eth0 max,'=evil\r\n" +
      '1970-01-01T00:00:00.000Z,1,0,2,5\r\n' +
      '1970-01-01T00:00:01.000Z,,,,6\r\n',
  )
})
