import type {
  AppDb,
  AppDbTransaction,
  Dialect,
  InsertManyOptions,
  QueryOptions,
  SqlText,
  SqlValue,
} from './app-db.ts'
import { sqlFor } from './app-db.ts'
import type { ClosedGate, Lane } from './lane.ts'
import type { ReadListener } from './observed-read.ts'
import { readsOnly } from './sql-text.ts'

/** How a routed handle finds the database of its domain. */
export interface Route {
  readonly lane: Lane
  /** Engine of the store that holds the domain, also while it is away. */
  dialect(): Dialect
  /** The database that holds the domain now. @throws StoreUnavailableError when it cannot be used. */
  enter(): AppDb
  /** What the caller gets for an error of a call on `db`. */
  failed(error: unknown, db: AppDb): unknown
  /** A call that may have written is over. */
  wrote(): void
}

/** One call of `query` or `queryOne`. */
interface Question {
  readonly sql: SqlText
  readonly params: readonly SqlValue[] | undefined
  readonly options: QueryOptions | undefined
  readonly first: boolean
}

/**
 * The handle a domain keeps for good: every call asks the route anew, so that it goes to the store which then
 * holds the domain. Calls that may write wait while the domain is on its way to another store.
 */
export class RoutedDb implements AppDb {
  readonly #route: Route

  constructor(route: Route) {
    this.#route = route
  }

  get dialect(): Dialect {
    return this.#route.dialect()
  }

  query<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row[]> {
    const work = (db: AppDb) => db.query<Row>(sql, params, options)
    return this.#query({ sql, params, options, first: false }, work, (rows) => [...rows])
  }

  queryOne<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row | undefined> {
    const work = (db: AppDb) => db.queryOne<Row>(sql, params, options)
    return this.#query({ sql, params, options, first: true }, work, (row) => (row === undefined ? [] : [row]))
  }

  execute(sql: SqlText, params?: readonly SqlValue[], options?: QueryOptions): Promise<{ rowCount: number }> {
    return this.#write((db) => db.execute(sql, params, options), options?.signal)
  }

  insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options?: InsertManyOptions,
  ): Promise<{ rowCount: number }> {
    return this.#write((db) => db.insertMany(table, columns, rows, options), options?.signal)
  }

  /** Streams only read, whatever their text. */
  async *stream<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): AsyncIterable<Row> {
    const db = this.#route.enter()
    try {
      yield* db.stream<Row>(sql, params, options)
    } catch (error) {
      throw this.#route.failed(error, db)
    }
  }

  transaction<T>(work: (tx: AppDbTransaction) => Promise<T>): Promise<T> {
    return this.#write((db) => db.transaction(work))
  }

  healthCheck(): Promise<boolean> {
    return this.#read((db) => db.healthCheck()).catch(() => false) // unavailable is not healthy
  }

  #query<T>(
    question: Question,
    work: (db: AppDb) => Promise<T>,
    rowsOf: (answer: T) => unknown[],
  ): Promise<T> {
    if (!readsOnly(sqlFor(this.dialect, question.sql))) return this.#write(work, question.options?.signal)
    const { onRead } = this.#route.lane
    return onRead ? this.#observed(onRead, question, work, rowsOf) : this.#read(work)
  }

  async #observed<T>(
    onRead: ReadListener,
    { sql, params = [], options, first }: Question,
    work: (db: AppDb) => Promise<T>,
    rowsOf: (answer: T) => unknown[],
  ): Promise<T> {
    let from = this.dialect
    const startedMs = performance.now()
    const answer = await this.#read((db) => {
      from = db.dialect
      return work(db)
    })
    const tookMs = performance.now() - startedMs
    const { domain } = this.#route.lane
    onRead({ domain, from, sql, params, codecs: options?.codecs ?? {}, first, rows: rowsOf(answer), tookMs })
    return answer
  }

  /** Async, so that a domain without its store rejects instead of throwing. */
  async #read<T>(work: (db: AppDb) => Promise<T>): Promise<T> {
    const db = this.#route.enter()
    try {
      return await work(db)
    } catch (error) {
      throw this.#route.failed(error, db)
    }
  }

  #write<T>(work: (db: AppDb) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { gate } = this.#route.lane
    return gate ? this.#wait(gate, work, signal) : this.#run(work)
  }

  async #wait<T>(
    gate: ClosedGate,
    work: (db: AppDb) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { lane } = this.#route
    this.#route.enter() // there is no use in waiting for a store that is away
    return gate.wait(lane.domain, () => this.#run(work), signal)
  }

  async #run<T>(work: (db: AppDb) => Promise<T>): Promise<T> {
    const { lane } = this.#route
    const db = this.#route.enter()
    lane.begin()
    try {
      return await work(db)
    } catch (error) {
      throw this.#route.failed(error, db)
    } finally {
      lane.end()
      this.#route.wrote()
    }
  }
}
