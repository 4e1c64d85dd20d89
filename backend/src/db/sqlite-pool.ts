import { abortable } from './abort.ts'
import type { StoreStats } from './sql-store.ts'
import { type SpawnWorker, SqliteConnection } from './sqlite-connection.ts'
import { SqliteLane } from './sqlite-lane.ts'
import type { SqliteOperation, SqliteResult, SqliteWorkerOptions } from './sqlite-protocol.ts'

/** Sends operations to one connection. */
export type SqliteSend = (operation: SqliteOperation) => Promise<SqliteResult>

/** A connection while one statement, transaction, snapshot or stream has it. */
export interface SqliteLease {
  readonly send: SqliteSend
  release(): void
}

export interface SqlitePoolOptions {
  readonly worker: Omit<SqliteWorkerOptions, 'readonly'>
  /** 0: reads go to the writer too (`:memory:` has only one connection). */
  readonly readers: number
  readonly workerFile: URL
  readonly spawn: SpawnWorker
  /** Not even the writer can write. */
  readonly readonly: boolean
}

/** Streams and snapshots at a time; more wait. */
const MAX_CURSORS = 8
const IDLE_CURSORS = 2
const IDLE_MS = 10_000

/** The threads of one file: a writer with its queue, readers, and readers for what lasts. */
export class SqlitePool {
  readonly stats: StoreStats = { retries: 0, reconnects: 0 }
  /** Grows with every schema change; column types cached in the threads are then dropped. */
  generation = 0
  readonly path: string
  readonly single: boolean
  readonly #writer: SqliteLane
  readonly #readers: SqliteLane
  /**
   * For streams and snapshots, one on a thread: every statement of a connection sees the state that the oldest open
   * cursor on it sees, so that a read beside a stream would miss what was committed since that began.
   */
  readonly #cursors: SqliteLane
  #closing: Promise<void> | undefined

  constructor({ worker, readers, workerFile, spawn, readonly }: SqlitePoolOptions) {
    const opener = (onlyReads: boolean) => (lost: boolean) => {
      if (lost) this.stats.reconnects++
      return SqliteConnection.open(workerFile, { ...worker, readonly: onlyReads }, spawn)
    }
    this.path = worker.path
    this.single = readers === 0
    const lane = (size: number, keep: number, onlyReads: boolean) =>
      new SqliteLane({ size, keep, idleMs: IDLE_MS, open: opener(onlyReads) })
    this.#writer = lane(1, 1, readonly)
    this.#readers = lane(readers, readers, true)
    this.#cursors = lane(MAX_CURSORS, IDLE_CURSORS, true)
  }

  /**
   * Waits in line for the writer and opens it where it is not open. An abort while waiting leaves the line.
   *
   * @throws DbError when the file cannot be opened.
   */
  lockWriter(signal?: AbortSignal): Promise<SqliteLease> {
    return this.#lease(this.#writer, signal)
  }

  /** A reader to keep a cursor or a transaction on. */
  lockCursor(signal?: AbortSignal): Promise<SqliteLease> {
    return this.#lease(this.#cursors, signal)
  }

  /** Runs one reading operation on an idle reader. An abort frees the caller; the reader goes on until it is done. */
  async read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    const { send, release } = await this.#lease(this.#readers, signal)
    const running = send(operation)
    running.then(release, release)
    return abortable(running, signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#writer.stop()
    await Promise.all([this.#readers.close({ drain: false }), this.#cursors.close({ drain: false })])
    // The writer last: closing it copies the log into the file. A transaction in progress ends first.
    await this.#writer.close({ drain: true })
  }

  async #lease(lane: SqliteLane, signal: AbortSignal | undefined): Promise<SqliteLease> {
    const { connection, release } = await lane.acquire(signal)
    return { send: (operation) => connection.send(operation, this.generation), release }
  }
}
