import { forgetCopies, listQuarantineCounts, listTables, type TableProgress } from '../db/transfer/ledger.ts'
import {
  addLogEntry,
  deleteMove,
  type Move,
  type MoveDetails,
  type MoveState,
  readMoves,
  writeMove,
  writeMoveError,
} from './move-state.ts'
import type { ShadowMismatch } from './shadow.ts'
import type { Sides, Unit } from './unit.ts'

export interface Entry {
  readonly action: string
  readonly actor: string | null
  readonly details?: Record<string, unknown>
}

/** What is written about the move of one unit, in PostgreSQL; the last that was read or written is kept here. */
export class Books {
  readonly #unit: Unit
  readonly #clock: () => Date
  readonly #changed: () => void
  #move: Move | undefined
  #isRead = false
  /** Counts what makes a look that is under way out of date. */
  #changes = 0

  constructor(unit: Unit, deps: { readonly clock: () => Date; readonly changed: () => void }) {
    this.#unit = unit
    this.#clock = deps.clock
    this.#changed = deps.changed
  }

  get move(): Move | undefined {
    return this.#isRead ? this.#move : undefined
  }

  /** Whether {@link Books.move} says how it is: there may be none. */
  get isRead(): boolean {
    return this.#isRead
  }

  /** The move as it was when PostgreSQL last answered. Whoever decides by it has read it just before. */
  get lastKnown(): Move | undefined {
    return this.#move
  }

  async read(sides: Sides): Promise<Move | undefined> {
    for (;;) {
      const changes = this.#changes
      const move = (await readMoves(sides.ledger)).get(this.#unit.name)
      if (changes === this.#changes) {
        this.#move = move
        this.#isRead = true
        return move
      }
      // What was written meanwhile is newer; what was forgotten is read again.
      if (this.#isRead) return this.#move
    }
  }

  /** Both stores may have been restored meanwhile: the next look reads again. */
  forget(): void {
    this.#changes++
    this.#isRead = false
  }

  tables(sides: Sides): Promise<TableProgress[]> {
    return listTables(sides.ledger, this.#unit.name, [])
  }

  quarantine(sides: Sides): Promise<{ open: number; acknowledged: number }> {
    return listQuarantineCounts(sides.ledger, this.#unit.name)
  }

  /** Writes a step into the log, without a change of the move. */
  async note(sides: Sides, entry: Entry): Promise<void> {
    await addLogEntry(sides.ledger, this.#logEntry(sides, entry))
  }

  /** Keeps why the move does not go on; null when it does again. Does nothing where that is known, or nothing moves. */
  async keepError(ledger: Sides['ledger'], error: string | null): Promise<void> {
    if (!this.#move || this.#move.error === error) return
    await writeMoveError(ledger, this.#unit.name, error, this.#clock().toISOString())
    this.#move = { ...this.#move, error }
    this.#changed()
  }

  /** Keeps which copy of the SQLite file a cut over may rely upon. */
  async noteBackup(sides: Sides, backup: NonNullable<MoveDetails['backup']>): Promise<void> {
    const { move } = this
    if (move?.state !== 'mirroring') return
    const details = { ...move.details, backup }
    const entry = { action: 'backup', actor: null, details: { path: backup.path } }
    await this.enter(sides, { state: 'mirroring', details }, entry)
  }

  /** Keeps how many of 100 reads are to run on the mirror too. */
  async setShadow(sides: Sides, share: number, actor: string | null): Promise<void> {
    const { move } = this
    if (move?.state !== 'mirroring') return
    const { shadow: _, ...others } = move.details
    const details = share > 0 ? { ...others, shadow: { share } } : others
    await this.enter(sides, { state: 'mirroring', details }, { action: 'shadow', actor, details: { share } })
  }

  /** Keeps what a shadow read has found, once between two verifies: the statement may be asked a thousand times. */
  async noteMismatch(sides: Sides, { count: _, at, ...found }: ShadowMismatch): Promise<void> {
    const { move } = this
    const { shadow, verify } = move?.details ?? {}
    if (!shadow || move?.state !== 'mirroring') return
    const { statement } = found
    if (shadow.mismatch?.statement === statement && shadow.mismatch.at > (verify?.at ?? '')) return
    const details = { ...move.details, shadow: { ...shadow, mismatch: { at, statement } } }
    const entry = { action: 'shadow-mismatch', actor: null, details: { ...found } }
    await this.enter(sides, { state: 'mirroring', details }, entry)
  }

  /** Writes the move's new state, with an entry of the log. Without a move, it is a new one. */
  async enter(
    sides: Sides,
    change: Partial<Move> & { readonly state: MoveState },
    entry: Entry,
  ): Promise<Move> {
    const now = this.#clock().toISOString()
    const before = this.move
    const move: Move = {
      unit: this.#unit.name,
      source: before?.source ?? sides.source.name,
      paused: before?.paused ?? false,
      startedAt: before?.startedAt ?? now,
      startedBy: before?.startedBy ?? entry.actor,
      details: before?.details ?? {},
      error: null,
      ...change,
    }
    // Should this fail, nobody knows whether it happened.
    this.forget()
    await sides.ledger.transaction(async (tx) => {
      await writeMove(tx, move, now)
      await addLogEntry(tx, this.#logEntry(sides, entry))
    })
    this.#changes++
    this.#move = move
    this.#isRead = true
    this.#changed()
    return move
  }

  /** The move is over, and nothing is left of it: the next one copies every table anew. */
  async close({ ledger }: Pick<Sides, 'ledger'>): Promise<void> {
    this.forget()
    await deleteMove(ledger, this.#unit.name)
    await forgetCopies(ledger, this.#unit.name)
    this.leave()
  }

  /** Nothing is known of the move any more; the next look reads again. */
  leave(): void {
    this.forget()
    this.#move = undefined
    this.#changed()
  }

  #logEntry(sides: Sides, entry: Entry) {
    return {
      at: this.#clock().toISOString(),
      unit: this.#unit.name,
      actor: entry.actor,
      action: entry.action,
      epoch: sides.epoch,
      details: entry.details ?? {},
    }
  }
}
