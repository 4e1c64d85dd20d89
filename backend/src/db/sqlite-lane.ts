import { DbError } from './db-errors.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

interface Slot {
  busy: boolean
  /** performance.now() when it was last given back. */
  freeSince: number
  connection: SqliteConnection | undefined
}

interface Waiter {
  readonly go: (slot: Slot) => void
  readonly fail: (error: unknown) => void
}

export interface SqliteLaneOptions {
  /** Threads at most; who comes when all are taken waits in line. */
  readonly size: number
  /** Threads that are kept when nobody uses them. */
  readonly keep: number
  /** How long the others wait to be used again: to start one takes more than most of what is asked of it. */
  readonly idleMs: number
  /** Starts a thread: the first of its place, or in place of one that is lost. */
  readonly open: (lost: boolean) => Promise<SqliteConnection>
}

/** A connection for one user at a time. */
export interface TakenConnection {
  readonly connection: SqliteConnection
  release(): void
}

/** Connections of one kind, started when they are needed and given out in the order in which callers came. */
export class SqliteLane {
  readonly #options: SqliteLaneOptions
  readonly #slots: readonly Slot[]
  readonly #line: Waiter[] = []
  readonly #ending = new Set<Promise<void>>()
  #trimming: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SqliteLaneOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.size }, () => ({
      busy: false,
      freeSince: 0,
      connection: undefined,
    }))
  }

  /**
   * An abort while waiting leaves the line.
   *
   * @throws DbError when the file cannot be opened, or the lane is closed.
   */
  async acquire(signal?: AbortSignal): Promise<TakenConnection> {
    if (this.#closed) throw closedError()
    signal?.throwIfAborted()
    const free = this.#slots.filter((each) => !each.busy)
    const slot = free.find(({ connection }) => connection) ?? free[0] ?? (await this.#wait(signal))
    slot.busy = true
    try {
      const known = slot.connection
      const connection = known && !known.lost ? known : await this.#options.open(known !== undefined)
      slot.connection = connection
      if (this.#closed) {
        await connection.close() // close() could not see it yet
        throw closedError()
      }
      return { connection, release: () => this.#release(slot) }
    } catch (error) {
      this.#release(slot)
      throw error
    }
  }

  /** Lets nobody in any more, and rejects who waits. Who has a connection keeps it. */
  stop(): void {
    this.#closed = true
    clearTimeout(this.#trimming)
    for (const waiter of this.#line.splice(0)) waiter.fail(closedError())
  }

  /** Stops and ends the threads; with `drain` each when its user is done. */
  async close({ drain }: { drain: boolean }): Promise<void> {
    this.stop()
    const ends = this.#slots.map(async (slot) => {
      const last = drain && slot.busy ? await this.#wait(undefined) : slot
      await last.connection?.close()
    })
    await Promise.all([...ends, ...this.#ending])
  }

  #wait(signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#line.splice(this.#line.indexOf(waiter), 1)
        reject(signal?.reason)
      }
      const waiter = {
        go: (slot: Slot) => {
          signal?.removeEventListener('abort', leave)
          resolve(slot)
        },
        fail: (error: unknown) => {
          signal?.removeEventListener('abort', leave)
          reject(error)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#line.push(waiter)
    })
  }

  /** Hands the place to the next in line, which keeps it busy: nobody who comes now gets ahead. */
  #release(slot: Slot): void {
    const next = this.#line.shift()
    if (next) {
      next.go(slot)
      return
    }
    slot.busy = false
    slot.freeSince = performance.now()
    this.#trimLater()
  }

  #idle(): Slot[] {
    return this.#slots.filter((each) => !each.busy && each.connection)
  }

  #trimLater(): void {
    if (this.#trimming || this.#closed || this.#idle().length <= this.#options.keep) return
    this.#trimming = setTimeout(() => this.#trim(), this.#options.idleMs).unref()
  }

  /** Ends the threads that are too many and were not used for long; the first places are used before others. */
  #trim(): void {
    this.#trimming = undefined
    const since = performance.now() - this.#options.idleMs
    for (const slot of this.#idle().slice(this.#options.keep)) {
      const { connection } = slot
      if (!connection || slot.freeSince > since) continue
      slot.connection = undefined
      const ending = connection.close().finally(() => this.#ending.delete(ending))
      this.#ending.add(ending)
    }
    this.#trimLater()
  }
}

function closedError(): DbError {
  return new DbError('unavailable', 'The SQLite store is closed')
}
