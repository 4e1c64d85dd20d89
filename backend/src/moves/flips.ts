import type { Log } from '../core/log.ts'
import type { Tally } from '../core/tally.ts'
import { isDbError } from '../db/db-errors.ts'
import { putPlacement } from '../db/placement-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { TableShape } from '../db/transfer/index.ts'
import type { Books } from './books.ts'
import { FlipAbortedError, flip } from './fence.ts'
import type { Applier } from './mirroring.ts'
import type { FlipRecord } from './move-state.ts'
import { flipped, type Side, type Sides, type Unit } from './unit.ts'

/** Rounds in which the queue is emptied before the gate closes, and the backlog that ends them. */
const ROUNDS = 20
const SMALL_BACKLOG = 50

export interface FlipsDeps {
  readonly unit: Unit
  readonly books: Books
  readonly applier: Applier
  readonly control: StorageControl
  readonly clock: () => Date
  readonly log: Log
  /** Pauses in milliseconds, of the flips of all units. */
  readonly pauses: Tally
  readonly changed: () => void
}

export interface FlipStep {
  readonly action: 'cutover' | 'rollback'
  readonly actor: string | null
}

interface FlipJob {
  readonly sides: Sides
  readonly shapes: readonly TableShape[]
  readonly step: FlipStep
  /** Longest pause; then it is given up. */
  readonly limitMs: number
  /** Applies one batch and says how many changes it had. */
  readonly apply: () => Promise<{ size: number }>
}

/** The cut overs and rollbacks of one unit: each is written down, done or given up. */
export class Flips {
  aborted = 0
  #running = false
  readonly #deps: FlipsDeps

  constructor(deps: FlipsDeps) {
    this.#deps = deps
  }

  get running(): boolean {
    return this.#running
  }

  /** Changes places of the two stores. Called in turn with the applier. @throws FlipAbortedError. */
  async run({ sides, shapes, step, limitMs, apply }: FlipJob): Promise<void> {
    const { unit, control, clock, applier, changed } = this.#deps
    await gatherStatistics(sides.target, shapes)
    // What can be applied before the gate closes need not be waited for behind it.
    for (let round = 0; round < ROUNDS; round++) {
      if ((await apply()).size < SMALL_BACKLOG) break
    }
    this.#running = true
    changed()
    try {
      const { epoch, pauseMs } = await flip({
        control,
        unit,
        shapes,
        sides,
        clock,
        pauseLimitMs: limitMs,
        drain: (deadlineMs) => drain(apply, deadlineMs),
        compareSettled: () => applier.compareSettled(sides),
      })
      applier.forget()
      applier.disturb()
      const after = flipped(sides, epoch)
      const confirmed = await this.#confirm(after)
      await this.#record(after, step, { pauseMs, to: sides.target.name, reason: null, confirmed })
    } catch (error) {
      if (!(error instanceof FlipAbortedError)) throw error
      this.aborted++
      const { pauseMs, message } = error
      await this.#record(sides, step, { pauseMs, to: sides.target.name, reason: message, confirmed: true })
      throw error
    } finally {
      this.#running = false
      changed()
    }
  }

  /** Tells the old store once more how the last flip ended. Called in turn with the applier. */
  async confirmLater(sides: Sides): Promise<void> {
    const { books } = this.#deps
    const { move } = books
    if (!move?.details.lastFlip || !(await this.#confirm(sides))) return
    const details = { ...move.details, lastFlip: { ...move.details.lastFlip, confirmed: true } }
    await books.enter(sides, { state: move.state, details }, { action: 'confirmed', actor: null })
  }

  /**
   * The old store knows that a flip was begun. That it has ended needs no pause, and may fail: until it is told, it
   * alone cannot say where the unit is, and a settlement of both stores tells it, too.
   */
  async #confirm({ source, target, epoch }: Sides): Promise<boolean> {
    const { unit, clock, log } = this.#deps
    const rows = unit.domains.map(
      (domain) => ({ domain, placement: source.name, epoch, state: 'complete' }) as const,
    )
    try {
      await target.store.transaction((tx) => putPlacement(tx, rows, clock().toISOString()))
      return true
    } catch (error) {
      if (!isDbError(error)) throw error
      log.warn({ unit: unit.name, store: target.name, err: error }, 'the old store was not told of the flip')
      return false
    }
  }

  async #record(
    sides: Sides,
    step: FlipStep,
    { pauseMs, to, reason, confirmed }: Pick<FlipRecord, 'pauseMs' | 'to' | 'reason' | 'confirmed'>,
  ): Promise<void> {
    const { books, clock, pauses } = this.#deps
    pauses.add(pauseMs)
    const { move } = books
    if (!move) return
    const lastFlip: FlipRecord = {
      at: clock().toISOString(),
      pauseMs,
      to,
      outcome: reason === null ? 'done' : 'aborted',
      reason,
      ...(confirmed === undefined ? {} : { confirmed }),
    }
    await books.enter(
      sides,
      { state: move.state, details: { ...move.details, lastFlip } },
      {
        action: reason === null ? step.action : `${step.action}-aborted`,
        actor: step.actor,
        details: { to, pauseMs: Math.round(pauseMs), ...(reason !== null && { reason }) },
      },
    )
  }
}

/** The planner of a store that is about to serve knows its tables: a copy gathers no statistics. */
async function gatherStatistics({ name, store }: Side, shapes: readonly TableShape[]): Promise<void> {
  if (name !== 'postgres') return
  for (const { table } of shapes) {
    await store.transaction((tx) =>
      // The limit of the pool is made for requests.
      tx.execScript(`SET LOCAL statement_timeout = 0; ANALYZE ${quoteName(table)}`),
    )
  }
}

/** Applies until nothing is queued. @throws Error when that takes longer than `deadlineMs` (performance.now). */
async function drain(apply: () => Promise<{ size: number }>, deadlineMs: number): Promise<void> {
  while ((await apply()).size > 0) {
    if (performance.now() > deadlineMs) throw new Error('The queue of changes did not get empty in time')
  }
}
