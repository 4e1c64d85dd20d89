import { join } from 'node:path'
import type { Log } from '../core/log.ts'
import { hasFreshBackup } from './move-state.ts'
import { takeProvedCopy } from './proved-copy.ts'
import type { UnitMover } from './unit-mover.ts'

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

  /** Why the last one failed; it is tried again. */
  get error(): string | null {
    return this.#error
  }

  /** Begins one where a cut over of the unit needs it: it takes as long as the file is large, and nobody waits for it. */
  begin(mover: UnitMover): void {
    const { books } = mover
    if (this.#running || mover.sides()?.source.name !== 'sqlite' || books.move?.state !== 'mirroring') return
    if (hasFreshBackup(books.move, this.#deps.clock().getTime())) return
    this.#running = this.#take().finally(() => {
      this.#running = undefined
    })
  }

  /** The same, unless the last one has just failed. */
  takeAhead(mover: UnitMover): void {
    if (this.#deps.clock().getTime() - this.#failedMs >= RETRY_MS) this.begin(mover)
  }

  /** A copy that runs is given up: it may be one of gigabytes. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  /** Never rejects: what went wrong is a reason against a cut over. */
  async #take(): Promise<void> {
    const { sqlitePath, dataDir, clock, movers, log } = this.#deps
    const { signal } = this.#stopped
    const now = clock()
    try {
      const path = await takeProvedCopy(sqlitePath, join(dataDir, 'backups'), now, { signal })
      const backup = { at: now.toISOString(), path }
      await Promise.all([...movers()].map((mover) => mover.keepBackup(backup)))
      this.#error = null
    } catch (error) {
      if (signal.aborted) return
      this.#failedMs = clock().getTime()
      this.#error = error instanceof Error ? error.message : String(error)
      log.warn({ err: error }, 'backup before a cut over failed')
    }
  }
}
