import type { Log } from '../core/log.ts'
import { isDbError } from '../db/db-errors.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { Books } from './books.ts'
import type { Sides, Unit } from './unit.ts'

const RETRY_MS = { first: 500, longest: 30_000 }

interface SetbacksDeps {
  readonly unit: Unit
  readonly books: Books
  readonly control: StorageControl
  readonly log: Log
  readonly changed: () => void
}

/** What keeps a unit from going on: said once, kept in the books, and tried again ever more rarely. */
export class Setbacks {
  readonly #deps: SetbacksDeps
  #error: string | null = null
  #failures = 0

  constructor(deps: SetbacksDeps) {
    this.#deps = deps
  }

  get error(): string | null {
    return this.#error
  }

  /** @returns how long to rest before the next try, in milliseconds. */
  failed(error: unknown): number {
    const { unit, books, log, changed } = this.#deps
    const message = error instanceof Error ? error.message : String(error)
    if (message !== this.#error) {
      const moving = books.lastKnown !== undefined
      const level = !moving ? 'debug' : isDbError(error, 'unavailable') ? 'warn' : 'error'
      log[level]({ unit: unit.name, err: error }, 'move waits')
    }
    this.#error = message
    changed()
    return Math.min(RETRY_MS.first * 2 ** this.#failures++, RETRY_MS.longest)
  }

  /** For whoever looks after the next start. Where the books cannot be written, the page says so meanwhile. */
  async keep(): Promise<void> {
    const { unit, books, control, log } = this.#deps
    const ledger = control.store('postgres')?.db
    if (!ledger || this.#error === null) return
    try {
      await books.keepError(ledger, this.#error)
    } catch (error) {
      log.debug({ unit: unit.name, err: error }, 'why a move waits was not written down')
    }
  }

  async recovered(sides: Sides): Promise<void> {
    const { unit, books, log, changed } = this.#deps
    // Of before the start, too.
    if (books.move?.error) await books.keepError(sides.ledger, null)
    if (this.#failures === 0) return
    this.#failures = 0
    this.#error = null
    if (books.lastKnown) log.info({ unit: unit.name }, 'move goes on')
    changed()
  }

  /** A store came back: that it was away for long is no reason to rest for long should the next try fail, too. */
  storeCameBack(): void {
    this.#failures = Math.min(this.#failures, 1)
  }

  /** A new move has none. */
  forget(): void {
    this.#error = null
  }
}
