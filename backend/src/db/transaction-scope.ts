import { AsyncLocalStorage } from 'node:async_hooks'
import { DbError, isDbError, TransactionMisuseError } from './db-errors.ts'

/** One transaction, savepoint or held connection. */
export class Frame {
  readonly parent: Frame | undefined
  /** False for a held connection: a failed statement there does not spoil the next one. */
  readonly atomic: boolean
  open = true
  /** The first statement that failed. PostgreSQL ends a transaction there; SQLite is made to do the same. */
  failed: unknown
  /** Set while a nested transaction runs. */
  child: Promise<unknown> | undefined

  constructor(parent: Frame | undefined, atomic = true) {
    this.parent = parent
    this.atomic = atomic
  }

  isInside(other: Frame): boolean {
    for (let frame: Frame | undefined = this.parent; frame; frame = frame.parent) {
      if (frame === other) return true
    }
    return false
  }
}

/**
 * The innermost frame of each database that a piece of code runs in. One for all of them: every
 * AsyncLocalStorage costs each promise of the process a little, for ever, also when nobody holds it any more.
 */
const frames = new AsyncLocalStorage<ReadonlyMap<TransactionScope, Frame>>()

/**
 * Keeps the handles of one database apart. The frame a piece of code runs in is found through
 * AsyncLocalStorage, so a misuse is rejected at once instead of waiting for itself (SQLite, a pool of one)
 * or silently escaping the transaction (PostgreSQL). Each database has its own scope: using another one
 * inside a transaction is fine.
 */
export class TransactionScope {
  /** @throws TransactionMisuseError when called from within a transaction that is still open. */
  assertOutside(): void {
    for (let frame = this.#current(); frame; frame = frame.parent) {
      if (frame.open) throw new TransactionMisuseError()
    }
  }

  run<T>(frame: Frame, work: () => Promise<T>): Promise<T> {
    return frames.run(new Map(frames.getStore()).set(this, frame), work)
  }

  /**
   * What a statement on `frame` must wait for: the nested transaction that a sibling branch has open. Asked
   * again after waiting, and without an await between the last answer and sending the statement.
   *
   * @throws TransactionMisuseError, or DbError when the frame has failed.
   */
  blocker(frame: Frame): Promise<unknown> | undefined {
    this.#assertUsable(frame)
    return frame.child?.catch(() => undefined) // its own caller gets that error
  }

  #assertUsable(frame: Frame): void {
    if (!frame.open) throw new TransactionMisuseError()
    const current = this.#current()
    if (current?.open && current.isInside(frame)) throw new TransactionMisuseError()
    if (frame.failed !== undefined) {
      throw new DbError('other', 'A statement of this transaction failed before: it can only roll back', {
        cause: frame.failed,
      })
    }
  }

  #current(): Frame | undefined {
    return frames.getStore()?.get(this)
  }
}

const maxAttempts = 6
const maxElapsedMs = 15_000

/**
 * Runs `work` again while it loses races, waiting 10 ms, 20 ms, 40 ms, … each with jitter. Gives up after
 * six attempts or 15 s and rejects with the last error.
 */
export async function retrying<T>(work: () => Promise<T>, onRetry: () => void): Promise<T> {
  const startedAt = performance.now()
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const lost = isDbError(error) && error.retryable
      if (!lost || attempt === maxAttempts || performance.now() - startedAt > maxElapsedMs) throw error
      onRetry()
      const ceilingMs = 10 * 2 ** (attempt - 1)
      await new Promise((resolve) => setTimeout(resolve, ceilingMs * (0.5 + Math.random())))
    }
  }
}

/** How an engine begins and ends what {@link runAtomic} runs. */
export interface AtomicControl {
  begin(): Promise<unknown>
  commit(): Promise<unknown>
  /** Must not reject: a connection that cannot roll back is thrown away, which rolls back too. */
  rollback(): Promise<unknown>
}

/** Runs `work` in `frame`, which is closed afterwards. A failed statement fails it even when `work` caught the error. */
export async function runAtomic<T>(
  scope: TransactionScope,
  frame: Frame,
  control: AtomicControl,
  work: () => Promise<T>,
): Promise<T> {
  await control.begin()
  let result: T
  try {
    result = await scope.run(frame, work)
    await frame.child?.catch(() => undefined) // not awaited by `work`; its rejection is its caller's
    if (frame.failed !== undefined) throw frame.failed
  } catch (error) {
    frame.open = false
    await control.rollback()
    throw error
  }
  frame.open = false
  await control.commit()
  return result
}

/** Runs `work` as the nested transaction of `parent`; statements of sibling branches wait until it is over. */
export async function runNested<T>(
  scope: TransactionScope,
  parent: Frame,
  control: AtomicControl,
  work: (frame: Frame) => Promise<T>,
): Promise<T> {
  for (let busy = scope.blocker(parent); busy !== undefined; busy = scope.blocker(parent)) await busy
  const frame = new Frame(parent)
  const running = runAtomic(scope, frame, control, () => work(frame))
  parent.child = running
  try {
    return await running
  } finally {
    parent.child = undefined
  }
}

/** Sends a statement of `frame`; its failure spoils the frame, as in PostgreSQL. */
export async function runStatement<T>(
  scope: TransactionScope,
  frame: Frame,
  send: () => Promise<T>,
): Promise<T> {
  for (let busy = scope.blocker(frame); busy !== undefined; busy = scope.blocker(frame)) await busy
  try {
    return await send()
  } catch (error) {
    if (frame.atomic) frame.failed ??= error
    throw error
  }
}
