import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { DbError } from '../db-errors.ts'
import { workerFile } from '../worker-file.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { FromSnapshot, SnapshotOrder, SnapshotResult, ToSnapshot } from './sqlite-snapshot-protocol.ts'

/** A SQLite file as it was at one instant. One call at a time. */
export interface SqliteSnapshot {
  /** Writes it into a new file by SQLite's online backup. `onProgress` gets the share that is done. */
  copyTo(
    path: string,
    options?: { readonly signal?: AbortSignal; onProgress?(share: number): void },
  ): Promise<void>
  /** Every table of the file, by name. */
  digest(signal?: AbortSignal): Promise<readonly Fingerprint[]>
  /** Rows of a statement, every value as text. */
  texts(sql: string): Promise<readonly (readonly (string | null)[])[]>
  /** What is wrong with its pages and indexes; empty when nothing is. */
  check(): Promise<readonly string[]>
  close(): Promise<void>
}

/**
 * Opens a read transaction on a file, in a thread of its own. Whoever writes goes on meanwhile, but the log beside the
 * file grows until the snapshot is closed.
 *
 * @throws DbError when the file cannot be opened.
 */
export async function openSqliteSnapshot(path: string): Promise<SqliteSnapshot> {
  const worker = new Worker(await workerFile(import.meta.url, 'sqlite-snapshot-worker'), {
    workerData: { path },
    name: 'sqlite-snapshot',
    execArgv: [],
  })
  const ended = once(worker, 'exit')
  const snapshot = new ThreadSnapshot(worker, ended)
  try {
    await snapshot.opened()
  } catch (error) {
    await worker.terminate()
    throw error
  }
  return snapshot
}

class ThreadSnapshot implements SqliteSnapshot {
  readonly #worker: Worker
  readonly #ended: Promise<unknown>

  constructor(worker: Worker, ended: Promise<unknown>) {
    this.#worker = worker
    this.#ended = ended
  }

  async opened(): Promise<void> {
    await this.#answer((message) => ('opened' in message ? {} : undefined))
  }

  async copyTo(
    path: string,
    options: { readonly signal?: AbortSignal; onProgress?(share: number): void } = {},
  ): Promise<void> {
    await this.#run({ kind: 'copy', to: path }, options.signal, options.onProgress)
  }

  async digest(signal?: AbortSignal): Promise<readonly Fingerprint[]> {
    return (await this.#run({ kind: 'digest' }, signal)).tables ?? []
  }

  async texts(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    return (await this.#run({ kind: 'texts', sql })).rows ?? []
  }

  async check(): Promise<readonly string[]> {
    return (await this.#run({ kind: 'check' })).problems ?? []
  }

  async close(): Promise<void> {
    this.#worker.postMessage({ close: true } satisfies ToSnapshot)
    await this.#ended
  }

  async #run(
    order: SnapshotOrder,
    signal?: AbortSignal,
    onProgress?: (share: number) => void,
  ): Promise<SnapshotResult> {
    signal?.throwIfAborted()
    const onAbort = () => this.#worker.postMessage({ abort: true } satisfies ToSnapshot)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      this.#worker.postMessage({ order } satisfies ToSnapshot)
      return await this.#answer((message) => {
        if ('progress' in message) onProgress?.(message.progress)
        return 'done' in message ? message.done : undefined
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** The first result that `take` finds in what the thread says. */
  #answer(take: (message: FromSnapshot) => SnapshotResult | undefined): Promise<SnapshotResult> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        this.#worker.off('message', onMessage)
        this.#worker.off('error', onError)
        this.#worker.off('exit', onExit)
      }
      const onMessage = (message: FromSnapshot) => {
        if ('failure' in message) {
          const { kind, message: text, engineCode } = message.failure
          onError(new DbError(kind, text, { engineCode }))
          return
        }
        const result = take(message)
        if (result === undefined) return
        finish()
        resolve(result)
      }
      const onError = (error: Error) => {
        finish()
        reject(error)
      }
      const onExit = () =>
        onError(new DbError('unavailable', 'The thread that reads the SQLite file has ended'))
      this.#worker.on('message', onMessage)
      this.#worker.on('error', onError)
      this.#worker.on('exit', onExit)
    })
  }
}
