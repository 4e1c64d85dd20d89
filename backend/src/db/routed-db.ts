import type {
  AppDb,
  AppDbTransaction,
  Dialect,
  InsertManyOptions,
  QueryOptions,
  SqlText,
  SqlValue,
} from './app-db.ts'

/** How a routed handle finds the database of its domain. */
export interface Route {
  /** Engine of the store that holds the domain, also while it is away. */
  dialect(): Dialect
  /** The database that holds the domain now. @throws StoreUnavailableError when it cannot be used. */
  enter(): AppDb
  /** What the caller gets for an error of a call on `db`. */
  failed(error: unknown): unknown
}

/**
 * The handle a domain keeps for good: every call asks the route anew, so that it goes to the store which then
 * holds the domain.
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
    return this.#call((db) => db.query<Row>(sql, params, options))
  }

  queryOne<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row | undefined> {
    return this.#call((db) => db.queryOne<Row>(sql, params, options))
  }

  execute(sql: SqlText, params?: readonly SqlValue[], options?: QueryOptions): Promise<{ rowCount: number }> {
    return this.#call((db) => db.execute(sql, params, options))
  }

  insertMany(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options?: InsertManyOptions,
  ): Promise<{ rowCount: number }> {
    return this.#call((db) => db.insertMany(table, columns, rows, options))
  }

  async *stream<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): AsyncIterable<Row> {
    const db = this.#route.enter()
    try {
      yield* db.stream<Row>(sql, params, options)
    } catch (error) {
      throw this.#route.failed(error)
    }
  }

  transaction<T>(work: (tx: AppDbTransaction) => Promise<T>): Promise<T> {
    return this.#call((db) => db.transaction(work))
  }

  healthCheck(): Promise<boolean> {
    return this.#call((db) => db.healthCheck()).catch(() => false) // unavailable is not healthy
  }

  /** Async, so that a domain without its store rejects instead of throwing. */
  async #call<T>(work: (db: AppDb) => Promise<T>): Promise<T> {
    const db = this.#route.enter()
    try {
      return await work(db)
    } catch (error) {
      throw this.#route.failed(error)
    }
  }
}
