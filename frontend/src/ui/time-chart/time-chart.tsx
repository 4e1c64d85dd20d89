import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'react'
import { cn } from '../../lib/cn.ts'
import { chartTexts } from '../../lib/texts/charts.ts'
import { ChartActions } from './chart-actions.tsx'
import { alignSeries, type ChartSeries, chartMaximum, summarize } from './chart-data.ts'
import { ChartLegend, LEGEND_LIMIT } from './chart-legend.tsx'
import { chartToPng } from './chart-png.ts'
import { ChartTable } from './chart-table.tsx'
import { readChartTheme } from './chart-theme.ts'
import { ChartTooltip } from './chart-tooltip.tsx'
import { copyOrDownload } from './clipboard.ts'
import { chartToCsv } from './csv.ts'
import { paletteColor } from './palette.ts'
import { type ChartMark, type ChartThreshold, yMaximum } from './plot-options.ts'
import { axisScale, type ChartUnit, formatChartValue } from './units.ts'
import { usePlot } from './use-plot.ts'

export interface TimeChartProps {
  title: string
  unit: ChartUnit
  series: readonly ChartSeries[]
  fromMs: number
  toMs: number
  /** expected distance between samples; more than three times that is drawn as a gap */
  stepMs: number
  height?: number
  /** charts with the same key share their crosshair */
  syncKey?: string
  /** the axis ends at least here (100 for a percentage of a whole); 0 fits the data */
  maximum?: number
  marks?: readonly ChartMark[]
  thresholds?: readonly ChartThreshold[]
  /** an interval was dragged; without it the chart cannot be zoomed */
  onZoom?: (fromMs: number, toMs: number) => void
  onZoomOut?: () => void
  /** first load: the frame is kept, nothing is said about missing samples yet */
  loading?: boolean
}

const NO_MARKS: readonly ChartMark[] = []
const NO_THRESHOLDS: readonly ChartThreshold[] = []
const MARK_REACH_PX = 6
/** What the legend's line takes; a chart without one draws over it, so that neighbours are equally high. */
const LEGEND_PX = 24

/**
 * Lines over time on one axis with a unit. Drag to zoom, double click to zoom out, arrow keys to read values; the same
 * numbers as a table, as CSV and as a picture.
 */
export function TimeChart(props: TimeChartProps) {
  const {
    title,
    unit,
    series,
    fromMs,
    toMs,
    stepMs,
    height: legendHeight = 180,
    marks = NO_MARKS,
    thresholds = NO_THRESHOLDS,
  } = props
  const height = series.length > 1 ? legendHeight : legendHeight + LEGEND_PX
  const host = useRef<HTMLDivElement>(null)
  const probe = useRef<HTMLSpanElement>(null)
  const hovered = useRef(false)
  const titleId = useId()
  const [asTable, setAsTable] = useState(false)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [cursor, setCursor] = useState<{ index: number; left: number; here: boolean } | null>(null)

  const chart = useMemo(() => alignSeries(series, stepMs), [series, stepMs])
  const colors = useMemo(() => series.map((line, index) => line.color ?? paletteColor(index)), [series])
  const hasValues = chart.columns.some((column) => column.mean.some((value) => value !== null))
  const shownMaximum = chartMaximum(chart, fromMs, toMs, (index) => !hidden.has(series[index]?.key ?? ''))
  const top = yMaximum(shownMaximum, unit, thresholds, props.maximum ?? 0)
  const scale = axisScale(unit, top)

  const onCursor = useCallback((index: number | null, left: number) => {
    setCursor((before) => {
      if (index === null) return before === null ? before : null
      const here = hovered.current
      return before?.index === index && before.left === left && before.here === here
        ? before
        : { index, left, here }
    })
  }, [])
  const { onZoom } = props
  const onSelect = useCallback((from: number, to: number) => onZoom?.(from, to), [onZoom])

  const plot = usePlot(host, probe, {
    series,
    chart,
    hidden,
    height,
    syncKey: props.syncKey,
    zoomable: onZoom !== undefined,
    onCursor,
    onSelect,
    state: { unit, colors, fromMs, toMs, top, marks, thresholds },
  })

  // Under a hidden cursor new data would leave the tooltip at a time that has moved on.
  useEffect(() => {
    setCursor((before) => (before !== null && before.index >= chart.times.length ? null : before))
  }, [chart])

  const toggle = (key: string) => {
    const next = new Set(hidden)
    if (!next.delete(key)) next.add(key)
    setHidden(next)
  }
  const moveCursor = (step: number) => {
    const current = plot.current
    if (current === null || chart.times.length === 0) return
    const index = Math.min(
      Math.max((cursor?.index ?? chart.times.length - 1) + step, 0),
      chart.times.length - 1,
    )
    hovered.current = true
    current.setCursor({ left: current.valToPos(chart.times[index] ?? 0, 'x'), top: 10 })
  }
  const leave = () => {
    hovered.current = false
    plot.current?.setCursor({ left: -10, top: -10 })
  }
  const fileName = `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${new Date(toMs).toISOString().slice(0, 16).replace(':', '')}`
  const copyPng = () => {
    const canvas = host.current?.querySelector('canvas')
    if (!canvas || !probe.current) return Promise.reject(new Error('The chart is not drawn'))
    const theme = readChartTheme(probe.current)
    const lines = series.map((line, index) => ({ label: line.label, color: colors[index] ?? '' }))
    const name = scale.title === '' ? title : `${title} (${scale.title})`
    return chartToPng({ canvas, theme, title: name, lines }).then((blob) =>
      copyOrDownload(blob, `${fileName}.png`),
    )
  }
  const copyCsv = () =>
    copyOrDownload(new Blob([chartToCsv(series, chart)], { type: 'text/csv' }), `${fileName}.csv`)

  const plotLeft = (plot.current?.over.offsetLeft ?? 0) + (cursor?.left ?? 0)
  const cursorTime = cursor === null ? null : chart.times[cursor.index]
  const reachMs = ((toMs - fromMs) / Math.max(plot.current?.over.clientWidth ?? 600, 1)) * MARK_REACH_PX
  const single = series.length === 1 ? series[0] : undefined
  const many = series.length > LEGEND_LIMIT
  const hasBand = series.some((line) => line.min && line.max)

  return (
    <figure
      aria-labelledby={titleId}
      aria-busy={props.loading ?? false}
      className={cn(
        'group/chart relative min-w-0 rounded-lg border border-line bg-card',
        // Many lines need the width, and their table stands beside them.
        many && 'xl:col-span-2',
      )}
    >
      <span ref={probe} className="sr-only" aria-hidden />
      <figcaption className="flex h-9 items-center gap-2 pr-2 pl-3 pt-1">
        <span id={titleId} className="truncate font-medium text-sm">
          {title}
        </span>
        {scale.title !== '' && <span className="whitespace-nowrap text-2xs text-ink-3">{scale.title}</span>}
        {hasBand && (
          <span className="hidden whitespace-nowrap text-2xs text-ink-3 sm:inline">{chartTexts.band}</span>
        )}
        <span className="flex-1" />
        <ChartActions
          title={title}
          asTable={asTable}
          onToggleTable={() => setAsTable(!asTable)}
          onCopyCsv={copyCsv}
          onCopyPng={asTable ? null : copyPng}
        />
        {single && !props.loading && (
          <LastValue line={single} unit={unit} index={cursor?.index ?? null} chart={chart} />
        )}
      </figcaption>
      <div className={many ? 'lg:flex lg:items-start' : undefined}>
        <div className="min-w-0 flex-1">
          {asTable && <ChartTable title={title} series={series} chart={chart} unit={unit} height={height} />}
          <div
            className={asTable ? 'hidden' : 'relative touch-pan-y rounded-sm'}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the crosshair; the numbers are in the label and the table.
            tabIndex={0}
            role="img"
            aria-label={`${title}. ${series.map((line) => describe(line, unit)).join('. ')}. ${chartTexts.keys}`}
            style={{ height }}
            onMouseEnter={() => {
              hovered.current = true
            }}
            onMouseLeave={() => {
              hovered.current = false
            }}
            onDoubleClick={props.onZoomOut}
            onKeyDown={(event) => {
              if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
                event.preventDefault()
                moveCursor((event.key === 'ArrowLeft' ? -1 : 1) * (event.shiftKey ? 10 : 1))
              } else if (event.key === 'Escape') leave()
            }}
            onBlur={leave}
          >
            <div ref={host} className="absolute inset-0" />
            {!hasValues && !props.loading && (
              <p className="absolute inset-0 grid place-items-center px-6 text-center text-ink-3 text-sm">
                {chartTexts.noSamples}
              </p>
            )}
            {cursor?.here && cursorTime !== null && cursorTime !== undefined && hasValues && (
              <ChartTooltip
                series={series}
                colors={colors}
                hidden={hidden}
                chart={chart}
                unit={unit}
                index={cursor.index}
                left={plotLeft}
                width={host.current?.clientWidth ?? 0}
                spanMs={toMs - fromMs}
                marks={marks.filter((mark) => Math.abs(mark.timeMs - cursorTime) <= reachMs).slice(0, 4)}
                moreText={chartTexts.moreSeries}
              />
            )}
          </div>
        </div>
        {series.length > 1 ? (
          <ChartLegend
            series={series}
            colors={colors}
            hidden={hidden}
            chart={chart}
            unit={unit}
            index={cursor?.index ?? null}
            onToggle={toggle}
          />
        ) : (
          <div className="h-2" />
        )}
      </div>
    </figure>
  )
}

function describe(line: ChartSeries, unit: ChartUnit): string {
  const { last, mean, max } = summarize(line)
  if (last === null || mean === null || max === null) return `${line.label}: ${chartTexts.noSamples}`
  const text = (value: number) => formatChartValue(value, unit)
  return chartTexts.summary(line.label, text(last), text(mean), text(max))
}

function LastValue(props: {
  line: ChartSeries
  unit: ChartUnit
  index: number | null
  chart: ReturnType<typeof alignSeries>
}) {
  const values = props.chart.columns[0]?.mean ?? []
  const value =
    props.index === null ? values.findLast((candidate) => candidate !== null) : values[props.index]
  if (value === null || value === undefined) return null
  return (
    <span className="tabular whitespace-nowrap pr-1 font-medium text-sm">
      {formatChartValue(value, props.unit)}
    </span>
  )
}
