import { AppError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { AppDb } from '../db/app-db.ts'
import { type Domain, domains, units } from '../db/domains.ts'
import type { Placement } from '../db/placement-store.ts'
import type { SqlStore } from '../db/sql-store.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { CopyJob, Transfer } from '../db/transfer/index.ts'
import { type Capture, createCapture } from './capture.ts'

/** A unit by its name, which is that of its first domain. */
export interface Unit {
  readonly name: string
  readonly domains: readonly Domain[]
}

export const allUnits: readonly Unit[] = units.map((unit) => ({ name: unit[0] ?? '', domains: unit }))

export const phaseOf = (unit: Unit) => domains[unit.domains[0] ?? 'settings'].phase

/** The unit that `name` is, or whose domain it is. @throws AppError `unknown_unit`. */
export function unitNamed(name: string): Unit {
  const unit = allUnits.find((each) => each.domains.some((domain) => domain === name))
  if (unit) return unit
  const names = allUnits.flatMap((each) => each.domains).join(', ')
  throw new AppError(404, 'unknown_unit', `There is no domain ${name}. There are: ${names}`)
}

/** Why the domains of the unit move together; null for a single one. */
export function tieOf(unit: Unit): string | null {
  if (unit.domains.length === 1) return null
  const ties = unit.domains.flatMap((domain) =>
    (domains[domain].references ?? []).map(
      (reference) => `${reference.table}.${reference.column} refers to ${reference.domain}`,
    ),
  )
  return ties.join('; ')
}

export const otherPlacement = (placement: Placement): Placement =>
  placement === 'sqlite' ? 'postgres' : 'sqlite'

export const storeTitle: Readonly<Record<Placement, string>> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }

/** One store of a move. */
export interface Side {
  readonly name: Placement
  readonly store: SqlStore
  readonly capture: Capture
}

/** The two stores of a move as they are now: the source holds the truth. */
export interface Sides {
  readonly source: Side
  readonly target: Side
  /** Where the books of moves are kept. */
  readonly ledger: AppDb
  readonly epoch: number
}

/** What every part of a move needs. */
export interface MoveDeps {
  readonly control: StorageControl
  readonly transfer: Transfer
  readonly log: Log
  readonly clock: () => Date
  readonly limits: MoveLimits
}

export interface MoveLimits {
  /** Of the copy of a table, where it is not to find its own. */
  readonly copy: Pick<CopyJob, 'pageRows' | 'bareRows'>
  /** Keys that the applier takes at once. */
  readonly batch: number
  /** How long the applier rests when nothing wakes it. */
  readonly pollMs: number
  /** Pause between two turns of a busy applier, so that changes gather. */
  readonly gatherMs: number
  /** So many changes of a table, or as many as it has rows, wait for a mirror that does not go on; then it is compared as a whole. */
  readonly queue: number
  /** How often a mirror is verified as a whole. */
  readonly sweepMs: number
  /** A cut over needs the lag to have been below this … */
  readonly lagGoalMs: number
  /** … for this long. */
  readonly calmMs: number
  /** A cut over needs a clean verify that is not older. */
  readonly verifyValidMs: number
  /** Longest pause of a flip; then it is given up. */
  readonly pauseLimitMs: number
  /** A flip is not begun when it is expected to pause writes for longer. */
  readonly pauseBudgetMs: number
}

export const DEFAULT_LIMITS: MoveLimits = {
  copy: {},
  batch: 2_000,
  pollMs: 500,
  gatherMs: 20,
  queue: 500_000,
  sweepMs: 30 * 60_000,
  lagGoalMs: 1_000,
  calmMs: 60_000,
  verifyValidMs: 60 * 60_000,
  pauseLimitMs: 500,
  pauseBudgetMs: 250,
}

const captures = { sqlite: createCapture('sqlite'), postgres: createCapture('postgres') }

/** Both stores of the unit; undefined while one of them is away or its placement is not decided. */
export function sidesOf(control: StorageControl, unit: Unit): Sides | undefined {
  const domain = unit.domains[0]
  const decision = domain && control.decision(domain)
  if (!decision) return undefined
  const sqlite = control.store('sqlite')
  const postgres = control.store('postgres')
  if (!sqlite || !postgres) return undefined
  const side = (name: Placement): Side => ({
    name,
    store: name === 'sqlite' ? sqlite : postgres,
    capture: captures[name],
  })
  return {
    source: side(decision.placement),
    target: side(otherPlacement(decision.placement)),
    ledger: postgres.db,
    epoch: decision.epoch,
  }
}

/** The same two stores, with the roles that they have after a flip. */
export const flipped = (sides: Sides, epoch: number): Sides => ({
  ...sides,
  source: sides.target,
  target: sides.source,
  epoch,
})

/** One after the other, in the order in which they asked. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** True while somebody has, or waits for, a turn. */
  get busy(): boolean {
    return this.#waiting > 0
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const next = this.#last.then(work).finally(() => {
      this.#waiting--
    })
    this.#last = next.catch(() => undefined) // its caller gets the error
    return next
  }
}
