import { chartTexts } from '../../lib/texts/charts.ts'
import { type AlignedChart, type ChartSeries, summarize } from './chart-data.ts'
import { type ChartUnit, formatChartValue } from './units.ts'

interface LegendProps {
  series: readonly ChartSeries[]
  colors: readonly string[]
  hidden: ReadonlySet<string>
  chart: AlignedChart
  unit: ChartUnit
  /** index of the time under the cursor, null to show the last values */
  index: number | null
  onToggle: (key: string) => void
}

/** Above this many lines the legend is a table. */
export const LEGEND_LIMIT = 8

function shownValue(props: LegendProps, column: number): number | null {
  const values = props.chart.columns[column]?.mean ?? []
  if (props.index !== null) return values[props.index] ?? null
  return values.findLast((value) => value !== null) ?? null
}

const figure = (value: number | null, unit: ChartUnit) =>
  value === null ? '–' : formatChartValue(value, unit)

/** A line of names with their values; above eight lines a small table, where they can still be told apart. */
export function ChartLegend(props: LegendProps) {
  return props.series.length > LEGEND_LIMIT ? <LegendTable {...props} /> : <LegendLine {...props} />
}

function LegendLine(props: LegendProps) {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-0.5 px-3 pt-1 pb-2 text-2xs">
      {props.series.map((line, column) => (
        <li key={line.key} className="min-w-0 max-w-full">
          <LegendButton {...props} line={line} column={column}>
            <span className="tabular whitespace-nowrap font-medium text-ink">
              {figure(shownValue(props, column), props.unit)}
            </span>
          </LegendButton>
        </li>
      ))}
    </ul>
  )
}

function LegendTable(props: LegendProps) {
  const rows = props.series
    .map((line, column) => ({ line, column, value: shownValue(props, column), ...summarize(line) }))
    .sort((a, b) => (b.value ?? -1) - (a.value ?? -1))
  return (
    <div className="mx-3 mb-2 max-h-48 overflow-y-auto text-2xs lg:w-80 lg:shrink-0">
      <table className="tabular w-full">
        <thead className="sticky top-0 bg-card text-ink-3">
          <tr>
            <th className="py-1 text-left font-medium">{chartTexts.series}</th>
            <th className="py-1 pl-3 text-right font-medium">{chartTexts.last}</th>
            <th className="py-1 pl-3 text-right font-medium">{chartTexts.mean}</th>
            <th className="py-1 pl-3 text-right font-medium">{chartTexts.max}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.line.key}>
              <td className="max-w-0 truncate">
                <LegendButton {...props} line={row.line} column={row.column} />
              </td>
              <td className="whitespace-nowrap pl-3 text-right font-medium">
                {figure(row.value, props.unit)}
              </td>
              <td className="whitespace-nowrap pl-3 text-right text-ink-2">{figure(row.mean, props.unit)}</td>
              <td className="whitespace-nowrap pl-3 text-right text-ink-2">{figure(row.max, props.unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function LegendButton(
  props: LegendProps & { line: ChartSeries; column: number; children?: React.ReactNode },
) {
  const hidden = props.hidden.has(props.line.key)
  return (
    <button
      type="button"
      aria-pressed={!hidden}
      title={chartTexts.toggleSeries(props.line.label)}
      onClick={() => props.onToggle(props.line.key)}
      className={`inline-flex max-w-full items-center gap-1.5 py-0.5 text-ink-2 hover:text-ink ${hidden ? 'line-through opacity-60' : ''}`}
    >
      <span className="h-0.5 w-3 shrink-0" style={{ background: props.colors[props.column] }} />
      <span className="truncate">{props.line.label}</span>
      {props.children}
    </button>
  )
}
