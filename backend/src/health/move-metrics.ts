import { Counter, Gauge, type Registry } from 'prom-client'
import type { TallyFigures } from '../core/tally.ts'
import { histogramText } from './histogram-text.ts'

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
    readonly shadow: {
      readonly compared: number
      readonly mismatches: number
      readonly undecided: number
      readonly left: number
      /** Milliseconds. */
      readonly latency: Readonly<Record<'source' | 'mirror', TallyFigures>>
    }
  }[]
  /** Milliseconds. */
  readonly pauses: TallyFigures
  readonly abortedFlips: number
}

const STORES = ['sqlite', 'postgres'] as const

/**
 * Adds the figures of the moves to `registry`. The returned function brings them up to date, and returns those that
 * the registry cannot hold, in the text format of Prometheus.
 */
export function createMoveMetrics(registry: Registry): (figures: MoveFigures) => string {
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
  const shadowed = counter('holdfast_shadow_reads_total', 'Reads that were compared with the mirror', byUnit)
  const mismatches = counter(
    'holdfast_shadow_mismatches_total',
    'Reads to which the mirror gave another answer',
    byUnit,
  )
  const uncompared = counter(
    'holdfast_shadow_uncompared_total',
    'Reads that were chosen and could not be compared: left out, or undecided because the rows kept changing',
    ['unit', 'reason'],
  )
  const all = [
    ...[queue, lag, differences, quarantined, copied, applied, throttled, writes, failures, aborted],
    ...[shadowed, mismatches, uncompared],
  ]

  // The engine counts; everything is set anew, so that units that are gone leave no old figures behind.
  return ({ units, pauses, abortedFlips }) => {
    for (const metric of all) metric.reset()
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
      const { shadow } = figures
      shadowed.inc({ unit }, shadow.compared)
      mismatches.inc({ unit }, shadow.mismatches)
      uncompared.inc({ unit, reason: 'left' }, shadow.left)
      uncompared.inc({ unit, reason: 'undecided' }, shadow.undecided)
    }
    aborted.inc(abortedFlips)
    return pauseText(pauses) + latencyText(units)
  }
}

const pauseText = (tally: TallyFigures) =>
  histogramText({
    name: 'holdfast_move_pause_seconds',
    help: 'How long writes waited while a unit was flipped, called off or not, since the start',
    scale: 0.001,
    series: [{ labels: {}, tally }],
  })

const latencyText = (units: MoveFigures['units']) =>
  histogramText({
    name: 'holdfast_shadow_read_seconds',
    help: 'How long the same reads took in the store that holds a unit and in its mirror, since the start',
    scale: 0.001,
    series: units.flatMap(({ unit, shadow: { latency } }) =>
      (['source', 'mirror'] as const).flatMap((side) =>
        latency[side].count === 0 ? [] : [{ labels: { unit, side }, tally: latency[side] }],
      ),
    ),
  })
