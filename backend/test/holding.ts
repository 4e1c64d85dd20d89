import type { AppDb } from '../src/db/app-db.ts'
import type { SqlStore } from '../src/db/sql-store.ts'
import type { StorageControl } from '../src/db/storage-control.ts'

/** Stands before PostgreSQL as the moves see it: what `held` names waits until it is let go. */
export function holding() {
  let open: () => void = () => undefined
  let held: { readonly what: 'transaction' | 'query'; readonly gone: Promise<void> } | undefined
  const wait = (what: 'transaction' | 'query') => (held?.what === what ? held.gone : Promise.resolve())
  const dbOf = (db: AppDb): AppDb =>
    new Proxy(db, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name !== 'query') return value.bind(target)
        return async (...args: unknown[]) => {
          await wait('query')
          return value.apply(target, args)
        }
      },
    })
  const storeOf = (store: SqlStore): SqlStore => ({
    ...store,
    db: dbOf(store.db),
    transaction: async (work) => {
      await wait('transaction')
      return store.transaction(work)
    },
    snapshot: (work) => store.snapshot(work),
    connection: (work) => store.connection(work),
    close: () => store.close(),
  })
  return {
    hold(what: 'transaction' | 'query') {
      held = { what, gone: new Promise((resolve) => (open = resolve)) }
    },
    letGo() {
      held = undefined
      open()
    },
    control: (control: StorageControl): StorageControl =>
      new Proxy(control, {
        get(target, name) {
          if (name === 'store') {
            return (placement: 'sqlite' | 'postgres') => {
              const store = target.store(placement)
              return store && placement === 'postgres' ? storeOf(store) : store
            }
          }
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      }),
  }
}
