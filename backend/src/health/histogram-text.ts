import type { TallyFigures } from '../core/tally.ts'

interface HistogramText {
  readonly name: string
  readonly help: string
  /** What a counted value is multiplied with: 0.001 for milliseconds to seconds. */
  readonly scale: number
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly tally: TallyFigures
  }[]
}

/** A histogram whose values are counted elsewhere, in the text format of Prometheus; empty without a series. */
export function histogramText({ name, help, scale, series }: HistogramText): string {
  if (series.length === 0) return ''
  const lines = series.flatMap(({ labels, tally: { bounds, upTo, count, sum } }) => {
    const bucket = (le: string, value: number) => `${name}_bucket${braced({ ...labels, le })} ${value}`
    return [
      ...bounds.map((bound, i) => bucket(String(scaled(bound, scale)), upTo[i] ?? 0)),
      bucket('+Inf', count),
      `${name}_sum${braced(labels)} ${scaled(sum, scale)}`,
      `${name}_count${braced(labels)} ${count}`,
    ]
  })
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines, ''].join('\n')
}

/** Without the crumbs of binary fractions: 0.3 and not 0.30000000000000004. */
const scaled = (value: number, scale: number) => Number((value * scale).toPrecision(12))

/** Names of units and stores: nothing in them needs an escape. */
function braced(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
