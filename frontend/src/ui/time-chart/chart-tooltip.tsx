import type { AlignedChart, ChartSeries } from './chart-data.ts'
import type { ChartMark } from './plot-options.ts'
import { formatCursorTime } from './time-axis.ts'
import { type ChartUnit, formatChartValue } from './units.ts'

const MAX_LINES = 12

interface TooltipProps {
  series: readonly ChartSeries[]
  colors: readonly string[]
  hidden: ReadonlySet<string>
  chart: AlignedChart
  unit: ChartUnit
  index: number
  /** px from the left edge of the plotting area's parent */
  left: number
  /** the tooltip stays inside this width */
  width: number
  spanMs: number
  marks: readonly ChartMark[]
  moreText: (count: number) => string
}

/** Values of all lines at one time, largest first. The text is data from the fleet: rendered as text only. */
export function ChartTooltip(props: TooltipProps) {
  const { chart, index, unit } = props
  const time = chart.times[index]
  if (time === undefined) return null
  const rows = props.series
    .map((line, column) => ({
      key: line.key,
      label: line.label,
      color: props.colors[column],
      value: chart.columns[column]?.mean[index] ?? null,
      min: chart.columns[column]?.min?.[index] ?? null,
      max: chart.columns[column]?.max?.[index] ?? null,
    }))
    .filter((row) => row.value !== null && !props.hidden.has(row.key))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
  const toLeft = props.left > props.width / 2
  return (
    <div
      aria-hidden
      className="pointer-events-none absolute top-2 z-20 max-w-[min(20rem,70%)] rounded-md border border-line-strong/60 bg-card px-2.5 py-2 text-2xs shadow-[var(--popover-shadow)]"
      style={toLeft ? { right: props.width - props.left + 12 } : { left: props.left + 12 }}
    >
      <div className="tabular mb-1 text-ink-3">{formatCursorTime(time, props.spanMs)}</div>
      <table className="tabular w-full border-spacing-0">
        <tbody>
          {rows.slice(0, MAX_LINES).map((row) => (
            <tr key={row.key}>
              <td className="max-w-40 truncate pr-3 text-ink-2">
                <span
                  className="mr-1.5 inline-block h-0.5 w-2.5 align-middle"
                  style={{ background: row.color }}
                />
                {row.label}
              </td>
              <td className="whitespace-nowrap text-right font-medium">
                {formatChartValue(row.value ?? 0, unit)}
              </td>
              {row.min !== null && row.max !== null && row.min !== row.max && (
                <td className="whitespace-nowrap pl-2 text-right text-ink-3">
                  {formatChartValue(row.min, unit)} – {formatChartValue(row.max, unit)}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_LINES && (
        <div className="mt-1 text-ink-3">{props.moreText(rows.length - MAX_LINES)}</div>
      )}
      {props.marks.map((mark) => (
        <div key={`${mark.timeMs} ${mark.label}`} className="mt-1 flex items-baseline gap-1.5 text-info">
          <span aria-hidden>▴</span>
          <span className="break-words">{mark.label}</span>
        </div>
      ))}
    </div>
  )
}
