/** Name of the SQL engine behind an {@link AppDb}. */
export type Dialect = 'sqlite' | 'postgres'

/** JSON as it is stored in a JSON column: any document, arrays and scalars included. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * A parameter of a statement.
 *
 * Booleans, byte arrays and bigints go to both engines as what they are. A timestamp is a string in the
 * form that `timestamp()` of timestamps.ts gives (`Date.toISOString()` has it already). A JSON document is passed
 * through {@link json}: a bare array or object is refused, because pg would turn an array into a PostgreSQL array.
 * Refused with kind `invalid-value` on every engine: NaN, and text with the NUL character
 * (see {@link storableText}). -0 is stored as 0.
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array | JsonParameter

/** A JSON document on its way into a JSON column. Made by {@link json}. */
export class JsonParameter {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * Wraps `value` for a JSON column. `undefined` properties are dropped, as JSON.stringify does. NUL and
 * unpaired surrogates, which PostgreSQL's jsonb cannot hold, become U+FFFD.
 */
export function json(value: unknown): JsonParameter {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError('json(): the value has no JSON form')
  return new JsonParameter(text.includes('\\u') ? text.replace(unstorableEscape, '$1\ufffd') : text)
}

// JSON.stringify escapes an unpaired surrogate and leaves a pair as it is. An even number of backslashes
// before it is text, not the escape.
const unstorableEscape = /((?<!\\)(?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** Text from outside with what PostgreSQL cannot store (NUL, unpaired surrogates) replaced by U+FFFD. */
export function storableText(text: string): string {
  return text.replace(unstorableCharacter, '\ufffd')
}

const unstorableCharacter = /[\0\p{Surrogate}]/gu

/**
 * SQL text with `$1 … $n` placeholders (a number may be used more than once). Where the engines need
 * different text it is a full record, so that a missing engine does not compile; the text is chosen
 * when the statement runs, on the engine that then holds the domain.
 */
export type SqlText = string | Readonly<Record<Dialect, string>>

/** How a result column without a declared type (an expression) is decoded. Keys are column names. */
export type ColumnCodec = 'boolean' | 'json' | 'timestamp' | 'bigint' | 'bytes'

export interface QueryOptions {
  /** Codecs of computed columns: SQLite knows no type for `count(*) > 0` or `json_extract(…)`. */
  readonly codecs?: Readonly<Record<string, ColumnCodec>>
  /**
   * Cancels the statement: it rejects with the signal's reason and leaves nothing half-written. A single write
   * outside a transaction may have been done completely when the signal came. SQLite cannot interrupt a
   * statement that runs: the caller is freed at once, the thread when it is done.
   */
  readonly signal?: AbortSignal
}

export interface InsertManyOptions {
  /**
   * `nothing`: a row that violates any unique constraint is skipped and not counted.
   * `{ update, key }`: such a row overwrites `update` columns of the row with the same `key` columns.
   */
  readonly onConflict?: 'nothing' | { readonly key: readonly string[]; readonly update: readonly string[] }
  readonly signal?: AbortSignal
}

/** What can be done both on a database and within a transaction on it. */
export interface AppDbSession {
  readonly dialect: Dialect
  /** All rows, decoded: the same JavaScript values from every engine. */
  query<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row[]>
  /** The first row, or undefined when there is none. */
  queryOne<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row | undefined>
  /** Rows inserted, updated or deleted by one statement. */
  execute(sql: SqlText, params?: readonly SqlValue[], options?: QueryOptions): Promise<{ rowCount: number }>
  /**
   * The bulk path: all rows or none. `rows` are arrays in the order of `columns`; 0 rows is a no-op.
   * PostgreSQL gets unnest or COPY, SQLite one prepared statement in one transaction.
   */
  insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options?: InsertManyOptions,
  ): Promise<{ rowCount: number }>
  /** Rows one by one in bounded memory whatever their number. Leaving the loop early frees the cursor. */
  stream<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): AsyncIterable<Row>
  /**
   * Runs `work` atomically; a rejection rolls back. Within a transaction it is a savepoint.
   * Only `tx` may be used inside `work`: the outer handle rejects at once with {@link TransactionMisuseError}.
   * Transactions that lose a deadlock or serialization race are run again, so `work` must not do anything
   * that a rollback does not undo.
   */
  transaction<T>(work: (tx: AppDbTransaction) => Promise<T>): Promise<T>
}

export type AppDbTransaction = AppDbSession

export interface AppDb extends AppDbSession {
  /** True when a statement answers within the health timeout; never rejects. */
  healthCheck(): Promise<boolean>
}

export function sqlFor(dialect: Dialect, sql: SqlText): string {
  return typeof sql === 'string' ? sql : sql[dialect]
}
