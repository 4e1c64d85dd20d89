import { formatLocal, formatUtc } from '../../lib/format.ts'
import { chartTexts } from '../../lib/texts/charts.ts'
import type { AlignedChart, ChartSeries } from './chart-data.ts'
import { type ChartUnit, formatChartValue } from './units.ts'

const MAX_ROWS = 500

/** The numbers of a chart, newest first: for screen readers, and for whoever wants to read them off exactly. */
export function ChartTable(props: {
  title: string
  series: readonly ChartSeries[]
  chart: AlignedChart
  unit: ChartUnit
  height: number
}) {
  const { chart, unit } = props
  // Times at which no line has a value only mark a gap.
  const indexes = chart.times
    .map((_, index) => index)
    .filter((index) => chart.columns.some((column) => column.mean[index] !== null))
  const shown = indexes.slice(-MAX_ROWS).reverse()
  const cell = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : formatChartValue(value, unit)
  return (
    <section
      className="overflow-auto px-3 text-2xs"
      style={{ height: props.height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard.
      tabIndex={0}
      aria-label={props.title}
    >
      <table className="tabular w-full">
        <caption className="pb-1 text-left text-ink-3">
          {chartTexts.tableCaption(props.title, shown.length, indexes.length)}
        </caption>
        <thead className="sticky top-0 bg-card text-ink-3">
          <tr>
            <th scope="col" className="py-1 pr-4 text-left font-medium">
              {chartTexts.time}
            </th>
            {props.series.map((line, column) => (
              <HeadCells key={line.key} label={line.label} band={chart.columns[column]?.min !== null} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((index) => {
            const time = new Date(chart.times[index] ?? 0)
            return (
              <tr key={chart.times[index]} className="border-t border-line">
                <th
                  scope="row"
                  className="whitespace-nowrap py-0.5 pr-4 text-left font-normal text-ink-2"
                  title={formatUtc(time)}
                >
                  {formatLocal(time)}
                </th>
                {props.series.map((line, position) => {
                  const column = chart.columns[position]
                  return [
                    <td key={line.key} className="whitespace-nowrap pl-4 text-right">
                      {cell(column?.mean[index])}
                    </td>,
                    ...(column?.min
                      ? [
                          <td
                            key={`${line.key} min`}
                            className="whitespace-nowrap pl-4 text-right text-ink-3"
                          >
                            {cell(column.min[index])}
                          </td>,
                          <td
                            key={`${line.key} max`}
                            className="whitespace-nowrap pl-4 text-right text-ink-3"
                          >
                            {cell(column.max?.[index])}
                          </td>,
                        ]
                      : []),
                  ]
                })}
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

function HeadCells({ label, band }: { label: string; band: boolean }) {
  return (
    <>
      <th scope="col" className="py-1 pl-4 text-right font-medium">
        {label}
      </th>
      {band && (
        <>
          <th scope="col" className="whitespace-nowrap py-1 pl-4 text-right font-medium">
            {chartTexts.minOf(label)}
          </th>
          <th scope="col" className="whitespace-nowrap py-1 pl-4 text-right font-medium">
            {chartTexts.maxOf(label)}
          </th>
        </>
      )}
    </>
  )
}
