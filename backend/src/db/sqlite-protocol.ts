/** Messages between the SQLite adapter and its worker threads. Values are what better-sqlite3 can bind. */

export type BoundValue = null | number | bigint | string | Uint8Array

export interface SqliteWorkerOptions {
  readonly path: string
  readonly readonly: boolean
  readonly busyTimeoutMs: number
  readonly cacheKib: number
}

/** How the main thread turns an engine value into what the caller sees. */
export type SqliteCodec = 'boolean' | 'json' | 'timestamp' | null

export interface ColumnInfo {
  readonly names: readonly string[]
  readonly codecs: readonly SqliteCodec[]
}

export type SqliteOperation =
  /** All rows. On a read-only connection a statement that writes is answered with `writes` instead. */
  | {
      readonly op: 'all'
      readonly sql: string
      readonly params: readonly BoundValue[]
      /** Numbers are bound as REAL, bigints as INTEGER, and come back so; rows without `columns`. */
      readonly exact?: true
    }
  | {
      readonly op: 'run'
      readonly sql: string
      readonly params: readonly BoundValue[]
      readonly exact?: true
    }
  | { readonly op: 'script'; readonly sql: string }
  | {
      readonly op: 'many'
      /** With `?` placeholders: binding by position is a third faster than by name. */
      readonly sql: string
      readonly width: number
      /** Row after row, `width` values each. */
      readonly values: readonly BoundValue[]
      readonly exact?: true
    }
  | {
      readonly op: 'open'
      readonly stream: number
      readonly sql: string
      readonly params: readonly BoundValue[]
    }
  | { readonly op: 'next'; readonly stream: number }
  | { readonly op: 'shut'; readonly stream: number }
  | { readonly op: 'close' }

/** `generation` grows with every schema change made through the store, so that cached column types are dropped. */
export type SqliteRequest = SqliteOperation & { readonly id: number; readonly generation: number }

export interface SqliteResult {
  readonly columns?: ColumnInfo
  readonly rows?: BoundValue[][]
  readonly rowCount?: number
  /** The last page of a stream. */
  readonly done?: boolean
  /** The statement writes: send it to the writer. */
  readonly writes?: boolean
}

export interface SqliteFailure {
  /** SQLite's extended result code, or `BINDING` for a value or statement better-sqlite3 refused, or `MODULE`. */
  readonly code: string
  readonly message: string
}

export type SqliteReply =
  | { readonly id: number; readonly result: SqliteResult }
  | { readonly id: number; readonly failure: SqliteFailure }

/** First message of a worker: whether the file could be opened. */
export type SqliteReady =
  | { readonly ready: true; readonly version: string }
  | { readonly ready: false; readonly failure: SqliteFailure }
