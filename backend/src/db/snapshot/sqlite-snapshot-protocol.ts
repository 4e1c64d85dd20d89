import type { DbErrorKind } from '../db-errors.ts'
import type { Fingerprint } from './fingerprint.ts'

/** `copy`: the whole file into a new one. `digest`: every row of every table. `check`: every page and index. */
export type SnapshotOrder =
  | { readonly kind: 'copy'; readonly to: string }
  | { readonly kind: 'digest' }
  | { readonly kind: 'check' }
  | { readonly kind: 'texts'; readonly sql: string }

export interface SnapshotFailure {
  readonly kind: DbErrorKind
  readonly message: string
  readonly engineCode: string | undefined
}

/** What an order gives: problems of `check`, at most a hundred; rows of `texts`. */
export interface SnapshotResult {
  readonly tables?: readonly Fingerprint[]
  readonly problems?: readonly string[]
  readonly rows?: readonly (readonly (string | null)[])[]
}

export type FromSnapshot =
  | { readonly opened: true }
  | { readonly progress: number }
  | { readonly done: SnapshotResult }
  | { readonly failure: SnapshotFailure }

export type ToSnapshot =
  | { readonly order: SnapshotOrder }
  | { readonly abort: true }
  | { readonly close: true }
