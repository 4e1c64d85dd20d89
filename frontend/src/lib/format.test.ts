import { describe, expect, it } from 'vitest'
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatNumber,
  formatPercent,
  formatRelative,
  formatUtc,
  formatValue,
  shortId,
} from './format.ts'

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1536, '1.50 KiB'],
    [10 * 1024 ** 2, '10.0 MiB'],
    [1003 * 1024 ** 2, '0.98 GiB'],
    [123.4 * 1024 ** 3, '123 GiB'],
    [5000 * 1024 ** 5, '5000 PiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('formatPercent', () => {
  it.each([
    [0, '0 %'],
    [0.01, '< 0.1 %'],
    [12.34, '12.3 %'],
    [99.97, '100 %'],
    [412.6, '413 %'],
  ])('writes %d as %s', (value, text) => {
    expect(formatPercent(value)).toBe(text)
  })
})

describe('formatDuration', () => {
  it.each([
    [850, '850 ms'],
    [5000, '5 s'],
    [725_000, '12 min 5 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [4 * 86_400_000 + 7_300_000, '4 d 2 h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

it('counts an age in one unit, and from nothing', () => {
  expect([0, 1999, 42_000, 179_000].map((ms) => formatAge(0, ms))).toEqual(['0 s', '1 s', '42 s', '2 min'])
})

describe('formatRelative', () => {
  it('counts in the largest whole unit, both ways', () => {
    expect(formatRelative(0, 1999)).toBe('just now')
    expect(formatRelative(0, 42_000)).toBe('42 s ago')
    expect(formatRelative(0, 179_000)).toBe('2 min ago')
    expect(formatRelative(7_200_000, 0)).toBe('in 2 h')
  })
})

it('keeps three significant digits without an exponent', () => {
  expect([0.1234, 1.234, 12.34, 123.4, 1234.5, 7].map(formatNumber)).toEqual([
    '0.123',
    '1.23',
    '12.3',
    '123',
    '1,235',
    '7',
  ])
})

it('names the unit of a metric value', () => {
  expect(formatValue(2048, 'bytes_per_second')).toBe('2.00 KiB/s')
  expect(formatValue(41.26, 'celsius')).toBe('41.3 °C')
  expect(formatValue(90, 'seconds')).toBe('1 min 30 s')
})

it('writes UTC to the second', () => {
  expect(formatUtc(new Date('2026-11-21T03:04:05.678Z'))).toBe('2026-11-21 03:04:05 UTC')
})

it('shortens a digest to twelve characters', () => {
  expect(shortId('sha256:0123456789abcdef')).toBe('0123456789ab')
})
