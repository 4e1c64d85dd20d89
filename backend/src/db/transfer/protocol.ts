import type { DbErrorKind } from '../db-errors.ts'
import type { Placement } from '../placement-store.ts'
import type { Difference, Reject, TableDigest, TableShape } from './types.ts'

/** Statements that make a transaction the applier's, and end that. */
export interface ApplierSql {
  readonly begin: string
  readonly end: string
}

export interface CopyOrder {
  readonly kind: 'copy'
  readonly unit: string
  readonly shape: TableShape
  readonly from: Placement
  readonly schema: string | undefined
  readonly asApplier: ApplierSql | undefined
  /** Most rows of a page; by default as many as fit into a moment. */
  readonly pageRows: number | undefined
  /** Rows from which on an empty target is filled without indexes and key; by default where that pays. */
  readonly bareRows: number | undefined
}

export interface DigestOrder {
  readonly kind: 'digest'
  readonly shape: TableShape
  readonly side: Placement
  readonly schema: string | undefined
}

export interface DifferencesOrder {
  readonly kind: 'differences'
  readonly shape: TableShape
  readonly buckets: readonly number[]
  readonly source: Placement
  readonly schema: string | undefined
}

export type Order = CopyOrder | DigestOrder | DifferencesOrder

export interface CopyResult {
  readonly rows: number
  readonly rejected: number
  /** Of what was read; null when the copy went on from where an earlier one had stopped. */
  readonly digest: TableDigest | null
}

export type CopyPhase = 'copying' | 'indexing'

export interface Progress {
  readonly rows: number
  readonly bytes: number
  readonly state: CopyPhase
}

export interface WorkerData {
  readonly sqlitePath: string
  readonly postgresUrl: string | undefined
}

/** Calls that the worker makes to whoever gave the order. */
export type Callback = 'beforePage' | 'onConflict'

export type ToWorker =
  | { readonly id: number; readonly order: Order }
  | { readonly id: number; readonly abort: true }
  | { readonly id: number; readonly answer: number; readonly failed?: string }

export interface Failure {
  readonly kind: DbErrorKind
  readonly message: string
  readonly engineCode: string | undefined
}

export type FromWorker =
  | { readonly id: number; readonly call: number; readonly callback: Callback }
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly rejects: readonly Reject[] }
  | { readonly id: number; readonly done: CopyResult | TableDigest | readonly Difference[] }
  | { readonly id: number; readonly failure: Failure }
