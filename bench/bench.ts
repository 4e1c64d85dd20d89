import { cpus, totalmem } from 'node:os'

export interface BenchResult {
  readonly name: string
  readonly figures: Readonly<Record<string, unknown>>
  readonly ratios: Readonly<Record<string, unknown>>
  /** What a reader needs to know about how it was measured. */
  readonly notes?: readonly string[]
}

export const quick = process.argv.includes('--quick')
const onlyJson = process.argv.includes('--json')

/** A line for the person who watches; silent with `--json`. */
export function say(text: string): void {
  if (!onlyJson) console.log(text)
}

/** Ends a benchmark: its result with the machine it ran on, as one JSON object on the last line. */
export function report(result: BenchResult): void {
  console.log(JSON.stringify({ ...result, machine: machine() }))
}

function machine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    at: new Date().toISOString(),
  }
}

/** @throws RangeError without values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Nearest rank; `share` between 0 and 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]
  if (value === undefined) throw new RangeError('No values')
  return value
}

export function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value)
}

/** Keeps figures readable: three significant digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
