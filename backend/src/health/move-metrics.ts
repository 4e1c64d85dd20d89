import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

type PerStore = Readonly<Record<'sqlite' | 'postgres', number>>

/** Figures of the moves since the start, as the engine counts them. */
export interface MoveFigures {
  readonly units: readonly {
    readonly unit: string
    readonly queueDepth: number
    readonly lagSeconds: number
    readonly rowsCopied: number
    readonly rowsApplied: number
    readonly writes: PerStore
    readonly writeFailures: PerStore
    readonly differences: number
    readonly quarantined: number
    readonly throttleSeconds: number
  }[]
  /** Newest last; old ones may have been forgotten. */
  readonly pausesMs: readonly number[]
  readonly abortedFlips: number
}

const STORES = ['sqlite', 'postgres'] as const

/** Adds the figures of the moves to `registry`. The returned function brings them up to date. */
export function createMoveMetrics(registry: Registry): (figures: MoveFigures) => void {
  const registers = [registry]
  const byUnit = ['unit']
  const byStore = ['unit', 'store']
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: byUnit, registers })
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })

  const queue = gauge('holdfast_move_queue_depth', 'Changes that are not yet in the mirror')
  const lag = gauge('holdfast_move_lag_seconds', 'Age of the oldest change that is not yet in the mirror')
  const differences = gauge('holdfast_move_differences', 'Rows that differed in the last verify')
  const quarantined = gauge('holdfast_move_quarantined_rows', 'Rows that the other store cannot hold')
  const copied = counter('holdfast_move_rows_copied_total', 'Rows copied', byUnit)
  const applied = counter('holdfast_move_rows_applied_total', 'Changes brought to the mirror', byUnit)
  const throttled = counter('holdfast_move_throttle_seconds_total', 'Time for which copying was held', byUnit)
  const writes = counter('holdfast_store_writes_total', 'Writes by the store that took them', byStore)
  const failures = counter('holdfast_store_write_failures_total', 'Writes that a store refused', byStore)
  const aborted = counter('holdfast_move_aborted_flips_total', 'Flips that were called off', [])
  const pauses = new Histogram({
    name: 'holdfast_move_pause_seconds',
    help: 'How long writes waited while a unit was flipped',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5],
    registers,
  })
  const all = [queue, lag, differences, quarantined, copied, applied, throttled, writes, failures, aborted]

  // The engine counts; everything is set anew, so that units that are gone leave no old figures behind.
  return ({ units, pausesMs, abortedFlips }) => {
    for (const metric of [...all, pauses]) metric.reset()
    for (const { unit, ...figures } of units) {
      queue.set({ unit }, figures.queueDepth)
      lag.set({ unit }, figures.lagSeconds)
      differences.set({ unit }, figures.differences)
      quarantined.set({ unit }, figures.quarantined)
      copied.inc({ unit }, figures.rowsCopied)
      applied.inc({ unit }, figures.rowsApplied)
      throttled.inc({ unit }, figures.throttleSeconds)
      for (const store of STORES) {
        writes.inc({ unit, store }, figures.writes[store])
        failures.inc({ unit, store }, figures.writeFailures[store])
      }
    }
    for (const pauseMs of pausesMs) pauses.observe(pauseMs / 1000)
    aborted.inc(abortedFlips)
  }
}
