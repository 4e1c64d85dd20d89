/** Eight colours in Okabe–Ito order, as CSS variables that the theme sets for dark and light. */
const PALETTE_SIZE = 8

export function paletteColor(index: number): string {
  return `var(--chart-${(((index % PALETTE_SIZE) + PALETTE_SIZE) % PALETTE_SIZE) + 1})`
}

/**
 * Gives each key one colour for as long as the map lives, first come first served, so that a device keeps its colour in
 * every panel and when others appear or go.
 */
export function createColorMap(): (key: string) => string {
  const indexes = new Map<string, number>()
  return (key) => {
    let index = indexes.get(key)
    if (index === undefined) {
      index = indexes.size
      indexes.set(key, index)
    }
    return paletteColor(index)
  }
}
