import type { Tally } from '../core/tally.ts'
import { isDbError } from '../db/db-errors.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { Books } from './books.ts'
import { Copying } from './copying.ts'
import { type FlipStep, Flips } from './flips.ts'
import { keepArchive } from './keep-archive.ts'
import { keepPartitions } from './keep-partitions.ts'
import { beginMirror, completeMirror, keepCapture, removeMirror, retireMirror } from './lifecycle.ts'
import { Applier } from './mirroring.ts'
import type { MoveDetails } from './move-state.ts'
import { Shadow } from './shadow.ts'
import type { Throttle } from './throttle.ts'
import { type MoveDeps, type Sides, sidesOf, Turns, type Unit } from './unit.ts'
import { readUnitShapes } from './unit-shapes.ts'
import { Verifies } from './verifies.ts'
import { compareWholeTables } from './whole-tables.ts'

const RETRY_MS = { first: 500, longest: 30_000 }
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
  readonly #deps: UnitMoverDeps
  /** Copies, batches, flips and ends of a mirror exclude each other. */
  readonly #turns = new Turns()
  readonly #stopped = new AbortController()
  #interrupt = new AbortController()
  #shapes: readonly TableShape[] | undefined
  #error: string | null = null
  #failures = 0
  #loop: Promise<void> | undefined
  #wake: () => void = () => undefined
  /** When {@link UnitMover.#inspect} ran last; not since the start, or since something went wrong. */
  #inspectedAtMs = Number.NEGATIVE_INFINITY
  #partitionsKeptAtMs = 0

  constructor(unit: Unit, deps: UnitMoverDeps) {
    const { control, clock, limits, changed } = deps
    this.unit = unit
    this.#deps = deps
    this.books = new Books(unit, deps)
    this.applier = new Applier(unit, { batch: limits.batch, clock })
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
    return this.#error
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

  start(): void {
    this.#loop ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#interrupt.abort()
    this.#wake()
    await this.verifies.end()
    await this.#loop
    await this.shadow.stop()
  }

  /** Something was written, or a store came back. */
  wake(): void {
    this.#wake()
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
      this.#wake()
    }
  }

  /** Begins to mirror; the loop does the work. */
  begin(sides: Sides, actor: string | null): Promise<void> {
    return this.alone(async () => {
      this.#shapes = await this.readShapes(sides)
      this.#error = null
      const move = { state: 'starting', source: sides.source.name, details: {} } as const
      await this.books.enter(sides, move, { action: 'mirror', actor })
    })
  }

  /** Gives the mirror up. */
  abort(sides: Sides, actor: string | null): Promise<void> {
    return this.alone(async () => {
      await this.books.enter(sides, { state: 'aborting' }, { action: 'abort', actor })
      await this.#remove(sides)
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
  keepBackup(backup: NonNullable<MoveDetails['backup']>): Promise<void> {
    return this.#turns.run(async () => {
      const sides = this.sides()
      const { move } = this.books
      if (sides?.source.name !== 'sqlite' || move?.state !== 'mirroring') return
      const details = { ...move.details, backup }
      const entry = { action: 'backup', actor: null, details: { path: backup.path } }
      await this.books.enter(sides, { state: 'mirroring', details }, entry)
    })
  }

  /** Lets so many of 100 reads run on the mirror too. What was found before is forgotten. */
  setShadow(sides: Sides, share: number, actor: string | null): Promise<void> {
    return this.#turns.run(async () => {
      const { move } = this.books
      if (move?.state !== 'mirroring') return
      const { shadow: _, ...others } = move.details
      const details = share > 0 ? { ...others, shadow: { share } } : others
      await this.books.enter(
        sides,
        { state: 'mirroring', details },
        { action: 'shadow', actor, details: { share } },
      )
      this.shadow.forget()
      this.shadow.follow(this.books.move)
    })
  }

  /** The archive is gone: nothing is left of the move. */
  async close(books: Pick<Sides, 'ledger'>): Promise<void> {
    await this.books.close(books)
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

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      let restMs = this.#deps.limits.pollMs
      try {
        if (await this.#turns.run(() => this.#step())) restMs = this.#deps.limits.gatherMs
        if (this.sides()) await this.#recovered()
      } catch (error) {
        restMs = this.#failed(error)
        await this.#keepError()
      }
      await this.#rest(restMs)
    }
  }

  /** One piece of work; true when there may be more at once. */
  async #step(): Promise<boolean> {
    if (this.#stopped.signal.aborted) return false
    const sides = this.sides()
    if (!sides) return false
    const move = this.books.move ?? (await this.books.read(sides))
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
    if (move.paused) return false
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
    const signal = AbortSignal.any([this.#stopped.signal, this.#interrupt.signal])
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
    const job = { unit, books, sides, shapes, transfer: this.#deps.transfer, signal: this.#stopped.signal }
    return { size: size + (await compareWholeTables(job, whole)) }
  }

  /** Applies what is queued by now. Under load there is always something newer. */
  async #catchUp(sides: Sides, shapes: readonly TableShape[]): Promise<void> {
    while ((await this.#apply(sides, shapes)).size >= this.#deps.limits.batch) {
      this.#stopped.signal.throwIfAborted()
    }
  }

  async #remove(sides: Sides): Promise<boolean> {
    await removeMirror(this.unit, await this.shapes(sides), sides)
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
    // Of before the start, too.
    if (sides && this.books.move?.error) await this.books.keepError(sides.ledger, null)
    if (this.#failures === 0) return
    this.#failures = 0
    this.#error = null
    if (this.books.lastKnown) this.#deps.log.info({ unit: this.unit.name }, 'move goes on')
    this.#deps.changed()
  }

  /** For whoever looks after the next start. Where the books cannot be written, the page says so meanwhile. */
  async #keepError(): Promise<void> {
    const ledger = this.#deps.control.store('postgres')?.db
    if (!ledger || this.#error === null) return
    try {
      await this.books.keepError(ledger, this.#error)
    } catch (error) {
      this.#deps.log.debug({ unit: this.unit.name, err: error }, 'why a move waits was not written down')
    }
  }

  /** @returns how long to rest before the next try. */
  #failed(error: unknown): number {
    if (this.#stopped.signal.aborted || isAbort(error)) return 0
    const message = error instanceof Error ? error.message : String(error)
    if (message !== this.#error) {
      const moving = this.books.lastKnown !== undefined
      const level = !moving ? 'debug' : isDbError(error, 'unavailable') ? 'warn' : 'error'
      this.#deps.log[level]({ unit: this.unit.name, err: error }, 'move waits')
    }
    this.#error = message
    // Both stores may have been restored meanwhile: nothing that was read before is taken for granted.
    this.books.forget()
    this.#shapes = undefined
    this.#inspectedAtMs = Number.NEGATIVE_INFINITY
    this.#deps.changed()
    return Math.min(RETRY_MS.first * 2 ** this.#failures++, RETRY_MS.longest)
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        // Changes that come one after the other are gathered for a moment.
        setTimeout(resolve, Math.min(ms, this.#deps.limits.gatherMs))
      }
      if (this.#stopped.signal.aborted) this.#wake()
    })
  }
}

const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError'
