import type { Dialect, QueryOptions, SqlText, SqlValue } from './app-db.ts'
import type { Domain } from './domains.ts'

/** A read outside transactions that was answered: what was asked, what came back, and how long it took. */
export interface ObservedRead {
  readonly domain: Domain
  /** The store that answered. */
  readonly from: Dialect
  readonly sql: SqlText
  readonly params: readonly SqlValue[]
  readonly codecs: NonNullable<QueryOptions['codecs']>
  /** `queryOne`: the first row alone was asked for. */
  readonly first: boolean
  /** What the caller gets, who may change it as soon as the listener has returned. */
  readonly rows: readonly unknown[]
  readonly tookMs: number
}

/** Called before the caller has its answer: it must be quick and must not throw. */
export type ReadListener = (read: ObservedRead) => void
