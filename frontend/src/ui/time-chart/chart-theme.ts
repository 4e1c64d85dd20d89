/** Colours as the canvas needs them: resolved, because a canvas does not know CSS variables. */
export interface ChartTheme {
  text: string
  grid: string
  mark: string
  threshold: string
  background: string
  font: string
  line: (color: string) => string
  fill: (color: string, percent: number) => string
}

/**
 * Reads the theme through a probe element inside the chart, so that any CSS colour (variables, oklch, color-mix) works
 * and the nearest theme wins. Call again after the theme has changed.
 */
export function readChartTheme(probe: HTMLElement): ChartTheme {
  const cache = new Map<string, string>()
  const resolve = (color: string) => {
    const known = cache.get(color)
    if (known !== undefined) return known
    probe.style.color = ''
    probe.style.color = color
    const resolved = getComputedStyle(probe).color
    cache.set(color, resolved)
    return resolved
  }
  return {
    text: resolve('var(--chart-axis)'),
    grid: resolve('var(--chart-grid)'),
    mark: resolve('var(--info)'),
    threshold: resolve('var(--warn)'),
    background: resolve('var(--card)'),
    font: `11px ${getComputedStyle(probe).fontFamily}`,
    line: resolve,
    fill: (color, percent) => resolve(`color-mix(in oklab, ${color} ${percent}%, transparent)`),
  }
}

/** Calls back when the page turns dark or light. Returns a function that stops it. */
export function onThemeChange(callback: () => void): () => void {
  const observer = new MutationObserver(callback)
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  const scheme = window.matchMedia('(prefers-color-scheme: dark)')
  scheme.addEventListener('change', callback)
  return () => {
    observer.disconnect()
    scheme.removeEventListener('change', callback)
  }
}
