import { parentPort, workerData } from 'node:worker_threads'
import { isDbError } from '../db-errors.ts'
import { copyToPostgres } from './copy-to-postgres.ts'
import { copyToSqlite } from './copy-to-sqlite.ts'
import { findDifferences } from './differences.ts'
import { digestTable } from './digest-jobs.ts'
import { type Job, Stores } from './job.ts'
import type { Callback, CopyPhase, Failure, FromWorker, Order, ToWorker, WorkerData } from './protocol.ts'
import { SchemaDriftError } from './types.ts'

const progressEveryMs = 200
const rejectsPerMessage = 500

interface RunningJob extends Job {
  abort(): void
  answer(call: number, failed: string | undefined): void
}

class AbortedError extends Error {}

function createJob(id: number, data: WorkerData, post: (message: FromWorker) => void): RunningJob {
  const stores = new Stores(data)
  const calls = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()
  let nextCall = 1
  let aborted = false
  let lastProgress = 0
  let lastState: CopyPhase | undefined
  const ask = (callback: Callback) =>
    new Promise<void>((resolve, reject) => {
      if (aborted) {
        reject(new AbortedError())
        return
      }
      const call = nextCall++
      calls.set(call, { resolve, reject })
      post({ id, call, callback })
    })
  return {
    stores,
    beforePage: () => ask('beforePage'),
    onConflict: () => ask('onConflict'),
    progress(progress) {
      const now = performance.now()
      if (now - lastProgress < progressEveryMs && progress.state === lastState) return
      lastProgress = now
      lastState = progress.state
      post({ id, progress })
    },
    rejects(rejects) {
      for (let start = 0; start < rejects.length; start += rejectsPerMessage) {
        post({ id, rejects: rejects.slice(start, start + rejectsPerMessage) })
      }
    },
    throwIfAborted() {
      if (aborted) throw new AbortedError()
    },
    abort() {
      aborted = true
      for (const call of calls.values()) call.reject(new AbortedError())
      calls.clear()
      // The connection may be gone, or a statement just over: either way the job ends at its next step.
      stores.cancel().catch(() => undefined)
    },
    answer(call, failed) {
      const waiting = calls.get(call)
      calls.delete(call)
      if (failed === undefined) waiting?.resolve()
      else waiting?.reject(new Error(failed))
    },
  }
}

function run(order: Order, job: Job) {
  switch (order.kind) {
    case 'copy':
      return order.from === 'sqlite' ? copyToPostgres(order, job) : copyToSqlite(order, job)
    case 'digest':
      return digestTable(order, job)
    case 'differences':
      return findDifferences(order, job)
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  if (isDbError(error)) return { kind: error.kind, message, engineCode: error.engineCode }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  return { kind: error instanceof SchemaDriftError ? 'invalid-value' : 'other', message, engineCode: code }
}

function main(): void {
  const port = parentPort
  if (!port) throw new Error('transfer-worker runs only as a worker thread')
  const data: WorkerData = workerData
  const jobs = new Map<number, RunningJob>()
  const post = (message: FromWorker) => port.postMessage(message)
  const start = async (id: number, order: Order) => {
    const job = createJob(id, data, post)
    jobs.set(id, job)
    try {
      const done = await run(order, job).finally(() => job.stores.close())
      post({ id, done })
    } catch (error) {
      post({ id, failure: failureOf(error) })
    } finally {
      jobs.delete(id)
    }
  }
  port.on('message', (message: ToWorker) => {
    if ('order' in message) start(message.id, message.order).catch(rethrow)
    else if ('abort' in message) jobs.get(message.id)?.abort()
    else jobs.get(message.id)?.answer(message.answer, message.failed)
  })
}

/** Out of the promise: the thread ends, and every job with it. */
function rethrow(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

main()
