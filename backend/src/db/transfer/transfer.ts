import { Worker } from 'node:worker_threads'
import type { Log } from '../../core/log.ts'
import { DbError } from '../db-errors.ts'
import type { Placement } from '../placement-store.ts'
import type {
  ApplierSql,
  Callback,
  CopyResult,
  FromWorker,
  Order,
  Progress,
  ToWorker,
  WorkerData,
} from './protocol.ts'
import { transferWorkerFile } from './transfer-worker-file.ts'
import { BUCKETS, type Difference, type Reject, type TableDigest, type TableShape } from './types.ts'

export interface CopyJob {
  readonly unit: string
  readonly shape: TableShape
  readonly from: Placement
  /** Another schema of PostgreSQL than the usual one, for a rehearsal. */
  readonly schema?: string
  readonly signal: AbortSignal
  /** Statements that each transaction on the target begins and ends with, so that its guard lets it pass. */
  readonly asApplier?: ApplierSql
  /** Most rows of a page; by default as many as fit into a moment. */
  readonly pageRows?: number
  /** Rows from which on an empty target is filled without indexes and key; by default where that pays. */
  readonly bareRows?: number
  /** Awaited before each page: the throttle, a pause. */
  beforePage(): Promise<void>
  /** The target has refused rows: changes that are queued are applied before they are tried again. */
  onConflict(): Promise<void>
  onProgress(progress: Progress): void
}

export interface DigestJob {
  readonly side: Placement
  readonly shape: TableShape
  readonly schema?: string
  readonly signal: AbortSignal
  beforePage?(): Promise<void>
  onProgress?(progress: { readonly rows: number; readonly bytes: number }): void
  /** Rows that the other store cannot hold, at most 10,000 of PostgreSQL. */
  onRejects?(rejects: readonly Reject[]): void
}

export interface DifferencesJob {
  readonly shape: TableShape
  readonly buckets: readonly number[]
  readonly source: Placement
  readonly schema?: string
  readonly signal: AbortSignal
}

/**
 * Bulk work between the two stores, in a thread with connections of its own. A job rejects with a DbError when a
 * store or the thread is lost, and with the signal's reason when it is aborted; the next one starts a new thread.
 */
export interface Transfer {
  readonly bucketCount: number
  /**
   * Copies one table, from where the books say that an earlier copy has stopped. An empty target gets its indexes at
   * the end. What the target cannot hold is quarantined.
   */
  copy(job: CopyJob): Promise<CopyResult>
  digest(job: DigestJob): Promise<TableDigest>
  /** The rows of some buckets that are not the same on both sides. */
  differences(job: DifferencesJob): Promise<Difference[]>
  close(): Promise<void>
}

export interface TransferOptions {
  readonly sqlitePath: string
  readonly postgresUrl: string | undefined
  readonly log: Log
  /** How the thread is started; tests keep it to kill it. */
  readonly spawn?: (file: URL, data: WorkerData) => Worker
}

type Done = Extract<FromWorker, { done: unknown }>['done']

interface Pending {
  readonly resolve: (done: Done) => void
  readonly reject: (error: unknown) => void
  readonly call: (callback: Callback) => Promise<void>
  readonly onProgress: ((progress: Progress) => void) | undefined
  readonly onRejects: ((rejects: readonly Reject[]) => void) | undefined
  readonly signal: AbortSignal
}

type Callbacks = Omit<Pending, 'resolve' | 'reject'>

const spawnWorker = (file: URL, data: WorkerData) =>
  new Worker(file, { workerData: data, name: 'transfer', execArgv: [] })

export function createTransfer(options: TransferOptions): Transfer {
  return new ThreadTransfer(options)
}

class ThreadTransfer implements Transfer {
  readonly bucketCount = BUCKETS
  readonly #options: TransferOptions
  readonly #pending = new Map<number, Pending>()
  #worker: Promise<Worker> | undefined
  #nextId = 1
  #closed = false

  constructor(options: TransferOptions) {
    this.#options = options
  }

  async copy(job: CopyJob): Promise<CopyResult> {
    const { unit, shape, from, schema, signal, asApplier, pageRows, bareRows } = job
    const done = await this.#run(
      { kind: 'copy', unit, shape, from, schema, asApplier, pageRows, bareRows },
      {
        call: (callback) => job[callback](),
        onProgress: (progress) => job.onProgress(progress),
        onRejects: undefined,
        signal,
      },
    )
    if ('rejected' in done && 'digest' in done) return done
    throw unexpected()
  }

  async digest(job: DigestJob): Promise<TableDigest> {
    const { shape, side, schema, signal } = job
    const done = await this.#run(
      { kind: 'digest', shape, side, schema },
      {
        call: async () => job.beforePage?.(),
        onProgress: (progress) => job.onProgress?.(progress),
        onRejects: (rejects) => job.onRejects?.(rejects),
        signal,
      },
    )
    if ('counts' in done) return done
    throw unexpected()
  }

  async differences(job: DifferencesJob): Promise<Difference[]> {
    const { shape, buckets, source, schema, signal } = job
    const done = await this.#run(
      { kind: 'differences', shape, buckets, source, schema },
      { call: async () => undefined, onProgress: undefined, onRejects: undefined, signal },
    )
    if (!('rejected' in done)) return [...done]
    throw unexpected()
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = await this.#worker?.catch(() => undefined) // it never started
    await worker?.terminate()
  }

  async #run(order: Order, callbacks: Callbacks): Promise<Done> {
    const { signal } = callbacks
    signal.throwIfAborted()
    if (this.#closed) throw new DbError('unavailable', 'The transfer is closed')
    this.#worker ??= this.#start().catch((error: unknown) => {
      this.#worker = undefined
      throw error
    })
    const worker = await this.#worker
    const id = this.#nextId++
    const send = (message: ToWorker) => worker.postMessage(message)
    // The worker answers when it has stopped: nothing goes on behind the caller's back.
    const onAbort = () => send({ id, abort: true })
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await new Promise<Done>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, ...callbacks })
        send({ id, order })
        if (signal.aborted) onAbort()
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#pending.delete(id)
    }
  }

  async #start(): Promise<Worker> {
    const { sqlitePath, postgresUrl, spawn = spawnWorker } = this.#options
    const worker = spawn(await transferWorkerFile(), { sqlitePath, postgresUrl })
    worker.on('message', (message: FromWorker) => this.#receive(worker, message))
    // The exit follows an error, and comes once.
    let cause: unknown
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => this.#lose(cause))
    return worker
  }

  #receive(worker: Worker, message: FromWorker): void {
    const { id } = message
    const pending = this.#pending.get(id)
    if (!pending) return
    if ('done' in message) pending.resolve(message.done)
    else if ('failure' in message) pending.reject(failed(pending.signal, message.failure))
    else if ('progress' in message) pending.onProgress?.(message.progress)
    else if ('rejects' in message) pending.onRejects?.(message.rejects)
    else {
      const { call } = message
      const answer = (error?: unknown) =>
        worker.postMessage({
          id,
          answer: call,
          ...(error === undefined ? {} : { failed: error instanceof Error ? error.message : String(error) }),
        } satisfies ToWorker)
      pending.call(message.callback).then(
        () => answer(),
        (error: unknown) => {
          // The caller's own error is worth more than what the worker makes of it.
          pending.reject(error)
          answer(error)
        },
      )
    }
  }

  #lose(cause: unknown): void {
    this.#worker = undefined
    if (this.#pending.size > 0) this.#options.log.warn({ err: cause }, 'the transfer thread has ended')
    const error = new DbError(
      'unavailable',
      'The transfer thread ended; the copy goes on with the next attempt',
      {
        cause,
      },
    )
    for (const pending of this.#pending.values()) pending.reject(error)
  }
}

function failed(signal: AbortSignal, failure: Extract<FromWorker, { failure: unknown }>['failure']): unknown {
  if (signal.aborted) return signal.reason
  return new DbError(failure.kind, failure.message, { engineCode: failure.engineCode })
}

const unexpected = () => new TypeError('The transfer thread gave another result than it was asked for')
