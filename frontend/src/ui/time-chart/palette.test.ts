import { expect, test } from 'vitest'
import { createColorMap, paletteColor } from './palette.ts'

test('colours go round after eight', () => {
  expect(paletteColor(0)).toBe('var(--chart-1)')
  expect(paletteColor(8)).toBe('var(--chart-1)')
  expect(paletteColor(7)).toBe('var(--chart-8)')
})

test('a key keeps its colour whatever comes after it', () => {
  const colorOf = createColorMap()
  const eth0 = colorOf('eth0')
  expect(colorOf('wlan0')).not.toBe(eth0)
  expect(colorOf('eth0')).toBe(eth0)
})
