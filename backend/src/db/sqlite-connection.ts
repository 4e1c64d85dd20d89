import { Worker } from 'node:worker_threads'
import { DbError } from './db-errors.ts'
import { sqliteError } from './sqlite-errors.ts'
import type {
  SqliteOperation,
  SqliteReady,
  SqliteReply,
  SqliteRequest,
  SqliteResult,
  SqliteWorkerOptions,
} from './sqlite-protocol.ts'

interface Pending {
  readonly id: number
  readonly resolve: (result: SqliteResult) => void
  readonly reject: (error: DbError) => void
}

/** Starts a worker thread. Tests pass their own to kill it. */
export type SpawnWorker = (file: URL, options: SqliteWorkerOptions) => Worker

export const spawnWorker: SpawnWorker = (file, options) =>
  new Worker(file, {
    workerData: options,
    name: options.readonly ? 'sqlite-reader' : 'sqlite-writer',
    execArgv: [],
  })

/** One connection in its own thread. Requests are run in the order in which they were sent. */
export class SqliteConnection {
  readonly path: string
  readonly version: string
  /** Requests sent and not yet answered. */
  inFlight = 0
  /** Set when the thread is gone; every later request is rejected with it. */
  lost: DbError | undefined
  readonly #worker: Worker
  /** In the order in which they were sent, and are answered. */
  readonly #pending: Pending[] = []
  #nextId = 1

  private constructor(worker: Worker, path: string, version: string) {
    this.#worker = worker
    this.path = path
    this.version = version
    worker.on('message', (reply: SqliteReply) => this.#settle(reply))
    worker.on('error', (error) => this.#lose(error))
    worker.on('messageerror', (error) => this.#lose(error))
    worker.on('exit', () => this.#lose(undefined))
  }

  /** @throws DbError when the file cannot be opened; the message says what to do. */
  static async open(file: URL, options: SqliteWorkerOptions, spawn: SpawnWorker): Promise<SqliteConnection> {
    const worker = spawn(file, options)
    const ready = await new Promise<SqliteReady>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', (cause) =>
        reject(new DbError('unavailable', `The SQLite thread of ${options.path} does not start`, { cause })),
      )
      worker.once('exit', (code) =>
        reject(new DbError('unavailable', `The SQLite thread ended with code ${code} while it started`)),
      )
    })
    // By name: without arguments it would take the listeners that the Worker itself lives on, too.
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event)
    if (!ready.ready) {
      await worker.terminate()
      throw sqliteError(ready.failure, options.path)
    }
    return new SqliteConnection(worker, options.path, ready.version)
  }

  send(operation: SqliteOperation, generation: number): Promise<SqliteResult> {
    if (this.lost) return Promise.reject(this.lost)
    const id = this.#nextId++
    this.inFlight++
    return new Promise((resolve, reject) => {
      this.#pending.push({ id, resolve, reject })
      this.#worker.postMessage({ ...operation, id, generation } satisfies SqliteRequest)
    })
  }

  /** Lets what was sent finish, closes the file and ends the thread. */
  async close(): Promise<void> {
    if (!this.lost) await this.send({ op: 'close' }, 0).catch(() => undefined) // the thread ends either way
    await this.#worker.terminate()
  }

  #settle(reply: SqliteReply): void {
    const place = this.#pending.findIndex(({ id }) => id === reply.id)
    const [pending] = place < 0 ? [] : this.#pending.splice(place, 1)
    if (!pending) return
    this.inFlight--
    if ('result' in reply) pending.resolve(reply.result)
    else pending.reject(sqliteError(reply.failure, this.path))
  }

  #lose(cause: unknown): void {
    this.lost ??= new DbError(
      'unavailable',
      `The SQLite thread of ${this.path} ended; it is started again with the next statement`,
      { cause },
    )
    for (const pending of this.#pending.splice(0)) pending.reject(this.lost)
    this.inFlight = 0
  }
}
