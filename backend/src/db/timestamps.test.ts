import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTimestamp, timestamp } from './timestamps.ts'

describe('timestamp', () => {
  it.each([
    ['2026-11-21T03:04:05.123Z', '2026-11-21T03:04:05.123Z'],
    ['2026-11-21T03:04:05.123456Z', '2026-11-21T03:04:05.123456Z'],
    ['2026-11-21T03:04:05.123000Z', '2026-11-21T03:04:05.123Z'],
    ['2026-11-21T03:04:05.123456789Z', '2026-11-21T03:04:05.123456Z'],
    ['2026-11-21T03:04:05.1Z', '2026-11-21T03:04:05.100Z'],
    ['2026-11-21T03:04:05Z', '2026-11-21T03:04:05.000Z'],
    ['2026-11-21T03:04Z', '2026-11-21T03:04:00.000Z'],
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21 03:04:05', '2026-11-21T03:04:05.000Z'],
    ['2026-11-21T03:04:05.5+02:00', '2026-11-21T01:04:05.500Z'],
    ['2026-11-21T03:04:05-0930', '2026-11-21T12:34:05.000Z'],
    ['2026-12-31T23:30:00.000001-01', '2027-01-01T00:30:00.000001Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
  ])('brings %s into the one form', (given, canonical) => {
    expect(timestamp(given)).toBe(canonical)
  })

  it.each(['', 'now', '2026-02-30T00:00:00Z', '2026-13-01', '2026-11-21T25:00:00Z', '12026-01-01T00:00:00Z'])(
    'refuses %j',
    (given) => {
      expect(() => timestamp(given)).toThrow(RangeError)
    },
  )

  it('takes a Date and refuses an invalid one', () => {
    expect(timestamp(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
    expect(() => timestamp(new Date(Number.NaN))).toThrow(RangeError)
  })

  it('keeps the instant of any zone', () => {
    const aDate = fc.date({ min: new Date('0002-01-01'), max: new Date('9998-01-01'), noInvalidDate: true })
    const property = fc.property(aDate, fc.integer({ min: -839, max: 839 }), (date, offset) => {
      const sign = offset < 0 ? '-' : '+'
      const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
      const zone = `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
      const local = new Date(date.getTime() + offset * 60_000).toISOString().replace('Z', zone)
      expect(timestamp(local)).toBe(date.toISOString())
    })
    fc.assert(property)
  })
})

describe('decodeTimestamp', () => {
  it.each([
    ['2026-11-21 03:04:05+00', '2026-11-21T03:04:05.000Z'],
    ['2026-11-21 03:04:05.1+00', '2026-11-21T03:04:05.100Z'],
    ['2026-11-21 03:04:05.123456+00', '2026-11-21T03:04:05.123456Z'],
    ['2026-11-21 05:04:05.123456+02', '2026-11-21T03:04:05.123456Z'],
    ['2026-11-21 03:04:05', '2026-11-21T03:04:05.000Z'],
    ['infinity', 'infinity'],
    ['0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00+00 BC'],
    ['garbage', 'garbage'],
  ])('reads %s', (stored, decoded) => {
    expect(decodeTimestamp(stored)).toBe(decoded)
  })
})
