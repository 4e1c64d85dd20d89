import { abortable } from './abort.ts'
import { DbError } from './db-errors.ts'
import type { StoreStats } from './sql-store.ts'
import { type SpawnWorker, SqliteConnection } from './sqlite-connection.ts'
import type { SqliteOperation, SqliteResult, SqliteWorkerOptions } from './sqlite-protocol.ts'

/** Sends operations to one connection. */
export type SqliteSend = (operation: SqliteOperation) => Promise<SqliteResult>

/** The writer, held by one transaction or one statement at a time. */
export interface WriterLease {
  readonly send: SqliteSend
  release(): void
}

export interface SqlitePoolOptions {
  readonly worker: Omit<SqliteWorkerOptions, 'readonly'>
  /** 0: reads go to the writer too (`:memory:` has only one connection). */
  readonly readers: number
  readonly workerFile: URL
  readonly spawn: SpawnWorker
}

interface ReaderSlot {
  busy: boolean
  connection: SqliteConnection | undefined
}

/** The threads of one file: a writer with its queue, and readers that are started when they are needed. */
export class SqlitePool {
  readonly stats: StoreStats = { retries: 0, reconnects: 0 }
  /** Grows with every schema change; column types cached in the threads are then dropped. */
  generation = 0
  readonly path: string
  readonly single: boolean
  readonly #options: SqlitePoolOptions
  readonly #writerLine = new WaitingLine()
  readonly #readerLine = new WaitingLine()
  readonly #readers: readonly ReaderSlot[]
  #writer: SqliteConnection | undefined
  #writerBusy = false
  #closing: Promise<void> | undefined

  constructor(options: SqlitePoolOptions) {
    this.#options = options
    this.path = options.worker.path
    this.single = options.readers === 0
    this.#readers = Array.from({ length: options.readers }, () => ({ busy: false, connection: undefined }))
  }

  /**
   * Waits in line for the writer and opens it where it is not open. An abort while waiting leaves the line.
   *
   * @throws DbError when the file cannot be opened.
   */
  async lockWriter(signal?: AbortSignal): Promise<WriterLease> {
    this.#assertOpen()
    signal?.throwIfAborted()
    if (this.#writerBusy) await this.#writerLine.wait(signal)
    this.#writerBusy = true
    try {
      const connection = await this.#liveConnection(this.#writer, false)
      this.#writer = connection
      return {
        send: (operation) => connection.send(operation, this.generation),
        release: () => this.#passWriterOn(),
      }
    } catch (error) {
      this.#passWriterOn()
      throw error
    }
  }

  /** Runs one reading operation on an idle reader. An abort frees the caller; the reader goes on until it is done. */
  async read(operation: SqliteOperation, signal?: AbortSignal): Promise<SqliteResult> {
    const { connection, release } = await this.#acquireReader(signal)
    const running = connection.send(operation, this.generation)
    running.then(release, release)
    return abortable(running, signal)
  }

  /** A reader to keep a cursor on. Other reads run on it between two pages. */
  async streamReader(signal?: AbortSignal): Promise<SqliteSend> {
    const { connection, release } = await this.#acquireReader(signal)
    release()
    return (operation) => connection.send(operation, this.generation)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#writerLine.clear(closedError())
    this.#readerLine.clear(closedError())
    await Promise.all(this.#readers.map((slot) => slot.connection?.close()))
    // The writer last: closing it copies the log into the file. A transaction in progress ends first.
    if (this.#writerBusy) await this.#writerLine.wait(undefined)
    await this.#writer?.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError()
  }

  /** `connection`, or a new one where there is none or its thread is gone. */
  #liveConnection(connection: SqliteConnection | undefined, readonly: boolean): Promise<SqliteConnection> {
    if (connection && !connection.lost) return Promise.resolve(connection)
    if (connection) this.stats.reconnects++
    const { worker, workerFile, spawn } = this.#options
    return SqliteConnection.open(workerFile, { ...worker, readonly }, spawn)
  }

  #passWriterOn(): void {
    if (!this.#writerLine.next()) this.#writerBusy = false
  }

  async #acquireReader(
    signal: AbortSignal | undefined,
  ): Promise<{ connection: SqliteConnection; release(): void }> {
    this.#assertOpen()
    signal?.throwIfAborted()
    const free = this.#readers.filter((slot) => !slot.busy)
    let slot = free.find(({ connection }) => connection) ?? free[0]
    while (!slot) {
      await this.#readerLine.wait(signal)
      this.#assertOpen()
      slot = this.#readers.find(({ busy }) => !busy)
    }
    const taken = slot
    const release = () => {
      taken.busy = false
      this.#readerLine.next()
    }
    taken.busy = true
    try {
      taken.connection = await this.#liveConnection(taken.connection, true)
      if (this.#closing !== undefined) await taken.connection.close() // close() could not see it yet
      this.#assertOpen()
      return { connection: taken.connection, release }
    } catch (error) {
      release()
      throw error
    }
  }
}

/** Callers in the order in which they came. */
class WaitingLine {
  readonly #waiting: { readonly go: () => void; readonly fail: (error: unknown) => void }[] = []

  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal?.reason)
      }
      const waiter = {
        go: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
        fail: (error: unknown) => {
          signal?.removeEventListener('abort', leave)
          reject(error)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
  }

  /** Lets the first one go; false when nobody waits. */
  next(): boolean {
    const waiter = this.#waiting.shift()
    waiter?.go()
    return waiter !== undefined
  }

  clear(error: DbError): void {
    for (const waiter of this.#waiting.splice(0)) waiter.fail(error)
  }
}

function closedError(): DbError {
  return new DbError('unavailable', 'The SQLite store is closed')
}
