import { expect, test } from 'vitest'
import { rangeEnds, refreshEveryMs, resolveRange, shiftRange, zoomOut, zoomTo } from './time-range.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const HOUR = 3_600_000

test('a preset ends now', () => {
  const range = resolveRange({ range: '6h' }, 'live')
  expect(rangeEnds(range, NOW)).toEqual({ fromMs: NOW - 6 * HOUR, toMs: NOW })
  expect(range.followsLive).toBe(false)
})

test('without parameters the fallback is shown', () => {
  expect(resolveRange({}, '1h').preset).toBe('1h')
  expect(resolveRange({}, 'live').followsLive).toBe(true)
})

test('absolute ends win over a preset and do not follow', () => {
  const range = resolveRange({ range: '1h', from: NOW - HOUR, to: NOW }, 'live')
  expect(range.preset).toBeNull()
  expect(rangeEnds(range, NOW + HOUR)).toEqual({ fromMs: NOW - HOUR, toMs: NOW })
  expect(refreshEveryMs(range)).toBe(false)
})

test.each([
  { from: NOW, to: NOW - 1 },
  { from: NOW, to: NOW },
  { from: -5, to: NOW },
  { from: 1, to: NOW },
  { from: NOW },
])('senseless ends fall back: %j', (search) => {
  expect(resolveRange(search, '1h').preset).toBe('1h')
})

test('a drag to the left zooms like one to the right', () => {
  expect(zoomTo(NOW, NOW - HOUR)).toEqual({ from: NOW - HOUR, to: NOW })
})

test('a tiny drag is widened to five seconds', () => {
  expect(zoomTo(NOW, NOW + 10)).toEqual({ from: NOW - 2495, to: NOW + 2505 })
})

test('zooming out doubles the span and stops at now', () => {
  expect(zoomOut(NOW - 4 * HOUR, NOW - 2 * HOUR, NOW)).toEqual({ from: NOW - 5 * HOUR, to: NOW - HOUR })
  expect(zoomOut(NOW - HOUR, NOW, NOW)).toEqual({ from: NOW - 2 * HOUR, to: NOW })
})

test('shifting keeps the span and stops at now', () => {
  expect(shiftRange(NOW - 2 * HOUR, NOW, -1, NOW)).toEqual({ from: NOW - 3 * HOUR, to: NOW - HOUR })
  expect(shiftRange(NOW - 2 * HOUR, NOW, 1, NOW)).toEqual({ from: NOW - 2 * HOUR, to: NOW })
})

test('longer ranges are asked for less often', () => {
  expect(refreshEveryMs(resolveRange({ range: '15m' }, 'live'))).toBe(10_000)
  expect(refreshEveryMs(resolveRange({ range: '1y' }, 'live'))).toBe(600_000)
})
