import type uPlot from 'uplot'
import type { AlignedChart, ChartSeries } from './chart-data.ts'
import type { ChartTheme } from './chart-theme.ts'
import { formatTimeTick, TIME_INCREMENTS } from './time-axis.ts'
import { axisMaximum, axisScale, axisTicks, type ChartUnit, formatTick, tickStep } from './units.ts'

export interface ChartMark {
  timeMs: number
  label: string
}

export interface ChartThreshold {
  value: number
  label: string
}

/** What the plot reads while drawing; replaced on every render without building the plot anew. */
export interface PlotState {
  theme: ChartTheme
  unit: ChartUnit
  colors: readonly string[]
  fromMs: number
  toMs: number
  /** top of the value axis; the chart's head names the unit that belongs to it */
  top: number
  marks: readonly ChartMark[]
  thresholds: readonly ChartThreshold[]
}

export interface PlotCallbacks {
  onCursor: (index: number | null, left: number) => void
  onSelect: (fromMs: number, toMs: number) => void
}

const Y_TICKS = 5
const X_LABELS = 6

/**
 * Columns as uPlot takes them: times, then the mean of every line, then maximum and minimum of those with a band.
 * The means come first so that column `i + 1` is line `i`.
 */
export function toPlotData(chart: AlignedChart): uPlot.AlignedData {
  const bands = chart.columns.flatMap((column) => (column.min && column.max ? [column.max, column.min] : []))
  return [chart.times, ...chart.columns.map((column) => column.mean), ...bands]
}

/** Changes when the plot must be built anew rather than given new data. */
export function plotShape(series: readonly ChartSeries[]): string {
  return series.map((line) => `${line.key}\u0000${line.min && line.max ? 'band' : 'line'}`).join('\u0001')
}

/** Points between two gaps, which no line would show: those of a container that runs for a minute at a time. */
export function lonelyPoints(
  plot: { data: ArrayLike<ArrayLike<number | null | undefined>> },
  column: number,
) {
  const values = plot.data[column]
  const lonely: number[] = []
  for (let at = 0; values && at < values.length; at += 1) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) lonely.push(at)
  }
  return lonely
}

const MARK_LINE_GAP = 12

function drawMarks(plot: uPlot, state: PlotState) {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.strokeStyle = state.theme.mark
  ctx.fillStyle = state.theme.mark
  ctx.lineWidth = ratio
  ctx.setLineDash([3 * ratio, 3 * ratio])
  let lastLine = Number.NEGATIVE_INFINITY
  for (const mark of state.marks) {
    if (mark.timeMs < state.fromMs || mark.timeMs > state.toMs) continue
    const x = Math.round(plot.valToPos(mark.timeMs, 'x', true))
    // Of a crowd (a deploy, a crash loop) one line is enough: many would hide the curve.
    if (x - lastLine >= MARK_LINE_GAP * ratio) {
      lastLine = x
      ctx.globalAlpha = 0.55
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
    }
    ctx.globalAlpha = 1
    ctx.beginPath()
    ctx.moveTo(x - 4 * ratio, bbox.top + bbox.height)
    ctx.lineTo(x + 4 * ratio, bbox.top + bbox.height)
    ctx.lineTo(x, bbox.top + bbox.height - 6 * ratio)
    ctx.fill()
  }
  ctx.restore()
}

function drawThresholds(plot: uPlot, state: PlotState) {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  const top = plot.scales.y?.max ?? 0
  ctx.save()
  ctx.strokeStyle = state.theme.threshold
  ctx.fillStyle = state.theme.threshold
  ctx.lineWidth = ratio
  ctx.font = state.theme.font.replace('11px', `${10 * ratio}px`)
  ctx.textAlign = 'right'
  ctx.textBaseline = 'alphabetic'
  for (const threshold of state.thresholds) {
    if (threshold.value > top) continue
    const y = Math.round(plot.valToPos(threshold.value, 'y', true))
    ctx.setLineDash([6 * ratio, 4 * ratio])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    const above = y - bbox.top > 16 * ratio
    ctx.fillText(threshold.label, bbox.left + bbox.width - 4 * ratio, y + (above ? -4 : 12) * ratio)
  }
  ctx.restore()
}

/**
 * Top of the value axis: a labelled tick above the data, and above a threshold that the data comes near to.
 *
 * @param atLeast the axis ends here or above; 0 fits the data.
 */
export function yMaximum(
  dataMaximum: number,
  unit: ChartUnit,
  thresholds: readonly ChartThreshold[],
  atLeast: number,
): number {
  const near = thresholds.filter((threshold) => dataMaximum >= threshold.value * 0.6)
  const maximum = Math.max(dataMaximum, ...near.map((threshold) => threshold.value))
  if (atLeast <= 0) return axisMaximum(maximum, unit, Y_TICKS)
  // 23.5 GiB of memory end at a labelled 24.
  const step = tickStep(Math.max(atLeast, maximum), unit, Y_TICKS)
  return Math.ceil(Math.max(atLeast, maximum) / step - 1e-9) * step
}

export function plotOptions(input: {
  series: readonly ChartSeries[]
  width: number
  height: number
  syncKey: string | undefined
  zoomable: boolean
  state: { readonly current: PlotState }
  callbacks: { readonly current: PlotCallbacks }
}): uPlot.Options {
  const { series, state, callbacks } = input
  const single = series.length === 1
  const color = (index: number) => state.current.colors[index] ?? 'currentcolor'
  const hidden: uPlot.Series[] = []
  const bands: uPlot.Band[] = []
  series.forEach((line, index) => {
    if (!line.min || !line.max) return
    const first = 1 + series.length + hidden.length
    hidden.push({ width: 0, points: { show: false } }, { width: 0, points: { show: false } })
    const percent = single ? 22 : 12
    bands.push({ series: [first, first + 1], fill: () => state.current.theme.fill(color(index), percent) })
  })
  const grid: uPlot.Axis.Grid = { stroke: () => state.current.theme.grid, width: 1 }

  return {
    width: input.width,
    height: input.height,
    ms: 1,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: input.zoomable, y: false, setScale: false, dist: 5 },
      points: { size: 6, width: 0 },
      focus: { prox: -1 },
      ...(input.syncKey === undefined
        ? {}
        : {
            sync: {
              key: input.syncKey,
              setSeries: false,
              scales: ['x', null],
              // A drag belongs to the panel it began in; the others show only the crosshair.
              filters: {
                pub: (type: string) => type !== 'mousedown' && type !== 'mouseup' && type !== 'dblclick',
              },
            },
          }),
    },
    scales: {
      x: { time: true, range: () => [state.current.fromMs, state.current.toMs] },
      y: { range: () => [0, state.current.top] },
    },
    axes: [
      {
        stroke: () => state.current.theme.text,
        grid,
        ticks: { show: false },
        size: 24,
        gap: 6,
        font: state.current.theme.font,
        space: (_plot, _axis, _minimum, _maximum, dimension) => Math.max(76, dimension / X_LABELS),
        incrs: TIME_INCREMENTS,
        values: (_plot, splits, _axis, _space, increment) =>
          splits.map((split) => formatTimeTick(split, increment)),
      },
      {
        stroke: () => state.current.theme.text,
        grid,
        ticks: { show: false },
        size: 48,
        gap: 6,
        font: state.current.theme.font,
        splits: (_plot, _axis, minimum, maximum) => axisTicks(minimum, maximum, state.current.unit, Y_TICKS),
        values: (_plot, splits) => {
          const scale = axisScale(state.current.unit, state.current.top)
          return splits.map((split) => formatTick(split, scale))
        },
      },
    ],
    series: [
      {},
      ...series.map<uPlot.Series>((line, index) => ({
        label: line.label,
        width: 1.5,
        stroke: () => state.current.theme.line(color(index)),
        ...(single && !line.max ? { fill: () => state.current.theme.fill(color(index), 8) } : {}),
        points: { show: false, size: 3, filter: lonelyPoints },
      })),
      ...hidden,
    ],
    bands,
    hooks: {
      draw: [
        (plot) => {
          drawThresholds(plot, state.current)
          drawMarks(plot, state.current)
        },
      ],
      setCursor: [
        (plot) => {
          const left = plot.cursor.left ?? -1
          callbacks.current.onCursor(left < 0 ? null : (plot.cursor.idx ?? null), left)
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width <= 0) return
          callbacks.current.onSelect(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'))
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
    },
  }
}
