import { describe, expect, test } from 'vitest'
import { alignSeries, appendLive, type ChartSeries, chartMaximum, summarize } from './chart-data.ts'

const line = (
  key: string,
  points: [number, number | null][],
  more: Partial<ChartSeries> = {},
): ChartSeries => ({
  key,
  label: key,
  times: points.map(([time]) => time),
  mean: points.map(([, value]) => value),
  ...more,
})

describe('alignSeries', () => {
  test('keeps lines on the same times as they are', () => {
    const chart = alignSeries(
      [
        line('a', [
          [0, 1],
          [10, 2],
        ]),
        line('b', [
          [0, 3],
          [10, null],
        ]),
      ],
      10,
    )
    expect(chart.times).toEqual([0, 10])
    expect(chart.columns.map((column) => column.mean)).toEqual([
      [1, 2],
      [3, null],
    ])
  })

  test('breaks a line where more than three steps are missing', () => {
    const chart = alignSeries(
      [
        line('a', [
          [0, 1],
          [10, 2],
          [60, 3],
        ]),
      ],
      10,
    )
    expect(chart.times).toEqual([0, 10, 35, 60])
    expect(chart.columns[0]?.mean).toEqual([1, 2, null, 3])
  })

  test('does not break a line at three steps', () => {
    expect(
      alignSeries(
        [
          line('a', [
            [0, 1],
            [30, 2],
          ]),
        ],
        10,
      ).times,
    ).toEqual([0, 30])
  })

  test('bridges times that only another line has', () => {
    const chart = alignSeries(
      [
        line('a', [
          [0, 0],
          [10, 10],
        ]),
        line('b', [[5, 7]]),
      ],
      10,
    )
    expect(chart.times).toEqual([0, 5, 10])
    expect(chart.columns[0]?.mean).toEqual([0, 5, 10])
    expect(chart.columns[1]?.mean).toEqual([null, 7, null])
  })

  test('does not bridge over a null of the line itself', () => {
    const chart = alignSeries(
      [
        line('a', [
          [0, 0],
          [10, null],
          [20, 4],
        ]),
        line('b', [
          [5, 1],
          [15, 1],
        ]),
      ],
      10,
    )
    expect(chart.columns[0]?.mean).toEqual([0, null, null, null, 4])
  })

  test('carries the band along', () => {
    const chart = alignSeries(
      [
        line(
          'a',
          [
            [0, 2],
            [10, 3],
          ],
          { min: [1, 1], max: [5, 6] },
        ),
      ],
      10,
    )
    expect(chart.columns[0]).toEqual({ mean: [2, 3], min: [1, 1], max: [5, 6] })
    expect(chartMaximum(chart, 0, 10)).toBe(6)
    expect(chartMaximum(chart, 0, 5)).toBe(5)
    expect(chartMaximum(chart, 0, 10, () => false)).toBe(0)
  })

  test('has nothing to draw without lines', () => {
    expect(alignSeries([], 10)).toEqual({ times: [], columns: [] })
  })
})

describe('appendLive', () => {
  const history = line('a', [
    [0, 1],
    [10, 2],
  ])

  test('adds only samples newer than the history', () => {
    const joined = appendLive(history, { times: [5, 10, 11], values: [9, 9, 3] }, 0)
    expect(joined.times).toEqual([0, 10, 11])
    expect(joined.mean).toEqual([1, 2, 3])
  })

  test('leaves out what lies before the range', () => {
    const joined = appendLive(line('a', []), { times: [5, 10, 11], values: [1, 2, 3] }, 10)
    expect(joined.times).toEqual([10, 11])
  })

  test('gives live samples a band of their own value when the history has one', () => {
    const joined = appendLive({ ...history, min: [0, 0], max: [4, 4] }, { times: [11], values: [3] }, 0)
    expect([joined.min, joined.max]).toEqual([
      [0, 0, 3],
      [4, 4, 3],
    ])
  })

  test('is the history when nothing came', () => {
    expect(appendLive(history, undefined, 0)).toBe(history)
    expect(appendLive(history, { times: [3], values: [3] }, 0)).toBe(history)
  })
})

test('summarize takes the peak from the band and skips gaps', () => {
  expect(
    summarize(
      line(
        'a',
        [
          [0, 2],
          [10, null],
          [20, 4],
        ],
        { min: [1, null, 1], max: [9, null, 5] },
      ),
    ),
  ).toEqual({
    last: 4,
    mean: 3,
    max: 9,
  })
  expect(summarize(line('a', [[0, null]]))).toEqual({ last: null, mean: null, max: null })
})
