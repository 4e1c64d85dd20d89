import type { Tally } from '../core/tally.ts'
import type { MoveMetrics } from './moves.service.ts'
import type { UnitMover } from './unit-mover.ts'

/** What the movers have counted since the start. */
export function metricsOf(movers: readonly UnitMover[], pauses: Tally): MoveMetrics {
  return {
    units: movers
      .filter(({ books, applier }) => books.lastKnown !== undefined || applier.lag.changes > 0)
      .map((mover) => ({
        unit: mover.unit.name,
        queueDepth: mover.applier.lag.changes,
        lagSeconds: mover.applier.lag.seconds,
        rowsCopied: mover.copying.rowsCopied,
        rowsApplied: mover.applier.rowsApplied,
        writes: mover.applier.writes,
        writeFailures: mover.applier.writeFailures,
        differences: mover.verifies.differences,
        quarantined: mover.applier.quarantined,
        throttleSeconds: mover.copying.throttleSeconds,
        shadow: mover.shadow.figures(),
      })),
    pauses: pauses.figures(),
    abortedFlips: movers.reduce((total, mover) => total + mover.flips.aborted, 0),
  }
}
