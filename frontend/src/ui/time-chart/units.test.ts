import { describe, expect, test } from 'vitest'
import { axisMaximum, axisScale, axisTicks, formatChartValue, formatTick, tickStep } from './units.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3

describe('axisScale', () => {
  test('picks the binary unit of the largest value for the whole axis', () => {
    expect(axisScale('bytes', 5 * GIB)).toEqual({ divisor: GIB, title: 'GiB' })
    expect(axisScale('bytes_per_second', 3 * MIB).title).toBe('MiB/s')
    expect(axisScale('bytes', 1023).title).toBe('B')
  })

  test('names percent, cores and degrees', () => {
    expect(axisScale('percent', 40).title).toBe('%')
    expect(axisScale('cores', 2).title).toBe('cores')
    expect(axisScale('celsius', 60).title).toBe('°C')
  })

  test('counts uptime in days once there are two of them', () => {
    expect(axisScale('seconds', 2 * 86_400).title).toBe('days')
    expect(axisScale('seconds', 90).title).toBe('s')
  })
})

describe('axisTicks', () => {
  test('steps by 1, 2 or 5 of the printed number', () => {
    expect(axisTicks(0, 100, 'percent', 5)).toEqual([0, 20, 40, 60, 80, 100])
    expect(axisTicks(0, 3, 'cores', 5)).toEqual([0, 1, 2, 3])
    expect(axisTicks(0, 8 * GIB, 'bytes', 5).map((tick) => tick / GIB)).toEqual([0, 2, 4, 6, 8])
  })

  test('steps by powers of two when bytes come near the next unit', () => {
    expect(axisTicks(0, 900 * MIB, 'bytes', 5).map((tick) => tick / MIB)).toEqual([0, 256, 512, 768])
  })

  test('gives whole steps to things that are counted', () => {
    expect(tickStep(2, 'count', 5)).toBe(1)
  })

  test('survives an axis without extent', () => {
    expect(tickStep(0, 'percent', 5)).toBe(1)
    expect(tickStep(Number.NaN, 'bytes', 5)).toBe(1)
  })
})

describe('axisMaximum', () => {
  test('is a labelled tick above the data', () => {
    expect(axisMaximum(43, 'percent', 5)).toBe(50)
    expect(axisMaximum(3.1 * GIB, 'bytes', 5)).toBe(4 * GIB)
  })

  test('keeps an empty axis open', () => {
    expect(axisMaximum(0, 'percent', 5)).toBe(1)
    expect(axisMaximum(0, 'bytes', 5)).toBe(1)
  })
})

test('ticks carry no unit, single values do', () => {
  expect(formatTick(1.5 * GIB, axisScale('bytes', 2 * GIB))).toBe('1.5')
  expect(formatChartValue(1.5 * MIB, 'bytes_per_second')).toBe('1.50 MiB/s')
  expect(formatChartValue(2.5, 'cores')).toBe('2.50 cores')
})
