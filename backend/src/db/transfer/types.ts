import type { Domain } from '../domains.ts'

/** How the values of a column are read, checked and written. */
export type ColumnKind = 'text' | 'integer' | 'float' | 'boolean' | 'timestamp' | 'json' | 'bytes'

export interface ColumnShape {
  readonly name: string
  readonly kind: ColumnKind
  /** As `format_type` gives it: `bigint`, `timestamp with time zone`. */
  readonly pgType: string
  /** Bounds of an integer column in PostgreSQL. */
  readonly min?: bigint
  readonly max?: bigint
  readonly nullable: boolean
}

/** What must be known of a table to take its rows from one store to the other. */
export interface TableShape {
  readonly table: string
  readonly domain: Domain
  readonly columns: readonly ColumnShape[]
  /** Columns of the primary key, in order. */
  readonly key: readonly string[]
  /** The column that the store numbers. */
  readonly identity?: string
  /** Other tables of the same list that it references. */
  readonly parents: readonly string[]
  /** Column sets that are unique besides the key, those of partial indexes too. */
  readonly uniques: readonly (readonly string[])[]
  /** Partitioned by `time` in PostgreSQL. */
  readonly partition?: { readonly widthMs: number }
  readonly time?: string
  readonly seeded?: true
  readonly transient?: true
}

/**
 * A row on its way between stores: in the order of the shape's columns, each field as PostgreSQL prints it (ISO
 * timestamps in UTC, shortest exact floats, `t`/`f`, `\x…`, normalised jsonb); null is null.
 */
export type CanonicalRow = readonly (string | null)[]

/** Canonical text of the key columns, in the order of the key. */
export type Key = readonly string[]

export type RejectReason =
  | 'nul'
  | 'utf8'
  | 'surrogate'
  | 'json'
  | 'boolean'
  | 'integer'
  | 'float'
  | 'range'
  | 'timestamp'
  | 'type'
  | 'null'
  | 'orphan'
  | 'unique'
  | 'check'
  | 'too-long'
  | 'refused'

/** A value as its engine holds it; nothing of it is lost. */
export interface HeldValue {
  readonly class: 'null' | 'integer' | 'real' | 'text' | 'blob'
  /** Hex digits for a blob. */
  readonly text: string | null
  /** `text` is the hex digits of a text that is no valid UTF-8 or has the NUL character. */
  readonly hex?: true
}

/** A row that the other store cannot hold, whole, with what is wrong and what would put it right. */
export interface Reject {
  readonly table: string
  /** JSON array of the key's values as text. */
  readonly key: string
  readonly row: Readonly<Record<string, HeldValue>>
  /** Undefined where the row as a whole is refused. */
  readonly column: string | null
  readonly reason: RejectReason
  readonly message: string
  readonly suggestion: string
}

/** The tables of the two stores do not match each other: nothing can be copied before they do. */
export class SchemaDriftError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SchemaDriftError'
  }
}

/** Buckets of a digest: rows are spread over them by the hash of their key. */
export const BUCKETS = 4096

/**
 * A fingerprint of a set of rows that does not depend on their order. Equal digests mean equal rows: every row adds
 * its 64-bit hash to its bucket.
 */
export interface TableDigest {
  /** Rows in it. Rows that cannot be read into canonical form are not. */
  readonly rows: number
  readonly rejected: number
  /** Rows of each bucket. */
  readonly counts: Uint32Array
  /** Sum of the hashes of each bucket modulo 2^64, low word first: two elements a bucket. */
  readonly sums: Uint32Array
}

/** A row that is not the same in both stores, seen from the source. */
export interface Difference {
  readonly table: string
  readonly key: Key
  readonly kind: 'missing' | 'extra' | 'differs'
  /** Columns that differ; empty unless `differs`. */
  readonly columns: readonly string[]
}
