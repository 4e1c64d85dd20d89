/** Words that several checks use for the same thing. */

export function bytes(value: number): string {
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let size = value
  let step = 0
  while (size >= 1000 && step < steps.length - 1) {
    size /= 1024
    step++
  }
  return `${size < 10 && step > 0 ? size.toFixed(1) : Math.round(size)} ${steps[step]}`
}

/** `45 s`, `3 min`, `5 h`, `12 days`. */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

export const counted = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

/** The first few of many, and how many more there are. */
export function some(texts: readonly string[], most = 5): string {
  const rest = texts.length - most
  return texts.slice(0, most).join('; ') + (rest > 0 ? `; and ${rest} more` : '')
}
