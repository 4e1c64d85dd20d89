import { formatNumber, formatValue } from '../../lib/format.ts'

/** What a number on a chart measures; decides the axis steps, the axis title and how a value reads. */
export type ChartUnit =
  | 'percent'
  | 'cores'
  | 'bytes'
  | 'bytes_per_second'
  | 'celsius'
  | 'seconds'
  | 'count'
  | 'load'

export interface AxisScale {
  /** raw values are divided by this before they are printed on the axis */
  divisor: number
  /** printed once as the axis title: 'MiB/s', '%', … ('' when the numbers speak for themselves) */
  title: string
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

const TIME_STEPS = [
  { seconds: 86_400, title: 'days' },
  { seconds: 3_600, title: 'hours' },
  { seconds: 60, title: 'min' },
  { seconds: 1, title: 's' },
] as const

function binaryScale(maximum: number, suffix: string): AxisScale {
  let step = 0
  let divisor = 1
  while (Math.abs(maximum) >= divisor * 1024 && step < BINARY.length - 1) {
    step += 1
    divisor *= 1024
  }
  return { divisor, title: `${BINARY[step] ?? 'B'}${suffix}` }
}

/**
 * One scale for a whole axis, so that neighbouring ticks never carry different units.
 *
 * @param maximum the largest value drawn, in the base unit.
 */
export function axisScale(unit: ChartUnit, maximum: number): AxisScale {
  switch (unit) {
    case 'bytes':
      return binaryScale(maximum, '')
    case 'bytes_per_second':
      return binaryScale(maximum, '/s')
    case 'percent':
      return { divisor: 1, title: '%' }
    case 'cores':
      return { divisor: 1, title: 'cores' }
    case 'celsius':
      return { divisor: 1, title: '°C' }
    case 'seconds': {
      const step = TIME_STEPS.find((candidate) => Math.abs(maximum) >= candidate.seconds * 2)
      return { divisor: step?.seconds ?? 1, title: step?.title ?? 's' }
    }
    case 'count':
    case 'load':
      return { divisor: 1, title: '' }
  }
}

/**
 * Distance between two ticks, in the base unit: 1, 2 or 5 times a power of ten of the *printed* number; for bytes powers
 * of two, so that an axis reads 4, 8, 12, 16 GiB and 256, 512, 768 MiB, where memory and disks have their round numbers.
 */
export function tickStep(span: number, unit: ChartUnit, maxTicks: number): number {
  if (!(span > 0) || maxTicks < 1) return 1
  const { divisor } = axisScale(unit, span)
  const rough = span / divisor / maxTicks
  if ((unit === 'bytes' || unit === 'bytes_per_second') && rough > 1) {
    return 2 ** Math.ceil(Math.log2(rough)) * divisor
  }
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * magnitude >= rough * (1 - 1e-9)) ?? 10
  const step = factor * magnitude
  // Whole things have no half ticks.
  return (unit === 'count' && step < 1 ? 1 : step) * divisor
}

/** Multiples of the step from `minimum` to `maximum`, both in the base unit. */
export function axisTicks(minimum: number, maximum: number, unit: ChartUnit, maxTicks: number): number[] {
  const step = tickStep(maximum - minimum, unit, maxTicks)
  // Math.ceil gives -0 for a minimum of 0, which would print as such.
  const first = Math.ceil(minimum / step - 1e-9) + 0
  const last = Math.floor(maximum / step + 1e-9)
  const ticks: number[] = []
  for (let index = first; index <= last && ticks.length < 50; index += 1) ticks.push(index * step)
  return ticks
}

/** Rounds an axis maximum up to a tick, so that the topmost line of the grid is labelled. */
export function axisMaximum(dataMaximum: number, unit: ChartUnit, maxTicks: number): number {
  if (!(dataMaximum > 0)) return unit === 'percent' ? 1 : axisScale(unit, 1).divisor
  const padded = dataMaximum * 1.05
  const step = tickStep(padded, unit, maxTicks)
  return Math.ceil(padded / step - 1e-9) * step
}

export function formatTick(value: number, scale: AxisScale): string {
  const shown = value / scale.divisor
  return shown.toLocaleString('en', { maximumFractionDigits: Math.abs(shown) >= 10 ? 1 : 3 })
}

/** A single value with its own unit: '1.23 MiB/s', '37.5 %', '1.5 cores'. */
export function formatChartValue(value: number, unit: ChartUnit): string {
  return unit === 'cores' ? `${formatNumber(value)} cores` : formatValue(value, unit)
}
