import type { TableDigest, TableShape } from '../db/transfer/index.ts'
import type { Books } from './books.ts'
import type { Copying } from './copying.ts'
import { repairKeys } from './repair.ts'
import type { MoveDeps, Sides, Turns, Unit } from './unit.ts'
import { type VerifyResult, verifyUnit } from './verifying.ts'

interface VerifiesDeps extends MoveDeps {
  readonly books: Books
  readonly copying: Copying
  readonly turns: Turns
  /** Both stores and the tables as both live catalogs have them. @throws Error when one is away. */
  readonly both: () => Promise<{ sides: Sides; shapes: readonly TableShape[] }>
  /** Applies what is queued by now. Called within a turn. */
  readonly catchUp: (sides: Sides, shapes: readonly TableShape[]) => Promise<void>
  readonly changed: () => void
}

/** The verifies of one unit: one at a time, shared by all who ask for it. */
export class Verifies {
  /** Rows that differed, since the start. */
  differences = 0
  readonly #unit: Unit
  readonly #deps: VerifiesDeps
  #running:
    | { readonly abort: AbortController; readonly done: Promise<VerifyResult>; rows: number }
    | undefined
  #sourceDigests: ReadonlyMap<string, TableDigest> = new Map()
  #sweptAtMs = 0

  constructor(unit: Unit, deps: VerifiesDeps) {
    this.#unit = unit
    this.#deps = deps
  }

  get running(): { readonly rows: number } | undefined {
    return this.#running
  }

  /** What a copy has read: the next verify need not read it again. */
  begunWith(sourceDigests: ReadonlyMap<string, TableDigest>): void {
    this.#sourceDigests = sourceDigests
  }

  /** Whether the last one, or its attempt, is so long ago that it is time for another; notes the attempt. */
  isDue(nowMs: number): boolean {
    const verify = this.#deps.books.move?.details.verify
    const lastMs = Math.max(this.#sweptAtMs, verify ? Date.parse(verify.at) : 0)
    if (this.#running || nowMs - lastMs <= this.#deps.limits.sweepMs) return false
    this.#sweptAtMs = nowMs
    return true
  }

  /** Compares all rows. */
  run(actor: string | null): Promise<VerifyResult> {
    if (this.#running) return this.#running.done
    const abort = new AbortController()
    const done = this.#verify(abort.signal, actor).finally(() => {
      this.#running = undefined
      this.#deps.changed()
    })
    this.#running = { abort, done, rows: 0 }
    this.#deps.changed()
    return done
  }

  async end(): Promise<void> {
    this.#running?.abort.abort()
    await this.#running?.done.catch(() => undefined) // it was told to end
  }

  async #verify(signal: AbortSignal, actor: string | null): Promise<VerifyResult> {
    const { both, turns, transfer, clock, copying, catchUp } = this.#deps
    const { sides, shapes } = await both()
    const sourceDigests = this.#sourceDigests
    this.#sourceDigests = new Map()
    const result = await verifyUnit({
      unit: this.#unit,
      sides,
      shapes,
      transfer,
      turns,
      clock,
      signal,
      sourceDigests,
      catchUp: () => catchUp(sides, shapes),
      repair: async (shape, keys) => {
        await repairKeys(sides, this.#unit, shapes, shape.table, keys)
      },
      beforePage: () => copying.pace(signal),
      onProgress: (rows) => {
        if (this.#running) this.#running.rows = rows
      },
    })
    this.differences += result.differences.length
    this.#sweptAtMs = clock().getTime()
    await turns.run(() => this.#record(sides, actor, result))
    return result
  }

  async #record(sides: Sides, actor: string | null, { rows, differences }: VerifyResult): Promise<void> {
    const { books, clock } = this.#deps
    const { move } = books
    // An abort may have come in between: then there is nothing to write the result to.
    if (move?.state !== 'mirroring') return
    const verify = { at: clock().toISOString(), rows, differences: differences.length }
    const details = { rows, differences: differences.length, examples: differences.slice(0, 10) }
    await books.enter(
      sides,
      { state: 'mirroring', details: { ...move.details, verify } },
      { action: 'verify', actor, details },
    )
  }
}
