import type { Log } from '../core/log.ts'
import { isDbError } from '../db/db-errors.ts'
import type { ScriptSession, SqlStore } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { StorageControl } from '../db/storage-control.ts'
import { type CapturedTable, createCapture } from './capture.ts'
import type { Applier } from './mirroring.ts'
import type { MoveLimits, Sides, Unit } from './unit.ts'

const LOOK_EVERY_MS = 1_000

interface BacklogDeps {
  readonly control: StorageControl
  readonly applier: Applier
  readonly limits: MoveLimits
  readonly log: Log
  readonly changed: () => void
}

/**
 * What a store logs for a mirror that does not go on, because it is away, paused or refuses: how much that is, and that
 * it does not grow for as long as this lasts.
 */
export class Backlog {
  readonly #unit: Unit
  readonly #deps: BacklogDeps
  #lookedAtMs = Number.NEGATIVE_INFINITY
  /** Changes of a table that are worth remembering, where that is more than the limit. */
  readonly #rows = new Map<string, number>()

  constructor(unit: Unit, deps: BacklogDeps) {
    this.#unit = unit
    this.#deps = deps
  }

  /**
   * Looks once a second at most. Nothing fails because it cannot be counted now.
   *
   * @param sides undefined while PostgreSQL is away: then SQLite is asked.
   * @returns false: the mirror does not go on by this.
   */
  async look(sides: Sides | undefined): Promise<false> {
    const { control, log, changed } = this.#deps
    const store = sides ? sides.source.store : control.store('sqlite')
    if (!store || performance.now() - this.#lookedAtMs < LOOK_EVERY_MS) return false
    this.#lookedAtMs = performance.now()
    try {
      await this.#measure(store)
      if (!sides) changed()
    } catch (error) {
      if (!isDbError(error)) throw error
      log.debug({ unit: this.#unit.name, err: error }, 'what waits for a mirror cannot be counted now')
    }
    return false
  }

  async #measure(store: SqlStore): Promise<void> {
    const { applier, limits, log } = this.#deps
    const capture = createCapture(store.db.dialect)
    const found = await store.snapshot(async (session) => {
      const known = (await capture.units(session)).find(({ unit }) => unit === this.#unit.name)
      if (known?.role !== 'authority') return undefined
      const long: CapturedTable[] = []
      const queued: { changes: number; oldestAtMs: number | null } = { changes: 0, oldestAtMs: null }
      for (const table of known.tables) {
        const { changes, oldestAtMs } = await capture.depth(session, [table])
        if (await this.#isLong(session, table, changes)) long.push(table)
        queued.changes += changes
        if (oldestAtMs !== null) queued.oldestAtMs = Math.min(queued.oldestAtMs ?? oldestAtMs, oldestAtMs)
      }
      return { long, queued }
    })
    if (!found) return
    applier.isBehind(found.queued, limits.lagGoalMs)
    if (found.long.length === 0) return
    await store.transaction(async (tx) => {
      for (const table of found.long) await capture.coarsen(tx, table)
    })
    const tables = found.long.map(({ table }) => table)
    log.warn(
      { unit: this.#unit.name, tables },
      'many changes wait: these tables are compared as a whole later',
    )
  }

  /** Comparing a table takes longer than its changes while these are fewer than its rows. */
  async #isLong(session: ScriptSession, { table }: CapturedTable, changes: number): Promise<boolean> {
    if (changes <= Math.max(this.#deps.limits.queue, this.#rows.get(table) ?? 0)) return false
    const row = await session.queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM ${quoteName(table)}`)
    this.#rows.set(table, row?.rows ?? 0)
    return changes > (row?.rows ?? 0)
  }
}
