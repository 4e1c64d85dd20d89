import type { Tally } from '../core/tally.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { Backlog } from './backlog.ts'
import { Books } from './books.ts'
import { Copying } from './copying.ts'
import { type FlipStep, Flips } from './flips.ts'
import { forgetGivenUp, givenUpAlone, giveUpAlone } from './giving-up.ts'
import { keepArchive } from './keep-archive.ts'
import { keepPartitions } from './keep-partitions.ts'
import { beginMirror, completeMirror, keepCapture, removeMirror, retireMirror } from './lifecycle.ts'
import { Loop } from './loop.ts'
import { Applier } from './mirroring.ts'
import type { Move, MoveDetails } from './move-state.ts'
import { Setbacks } from './setbacks.ts'
import { Shadow } from './shadow.ts'
import type { Throttle } from './throttle.ts'
import { type MoveDeps, type Sides, sidesOf, Turns, type Unit } from './unit.ts'
import { readUnitShapes } from './unit-shapes.ts'
import { Verifies } from './verifies.ts'
import { compareWholeTables } from './whole-tables.ts'

const PARTITIONS_EVERY_MS = 10 * 60_000
const INSPECT_EVERY_MS = 60_000

export interface UnitMoverDeps extends MoveDeps {
  readonly throttle: Throttle
  /** Copies of all units take turns: two at once would only slow each other and the product down. */
  readonly copyTurns: Turns
  /** Pauses of the flips of all units, in milliseconds. */
  readonly pauses: Tally
  readonly changed: () => void
}

/** Carries the move of one unit: from state to state, with a loop that keeps the mirror equal. */
export class UnitMover {
  readonly unit: Unit
  readonly books: Books
  readonly applier: Applier
  readonly copying: Copying
  readonly flips: Flips
  readonly verifies: Verifies
  readonly shadow: Shadow
  readonly backlog: Backlog
  readonly #deps: UnitMoverDeps
  /** Copies, batches, flips and ends of a mirror exclude each other. */
  readonly #turns = new Turns()
  readonly #loop: Loop
  #interrupt = new AbortController()
  #shapes: readonly TableShape[] | undefined
  readonly #setbacks: Setbacks
  /** When {@link UnitMover.#inspect} ran last; not since the start, or since something went wrong. */
  #inspectedAtMs = Number.NEGATIVE_INFINITY
  #partitionsKeptAtMs = 0

  constructor(unit: Unit, deps: UnitMoverDeps) {
    const { control, clock, limits, changed } = deps
    this.unit = unit
    this.#deps = deps
    this.books = new Books(unit, deps)
    this.#loop = new Loop(() => this.#turn(), limits.gatherMs)
    this.#setbacks = new Setbacks({ ...deps, unit, books: this.books })
    this.applier = new Applier(unit, { batch: limits.batch, clock })
    this.backlog = new Backlog(unit, { ...deps, applier: this.applier })
    this.copying = new Copying(unit, { ...deps, advanced: () => this.#inBackground(this.#recovered()) })
    this.flips = new Flips({
      unit,
      books: this.books,
      applier: this.applier,
      control,
      clock,
      log: deps.log,
      pauses: deps.pauses,
      changed,
    })
    this.verifies = new Verifies(unit, {
      ...deps,
      books: this.books,
      copying: this.copying,
      turns: this.#turns,
      both: async () => {
        const sides = this.sides()
        if (!sides) throw new Error('Both stores must be there')
        return { sides, shapes: await this.#turns.run(() => this.#inspect(sides)) }
      },
      catchUp: (sides, shapes) => this.#catchUp(sides, shapes),
    })
    this.shadow = new Shadow(unit, {
      control,
      clock,
      sides: () => this.sides(),
      isBusy: () => this.flips.running || deps.throttle.reason() !== null,
      settled: (work) => this.#settled(work),
      record: (mismatch) =>
        this.#turns.run(async () => {
          const sides = this.sides()
          if (sides) await this.books.noteMismatch(sides, mismatch)
        }),
    })
  }

  /** Why it does not go on by itself, if it does not. */
  get error(): string | null {
    return this.#setbacks.error
  }

  /** Both stores, when both are there. */
  sides(): Sides | undefined {
    return sidesOf(this.#deps.control, this.unit)
  }

  /** The tables as both live catalogs have them. @throws AppError `move_refused`. */
  async shapes(sides: Sides): Promise<readonly TableShape[]> {
    this.#shapes ??= await this.readShapes(sides)
    return this.#shapes
  }

  readShapes(sides: Sides): Promise<TableShape[]> {
    return readUnitShapes(this.unit, sides)
  }

  /**
   * The move as the books have it: read once, until something happens to a store. One that was given up while they
   * were away is being given up.
   */
  async read(sides: Sides): Promise<Move | undefined> {
    if (this.books.isRead) return this.books.move
    const note = await givenUpAlone(sides, this.unit)
    const move = await this.books.read(sides)
    if (!note) return move
    this.books.forget()
    const entry = { action: 'abort', actor: note.actor, details: { at: note.at } }
    if (move) await this.books.enter(sides, { state: 'aborting' }, entry)
    await forgetGivenUp(sides, this.unit)
    return this.books.move
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#loop.end()
    this.#interrupt.abort()
    await this.verifies.end()
    await this.#loop.settled()
    await this.shadow.stop()
  }

  /** Something was written. */
  wake(): void {
    this.#loop.wake()
  }

  /** A store came back, perhaps another one: nothing that was read before is taken for granted. */
  lookAgain(): void {
    this.#distrust()
    this.#setbacks.storeCameBack()
    this.#loop.wake()
  }

  /** Ends a copy or a verify that runs, then runs `work` alone. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#interrupt.abort()
    await this.verifies.end()
    try {
      return await this.#turns.run(async () => {
        this.#interrupt = new AbortController()
        return work()
      })
    } finally {
      this.#loop.wake()
    }
  }

  /** Begins to mirror; the loop does the work. */
  begin(sides: Sides, actor: string | null): Promise<void> {
    return this.alone(async () => {
      this.#shapes = await this.readShapes(sides)
      this.#setbacks.forget()
      const move = { state: 'starting', source: sides.source.name, details: {} } as const
      await this.books.enter(sides, move, { action: 'mirror', actor })
    })
  }

  /** Gives the mirror up. Without both sides SQLite alone does its part; the rest is done when PostgreSQL is back. */
  abort(sides: Sides | undefined, actor: string | null): Promise<void> {
    return this.alone(async () => {
      if (sides) {
        await this.books.enter(sides, { state: 'aborting' }, { action: 'abort', actor })
        await this.#remove(sides)
        return
      }
      const { control, clock } = this.#deps
      const sqlite = control.store('sqlite')
      if (!sqlite) throw new Error('SQLite must be there')
      await giveUpAlone(sqlite, this.unit, { at: clock().toISOString(), actor })
      this.books.leave()
      this.#forget()
    })
  }

  /** Retires the other store for good. */
  finish(sides: Sides, actor: string | null): Promise<void> {
    return this.alone(async () => {
      await this.books.enter(sides, { state: 'finishing' }, { action: 'finish', actor })
      await this.#retire(sides)
    })
  }

  /** Changes places of the two stores, in a pause of `limitMs` at most. @throws FlipAbortedError. */
  flip(sides: Sides, step: FlipStep, limitMs: number): Promise<void> {
    return this.alone(async () => {
      const shapes = await this.#inspect(sides)
      await this.flips.run({ sides, shapes, step, limitMs, apply: () => this.#apply(sides, shapes) })
    })
  }

  /** Notes the copy of the SQLite file that was taken, if that file still holds the truth of a complete mirror. */
  async keepBackup(backup: NonNullable<MoveDetails['backup']>): Promise<void> {
    // A copy has its turn for hours.
    if (this.books.lastKnown?.state !== 'mirroring') return
    await this.#turns.run(async () => {
      const sides = this.sides()
      if (sides?.source.name !== 'sqlite') return
      await this.read(sides)
      await this.books.noteBackup(sides, backup)
    })
  }

  /** Lets so many of 100 reads run on the mirror too. What was found before is forgotten. */
  setShadow(sides: Sides, share: number, actor: string | null): Promise<void> {
    return this.#turns.run(async () => {
      await this.books.setShadow(sides, share, actor)
      this.shadow.forget()
      this.shadow.follow(this.books.move)
    })
  }

  /** The archive is gone: nothing is left of the move. */
  async close(books: Pick<Sides, 'ledger'>): Promise<void> {
    await this.books.close(books)
    this.#forget()
  }

  #forget(): void {
    this.shadow.follow(undefined)
    this.verifies.begunWith(new Map())
    this.applier.forget()
    this.copying.forget()
  }

  #settled<T>(work: (sides: Sides, shapes: readonly TableShape[]) => Promise<T>): Promise<T | undefined> {
    return this.#turns.run(async () => {
      const sides = this.sides()
      const { move } = this.books
      if (!sides || move?.state !== 'mirroring' || move.paused) return undefined
      const shapes = await this.shapes(sides)
      await this.#catchUp(sides, shapes)
      return work(sides, shapes)
    })
  }

  /** @returns how long to rest until the next turn. */
  async #turn(): Promise<number> {
    const { pollMs, gatherMs } = this.#deps.limits
    try {
      const more = await this.#turns.run(() => this.#step())
      await this.#recovered()
      return more ? gatherMs : pollMs
    } catch (error) {
      const restMs = this.#failed(error)
      await this.#setbacks.keep()
      await this.backlog.look(this.sides())
      return restMs
    }
  }

  /** One piece of work; true when there may be more at once. */
  async #step(): Promise<boolean> {
    if (this.#loop.signal.aborted) return false
    const sides = this.sides()
    if (!sides) return this.backlog.look(sides)
    const move = await this.read(sides)
    this.shadow.follow(move)
    if (!move) return false
    const isDue = this.#deps.clock().getTime() - this.#inspectedAtMs > INSPECT_EVERY_MS
    if (move.state === 'finished') {
      if (isDue) await keepArchive(this.unit, await this.shapes(sides), sides)
      this.#inspectedAtMs = isDue ? this.#deps.clock().getTime() : this.#inspectedAtMs
      return false
    }
    if (move.state === 'aborting') return this.#remove(sides)
    if (move.state === 'finishing') return this.#retire(sides)
    if (move.paused) return this.backlog.look(sides)
    const shapes = move.state !== 'starting' && isDue ? await this.#inspect(sides) : await this.shapes(sides)
    if (move.state === 'mirroring') return this.#keep(sides, shapes)
    if (move.state === 'copying') return this.#copy(sides, shapes)
    await beginMirror(this.unit, shapes, sides)
    await this.books.enter(sides, { state: 'copying' }, { action: 'copy', actor: null })
    return true
  }

  /** Looks at tables, triggers and queues, and repairs what is missing: somebody may have changed them by hand. */
  async #inspect(sides: Sides): Promise<readonly TableShape[]> {
    const shapes = await this.readShapes(sides)
    const triggers = this.books.move?.state === 'copying' ? 'guarding' : 'logging'
    const problems = await keepCapture(this.unit, shapes, sides, triggers)
    if (problems.length > 0) {
      this.#deps.log.warn({ unit: this.unit.name, problems }, 'triggers of a move were missing')
      await this.books.note(sides, { action: 'capture-repaired', actor: null, details: { problems } })
    }
    this.#shapes = shapes
    this.#inspectedAtMs = this.#deps.clock().getTime()
    return shapes
  }

  async #copy(sides: Sides, shapes: readonly TableShape[]): Promise<boolean> {
    // Waiting behind another unit's copy would keep this one from being paused or given up.
    if (this.#deps.copyTurns.busy) return false
    const signal = AbortSignal.any([this.#loop.signal, this.#interrupt.signal])
    const digests = await this.#deps.copyTurns.run(() =>
      this.copying.run(sides, shapes, signal, (copied) => this.#catchUp(sides, copied)),
    )
    if (signal.aborted) return false
    await this.#catchUp(sides, shapes)
    await completeMirror(this.unit, shapes, sides)
    this.verifies.begunWith(digests)
    this.applier.disturb()
    const entry = { action: 'copied', actor: null, details: this.copying.summary() }
    await this.books.enter(sides, { state: 'mirroring' }, entry)
    this.#inBackground(this.verifies.run(null))
    return true
  }

  async #keep(sides: Sides, shapes: readonly TableShape[]): Promise<boolean> {
    const nowMs = this.#deps.clock().getTime()
    if (nowMs - this.#partitionsKeptAtMs > PARTITIONS_EVERY_MS) {
      await keepPartitions(this.unit, sides, shapes, nowMs)
      this.#partitionsKeptAtMs = nowMs
    }
    const { size } = await this.#apply(sides, shapes)
    if (this.books.move?.details.lastFlip?.confirmed === false) await this.flips.confirmLater(sides)
    if (this.verifies.isDue(nowMs)) this.#inBackground(this.verifies.run(null))
    this.#deps.changed()
    return size > 0
  }

  async #apply(sides: Sides, shapes: readonly TableShape[]): Promise<{ size: number }> {
    const { unit, books } = this
    const { size, whole } = await this.applier.apply(sides, shapes, this.#deps.limits.lagGoalMs)
    const job = { unit, books, sides, shapes, transfer: this.#deps.transfer, signal: this.#loop.signal }
    return { size: size + (await compareWholeTables(job, whole)) }
  }

  /** Applies what is queued by now. Under load there is always something newer. */
  async #catchUp(sides: Sides, shapes: readonly TableShape[]): Promise<void> {
    while ((await this.#apply(sides, shapes)).size >= this.#deps.limits.batch) {
      this.#loop.signal.throwIfAborted()
    }
  }

  async #remove(sides: Sides): Promise<boolean> {
    await removeMirror(this.unit, sides)
    await this.close(sides)
    return false
  }

  async #retire(sides: Sides): Promise<boolean> {
    await retireMirror(this.unit, await this.shapes(sides), sides)
    await this.books.enter(sides, { state: 'finished' }, { action: 'finished', actor: null })
    return false
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#failed(error))
  }

  async #recovered(): Promise<void> {
    const sides = this.sides()
    if (sides) await this.#setbacks.recovered(sides)
  }

  /** @returns how long to rest before the next try. */
  #failed(error: unknown): number {
    if (this.#loop.signal.aborted || isAbort(error)) return 0
    this.#distrust()
    return this.#setbacks.failed(error)
  }

  #distrust(): void {
    this.books.forget()
    this.#shapes = undefined
    this.#inspectedAtMs = Number.NEGATIVE_INFINITY
  }
}

const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError'
