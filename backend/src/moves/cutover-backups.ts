import { join } from 'node:path'
import type { Log } from '../core/log.ts'
import { takeProvedCopy } from './proved-copy.ts'
import type { Sides } from './unit.ts'
import type { UnitMover } from './unit-mover.ts'

const VALID_MS = 24 * 60 * 60_000
const RETRY_MS = 60_000

interface CutoverBackupsDeps {
  readonly sqlitePath: string
  readonly dataDir: string
  readonly log: Log
  readonly clock: () => Date
  readonly movers: () => Iterable<UnitMover>
}

/** Copies of the SQLite file that are taken and read back before a cut over. One serves every unit that is complete by then. */
export class CutoverBackups {
  readonly #deps: CutoverBackupsDeps
  readonly #stopped = new AbortController()
  #running: Promise<void> | undefined
  #failedMs = Number.NEGATIVE_INFINITY
  #error: string | null = null

  constructor(deps: CutoverBackupsDeps) {
    this.#deps = deps
  }

  /** Why the last one failed. */
  get error(): string | null {
    return this.#error
  }

  /** Takes one where a cut over of the unit needs it. @throws Error when it cannot be taken or is not whole. */
  async take(mover: UnitMover, sides: Sides): Promise<void> {
    const { move } = mover.books
    if (sides.source.name !== 'sqlite' || move?.state !== 'mirroring') return
    const taken = move.details.backup
    if (taken && this.#nowMs() - Date.parse(taken.at) < VALID_MS) return
    this.#running ??= this.#take().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  /** The gate of a cut over asks for the copy: without it nobody could press the button that takes it. */
  takeAhead(mover: UnitMover): void {
    const sides = mover.sides()
    if (!sides || this.#nowMs() - this.#failedMs < RETRY_MS) return
    this.take(mover, sides).catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return
      this.#failedMs = this.#nowMs()
      this.#error = error instanceof Error ? error.message : String(error)
      this.#deps.log.warn({ err: error }, 'backup before a cut over failed')
    })
  }

  /** A copy that runs is given up: it may be one of gigabytes. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running?.catch(() => undefined) // told to its caller
  }

  async #take(): Promise<void> {
    const { sqlitePath, dataDir, clock, movers } = this.#deps
    const now = clock()
    const { signal } = this.#stopped
    const path = await takeProvedCopy(sqlitePath, join(dataDir, 'backups'), now, { signal })
    const backup = { at: now.toISOString(), path }
    for (const mover of movers()) await mover.keepBackup(backup)
    this.#error = null
  }

  #nowMs(): number {
    return this.#deps.clock().getTime()
  }
}
