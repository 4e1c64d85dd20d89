const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Three significant digits, never an exponent: 0.123, 1.23, 12.3, 123, 1,234. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 99.95 || Number.isInteger(value)) return plain.format(value)
  const digits = size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3
  return value.toFixed(digits)
}

/** A whole number with separators, for things that are counted. */
export const formatCount = (value: number): string => plain.format(value)

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Splits bytes into figure and binary unit; steps up before four digits are needed (0.98 GiB, not 1,003 MiB). */
export function bytesParts(bytes: number): { figure: string; unit: string } {
  let value = bytes
  let step = 0
  while (Math.abs(value) >= 999.5 && step < BINARY_UNITS.length - 1) {
    value /= 1024
    step += 1
  }
  return { figure: step === 0 ? plain.format(value) : threeDigits(value), unit: BINARY_UNITS[step] ?? 'PiB' }
}

const threeDigits = (value: number): string => {
  const size = Math.abs(value)
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)
}

export function formatBytes(bytes: number): string {
  const { figure, unit } = bytesParts(bytes)
  return `${figure} ${unit}`
}

export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`

/** `value` is already in percent: 12.34 → "12.3 %". Tiny but not zero stays visible as "< 0.1 %". */
export function formatPercent(value: number): string {
  if (value > 0 && value < 0.05) return '< 0.1 %'
  return `${value.toFixed(Math.abs(value) >= 99.95 || value === 0 ? 0 : 1)} %`
}

/** A value with the unit its metric is stored in. */
export function formatValue(value: number, unit: string): string {
  switch (unit) {
    case 'bytes':
      return formatBytes(value)
    case 'bytes_per_second':
      return formatRate(value)
    case 'percent':
      return formatPercent(value)
    case 'celsius':
      return `${value.toFixed(1)} °C`
    case 'seconds':
      return formatDuration(value * 1000)
    default:
      return formatNumber(value)
  }
}

const DURATION_STEPS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** The two largest units: "3 d 4 h", "12 min 5 s", "850 ms". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const parts: string[] = []
  let rest = ms
  for (const [unit, size] of DURATION_STEPS) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
    rest -= count * size
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** "just now", "42 s ago", "3 min ago", "in 2 h". One unit only: the exact time is on hover. */
export function formatRelative(atMs: number, nowMs: number): string {
  if (Math.abs(nowMs - atMs) < 2000) return 'just now'
  const age = formatAge(atMs, nowMs)
  return nowMs >= atMs ? `${age} ago` : `in ${age}`
}

/** "0 s", "42 s", "3 min": how far two instants are apart, in one unit, where it is clear which way. */
export function formatAge(atMs: number, nowMs: number): string {
  const size = Math.abs(nowMs - atMs)
  const [unit, length] = DURATION_STEPS.find(([, step]) => size >= step) ?? ['s', 1000]
  return `${Math.floor(size / length)} ${unit}`
}

const two = (value: number) => String(value).padStart(2, '0')

/** `2026-11-21 03:04:05` in the viewer's zone. */
export function formatLocal(date: Date): string {
  return `${formatLocalDate(date)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

export const formatLocalDate = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`

/** `2026-11-21 03:04:05 UTC`. */
export const formatUtc = (date: Date): string => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** First twelve characters of an id or digest, without its `sha256:`. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)
