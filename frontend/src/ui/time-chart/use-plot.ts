import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { AlignedChart, ChartSeries } from './chart-data.ts'
import { type ChartTheme, onThemeChange, readChartTheme } from './chart-theme.ts'
import { type PlotCallbacks, type PlotState, plotOptions, plotShape, toPlotData } from './plot-options.ts'

export interface PlotInput extends PlotCallbacks {
  series: readonly ChartSeries[]
  chart: AlignedChart
  hidden: ReadonlySet<string>
  height: number
  syncKey: string | undefined
  zoomable: boolean
  state: Omit<PlotState, 'theme'>
}

const NO_THEME: ChartTheme = {
  text: '',
  grid: '',
  mark: '',
  threshold: '',
  background: '',
  font: '11px sans-serif',
  line: () => '',
  fill: () => '',
}

/**
 * Keeps a uPlot in `host` equal to the input: built anew only when its lines change, given new data, limits and size
 * otherwise. The canvas follows the width of the host and the page's theme.
 */
export function usePlot(
  host: RefObject<HTMLDivElement | null>,
  probe: RefObject<HTMLSpanElement | null>,
  input: PlotInput,
): RefObject<uPlot | null> {
  const plot = useRef<uPlot | null>(null)
  const state = useRef<PlotState>({ ...input.state, theme: NO_THEME })
  const callbacks = useRef<PlotCallbacks>(input)
  const latest = useRef(input)
  const shape = plotShape(input.series)
  const { height, syncKey, zoomable } = input

  useLayoutEffect(() => {
    latest.current = input
    callbacks.current = input
    state.current = { ...input.state, theme: state.current.theme }
  })

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the lines; data follows in the next effect.
  useLayoutEffect(() => {
    const element = host.current
    const probeElement = probe.current
    if (element === null || probeElement === null) return
    state.current = { ...state.current, theme: readChartTheme(probeElement) }
    const { series, chart } = latest.current
    const width = Math.max(element.clientWidth, 120)
    const created = new uPlot(
      plotOptions({ series, width, height, syncKey, zoomable, state, callbacks }),
      toPlotData(chart),
      element,
    )
    plot.current = created
    const resize = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== created.width) {
        created.setSize({ width: element.clientWidth, height })
      }
    })
    resize.observe(element)
    const stopTheme = onThemeChange(() => {
      state.current = { ...state.current, theme: readChartTheme(probeElement) }
      created.redraw(false, true)
    })
    return () => {
      stopTheme()
      resize.disconnect()
      created.destroy()
      plot.current = null
    }
  }, [host, probe, shape, height, syncKey, zoomable])

  const { chart, hidden } = input
  const { fromMs, toMs, marks, thresholds } = input.state
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks and thresholds are drawn from the state, in the same redraw.
  useEffect(() => {
    const current = plot.current
    if (current === null) return
    current.batch(() => {
      const { series } = latest.current
      let band = series.length + 1
      series.forEach((line, index) => {
        const show = !hidden.has(line.key)
        const columns = line.min && line.max ? [index + 1, band, band + 1] : [index + 1]
        if (line.min && line.max) band += 2
        for (const column of columns) {
          if (current.series[column]?.show !== show) current.setSeries(column, { show })
        }
      })
      current.setData(toPlotData(chart), false)
      current.setScale('x', { min: fromMs, max: toMs })
    })
  }, [chart, hidden, fromMs, toMs, marks, thresholds])

  return plot
}
