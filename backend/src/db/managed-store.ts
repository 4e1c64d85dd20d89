import type { Log } from '../core/log.ts'
import type { AppDb } from './app-db.ts'
import type { MigrationReport } from './migrate.ts'
import { MissingDriverError } from './missing-driver.ts'
import type { Placement } from './placement-store.ts'
import type { SqlStore } from './sql-store.ts'
import { StoreInUseError } from './store-in-use.ts'

/** What is known of a store that answered. */
export interface StoreInfo {
  /** Version of the engine. */
  readonly version: string
  readonly sizeBytes: number
  readonly timescale: MigrationReport['timescale']
}

export interface ManagedStoreOptions {
  readonly name: Placement
  readonly log: Log
  readonly intervals: StoreIntervals
  /** Opens and prepares the store. Called until it succeeds once. */
  open(): Promise<{ store: SqlStore; info: StoreInfo }>
  /** Prepares an opened store again: while it was away it may have been replaced or restored. */
  prepare(store: SqlStore): Promise<StoreInfo>
  /** Size in bytes now; asked for about once a minute. */
  measure(store: SqlStore): Promise<number>
  /** Runs before the store is given to anybody, each time it comes (back). */
  onPrepared(): Promise<unknown>
  /** Runs each time when it can be used from then on. */
  onReady(): void
  /** Runs each time when it cannot be used any more. */
  onAway(): void
}

export interface StoreIntervals {
  /** How often a store that is there is asked whether it still is. */
  readonly heartbeatMs: number
  /** Pause before the first attempt to get a store back; it doubles up to `longestRetryMs`. */
  readonly firstRetryMs: number
  readonly longestRetryMs: number
  /** How long it may take to answer; then it is away. */
  readonly answerMs: number
  /** How long it may be away before what still waits for its answer is given up. */
  readonly patienceMs: number
}

export const STORE_INTERVALS: StoreIntervals = {
  heartbeatMs: 5_000,
  firstRetryMs: 250,
  longestRetryMs: 10_000,
  answerMs: 3_000,
  patienceMs: 15_000,
}

const PROBES_PER_MEASUREMENT = 12

/** A store that is opened in the background, is told to be away when it is, and comes back by itself. */
export class ManagedStore {
  readonly name: Placement
  readonly #options: ManagedStoreOptions
  readonly #stopped = new AbortController()
  #store: SqlStore | undefined
  #state: 'away' | 'prepared' | 'ready' = 'away'
  #reason: string
  #info: StoreInfo | undefined
  #timer: NodeJS.Timeout | undefined
  #patience: NodeJS.Timeout | undefined
  #attempt: Promise<void> | undefined
  #probe: Promise<void> | undefined
  #failures = 0
  #probes = 0

  constructor(options: ManagedStoreOptions) {
    this.name = options.name
    this.#options = options
    this.#reason = 'not connected yet'
  }

  /** Why the store cannot be used, or undefined when it can. */
  get reason(): string | undefined {
    return this.#state === 'ready' ? undefined : this.#reason
  }

  /** Whether `db` is the one of this store. */
  has(db: AppDb): boolean {
    return this.#store?.db === db
  }

  /** What it said when it was there last. */
  get info(): StoreInfo | undefined {
    return this.#info
  }

  /** The store, if it can be used. */
  get ready(): SqlStore | undefined {
    return this.#state === 'ready' ? this.#store : undefined
  }

  /** The store, if it can at least be asked where domains are. */
  get prepared(): SqlStore | undefined {
    return this.#state === 'away' ? undefined : this.#store
  }

  /**
   * The first attempt. When it fails the store is away, and attempts go on in the background.
   *
   * @throws StoreInUseError when another server has the file, MissingDriverError: waiting would help nobody.
   */
  async start(): Promise<void> {
    await this.#connect()
  }

  /** Lets it be used. Not part of {@link start}: at boot placements are settled once, over all stores. */
  release(): void {
    if (this.#state === 'prepared') this.#becomeReady()
  }

  /** It was opened and then failed before it could be used, e.g. because its disk is full: it is tried again. */
  fail(error: Error): void {
    if (this.#state === 'prepared') this.#goAway(error)
  }

  /** A call has failed because the store is unavailable: asks it, and if it is away, waits for it to come back. */
  suspect(error: Error): void {
    if (this.#state !== 'ready' || this.#stopped.signal.aborted) return
    this.#probe ??= this.#probeNow(error).finally(() => {
      this.#probe = undefined
    })
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#timer)
    clearTimeout(this.#patience)
    if (this.#state === 'away') this.#store?.cut?.()
    await Promise.all([this.#attempt, this.#probe])
    this.#state = 'away'
    this.#reason = 'closed'
    await this.#store?.close()
  }

  async #connect(): Promise<void> {
    try {
      if (this.#store) this.#info = await this.#options.prepare(this.#store)
      else {
        const opened = await this.#options.open()
        this.#store = opened.store
        this.#info = opened.info
      }
      this.#state = 'prepared'
    } catch (error) {
      if (error instanceof StoreInUseError || error instanceof MissingDriverError) throw error
      this.#goAway(error)
    }
  }

  #becomeReady(): void {
    this.#state = 'ready'
    clearTimeout(this.#patience)
    if (this.#failures > 0) this.#options.log.warn({ store: this.name }, 'store is back')
    this.#failures = 0
    this.#schedule(this.#options.intervals.heartbeatMs, () => this.#probeNow())
    this.#options.onReady()
  }

  #goAway(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    // Once, and again when the reason changes: not at every attempt.
    if (this.#failures === 0 || reason !== this.#reason) {
      this.#options.log.error({ store: this.name, err: error }, 'store is away')
    }
    this.#state = 'away'
    this.#reason = reason
    this.#options.onAway()
    const { firstRetryMs, longestRetryMs, patienceMs } = this.#options.intervals
    if (this.#failures === 0) {
      clearTimeout(this.#patience)
      // A network that was cut without a word leaves them waiting until TCP gives up, a quarter of an hour later.
      this.#patience = setTimeout(() => this.#store?.cut?.(), patienceMs)
      this.#patience.unref()
    }
    const pauseMs = Math.min(firstRetryMs * 2 ** Math.min(this.#failures, 16), longestRetryMs)
    this.#failures++
    this.#schedule(pauseMs * (0.75 + Math.random() / 2), () => this.#comeBack())
  }

  async #comeBack(): Promise<void> {
    this.#attempt = this.#tryAgain()
    await this.#attempt
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#connect()
      if (this.#state !== 'prepared') return
      await this.#options.onPrepared()
      this.#becomeReady()
    } catch (error) {
      this.#goAway(error)
    }
  }

  async #probeNow(cause?: Error): Promise<void> {
    const store = this.#store
    if (this.#state !== 'ready' || !store) return
    try {
      await store.db.query('SELECT 1 AS one', [], {
        signal: AbortSignal.timeout(this.#options.intervals.answerMs),
      })
      if (++this.#probes % PROBES_PER_MEASUREMENT === 0) await this.#measure(store)
      if (this.#state === 'ready') {
        this.#schedule(this.#options.intervals.heartbeatMs, () => this.#probeNow())
      }
    } catch (error) {
      const timedOut = error instanceof DOMException
      this.#goAway(timedOut ? (cause ?? new Error('The store does not answer')) : error)
    }
  }

  async #measure(store: SqlStore): Promise<void> {
    const sizeBytes = await this.#options.measure(store)
    if (this.#info) this.#info = { ...this.#info, sizeBytes }
  }

  #schedule(delayMs: number, run: () => Promise<void>): void {
    clearTimeout(this.#timer)
    if (this.#stopped.signal.aborted) return
    this.#timer = setTimeout(() => void run(), delayMs)
    // A store that is away must not keep a process from ending.
    this.#timer.unref()
  }
}
