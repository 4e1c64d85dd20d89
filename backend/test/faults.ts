import type { AppDb, AppDbTransaction } from '../src/db/app-db.ts'
import { DbError } from '../src/db/db-errors.ts'
import type { ScriptSession, SqlStore } from '../src/db/sql-store.ts'
import type { StorageControl } from '../src/db/storage-control.ts'

/**
 * What goes wrong, decided by a seed: before a call (it does not happen), after it (it happened and nobody knows),
 * or the process is gone (nothing of its moves happens any more).
 */
export class Faults {
  readonly #random: () => number
  /** Share of calls that go wrong. */
  rate: number
  /** Share of faults that are the end of the process. */
  readonly #crashShare: number
  crashed = false
  count = 0

  constructor(random: () => number, options: { readonly rate: number; readonly crashShare: number }) {
    this.#random = random
    this.rate = options.rate
    this.#crashShare = options.crashShare
  }

  async around<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#alive()
    const fault = this.#random() < this.rate
    const before = this.#random() < 0.5
    if (fault && before) this.#fail(what)
    const result = await work()
    this.#alive()
    if (fault) this.#fail(what)
    return result
  }

  #alive(): void {
    if (this.crashed) throw new DbError('unavailable', 'the process is gone')
  }

  #fail(what: string): never {
    this.count++
    if (this.#random() < this.#crashShare) this.crashed = true
    throw new DbError('unavailable', `injected: ${what}`)
  }
}

/** `control` whose stores fail as `faults` wants it. The product's own calls go past it. */
export function faultyControl(control: StorageControl, faults: Pick<Faults, 'around'>): StorageControl {
  const wrapped = new WeakMap<SqlStore, SqlStore>()
  return new Proxy(control, {
    get(target, name) {
      if (name === 'store') {
        return (placement: 'sqlite' | 'postgres') => {
          const store = target.store(placement)
          if (!store) return undefined
          const known = wrapped.get(store) ?? faultyStore(store, faults)
          wrapped.set(store, known)
          return known
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function faultyStore(store: SqlStore, faults: Pick<Faults, 'around'>): SqlStore {
  return {
    ...store,
    db: faultySession(store.db, faults, 'db'),
    transaction: (work) =>
      faults.around('transaction', () => store.transaction((tx) => work(faultySession(tx, faults, 'tx')))),
    snapshot: (work) =>
      faults.around('snapshot', () => store.snapshot((tx) => work(faultySession(tx, faults, 'snapshot')))),
    connection: (work) => faults.around('connection', () => store.connection(work)),
    close: () => store.close(),
  }
}

const CALLS = new Set([
  'query',
  'queryOne',
  'execute',
  'insertMany',
  'execScript',
  'rawQuery',
  'rawExecute',
  'rawMany',
])

function faultySession<Session extends AppDb | ScriptSession | AppDbTransaction>(
  session: Session,
  faults: Pick<Faults, 'around'>,
  what: string,
): Session {
  return new Proxy(session, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name === 'transaction') {
        return (work: (tx: AppDbTransaction) => Promise<unknown>) =>
          faults.around(`${what}.transaction`, () =>
            target.transaction((tx: AppDbTransaction) => work(faultySession(tx, faults, 'tx'))),
          )
      }
      if (typeof name !== 'string' || !CALLS.has(name)) return value.bind(target)
      return (...args: unknown[]) => faults.around(`${what}.${name}`, () => value.apply(target, args))
    },
  })
}
