import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { abortable } from './abort.ts'
import { type InsertManyOptions, type QueryOptions, type SqlText, type SqlValue, sqlFor } from './app-db.ts'
import {
  assertWidth,
  copyChunks,
  copyStatement,
  partsWithUniqueKeys,
  unnestInsert,
  unnestParameters,
} from './pg-bulk.ts'
import type { PgConnections, PgLease, PgResult } from './pg-connection.ts'
import { encodePgValue } from './pg-values.ts'
import type { RawValue, ScriptSession } from './sql-store.ts'
import { changesSchema } from './sql-text.ts'

/**
 * From here on rows are copied: a plain insert into its table, one with ON CONFLICT into a temporary table first.
 * It is cheaper to parse than arrays, and one statement however many rows.
 */
export const bulkFromRows = 200
const rowsPerFetch = 1_000

export type Rows = readonly (readonly SqlValue[])[]
export type Use<T> = (lease: PgLease) => Promise<T>

/** What the outer handle and the sessions on one connection have in common. */
export abstract class PgSession implements ScriptSession {
  readonly dialect = 'postgres'
  protected readonly connections: PgConnections

  constructor(connections: PgConnections) {
    this.connections = connections
  }

  /** Runs one statement (or what counts as one) on this session's connection. */
  protected abstract use<T>(work: Use<T>, signal?: AbortSignal): Promise<T>
  protected abstract insertInParts(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions,
  ): Promise<{ rowCount: number }>
  abstract transaction<T>(work: (tx: ScriptSession) => Promise<T>): Promise<T>
  abstract stream<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): AsyncIterable<Row>

  async query<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row[]> {
    const { rows } = await this.#send(text, params, options, (result) => {
      options?.signal?.throwIfAborted() // the cancel request came too late: the caller still does not want it
      return result
    })
    return rows as Row[]
  }

  async queryOne<Row = Record<string, unknown>>(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<Row | undefined> {
    const [row] = await this.query<Row>(text, params, options)
    return row
  }

  async execute(
    text: SqlText,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<{ rowCount: number }> {
    const result = await this.#send(text, params, options)
    if (changesSchema(sqlFor('postgres', text))) this.connections.forgetTypes()
    return { rowCount: result.rowCount ?? 0 }
  }

  async execScript(sql: string): Promise<void> {
    await this.use((lease) => this.connections.script(lease, sql))
    this.connections.forgetTypes()
  }

  rawQuery(sql: string, params: readonly RawValue[] = []): Promise<RawValue[][]> {
    return this.use((lease) => this.connections.sendRaw(lease, sql, params.map(encodeRaw)))
  }

  async rawExecute(sql: string, params: readonly RawValue[] = []): Promise<{ rowCount: number }> {
    const result = await this.use((lease) => this.connections.send(lease, sql, params.map(encodeRaw)))
    if (changesSchema(sql)) this.connections.forgetTypes()
    return { rowCount: result.rowCount ?? 0 }
  }

  async rawMany(): Promise<never> {
    throw new TypeError('rawMany() is for SQLite: in PostgreSQL one statement takes many rows')
  }

  async insertMany(
    table: string,
    columns: readonly string[],
    rows: Rows,
    options: InsertManyOptions = {},
  ): Promise<{ rowCount: number }> {
    const { onConflict, signal } = options
    if (rows.length === 0) return { rowCount: 0 }
    assertWidth(rows, columns.length)
    if (onConflict === undefined && rows.length >= bulkFromRows && this.connections.canCopy) {
      const rowCount = await this.use((lease) => this.copy(lease, table, columns, rows, signal), signal)
      return { rowCount }
    }
    if (rows.length >= bulkFromRows || repeatsKey(columns, rows, onConflict)) {
      return this.insertInParts(table, columns, rows, options)
    }
    const rowCount = await this.use((lease) => this.unnest(lease, table, columns, rows, options), signal)
    return { rowCount }
  }

  protected async unnest(
    lease: PgLease,
    table: string,
    columns: readonly string[],
    rows: Rows,
    { onConflict, signal }: InsertManyOptions,
  ): Promise<number> {
    const types = await this.connections.columnTypes(lease, table, columns)
    const sql = unnestInsert(table, columns, types, onConflict)
    const parameters = unnestParameters(rows, columns.length)
    const result = await this.connections.send(lease, sql, parameters, signal)
    return result.rowCount ?? 0
  }

  protected async copy(
    lease: PgLease,
    table: string,
    columns: readonly string[],
    rows: Rows,
    signal?: AbortSignal,
  ): Promise<number> {
    const sink = lease.client.query(copyFrom(copyStatement(table, columns)))
    const copying = () => pipeline(Readable.from(copyChunks(rows)), sink)
    await this.connections.guarded(lease, copying, signal)
    return sink.rowCount
  }

  #send(
    text: SqlText,
    params: readonly SqlValue[] | undefined,
    { signal }: QueryOptions = {},
    check: (result: PgResult) => PgResult = (result) => result,
  ): Promise<PgResult> {
    const sql = sqlFor('postgres', text)
    const values = params ? params.map(encodePgValue) : []
    return this.use(async (lease) => check(await this.connections.send(lease, sql, values, signal)), signal)
  }

  /** Pages of a cursor that is open on `lease`; the next one is on its way while the caller handles this one. */
  protected async *pages<Row>(
    cursor: string,
    fetch: (sql: string) => Promise<PgResult>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Row> {
    const sql = `FETCH FORWARD ${rowsPerFetch} FROM ${cursor}`
    let next: Promise<PgResult> | undefined = fetch(sql)
    try {
      while (next !== undefined) {
        const { rows }: PgResult = await abortable(next, signal)
        next = rows.length < rowsPerFetch ? undefined : fetch(sql)
        next?.catch(() => undefined) // reported when it is awaited
        for (const row of rows) {
          signal?.throwIfAborted()
          yield row as Row
        }
      }
    } finally {
      await next?.catch(() => undefined) // the caller left: what matters is that it is over
    }
  }
}

/** True when one statement would have to update a row twice. */
function repeatsKey(
  columns: readonly string[],
  rows: Rows,
  onConflict: InsertManyOptions['onConflict'],
): boolean {
  return typeof onConflict === 'object' && partsWithUniqueKeys(rows, columns, onConflict.key).length > 1
}

function encodeRaw(value: RawValue): string | Buffer | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value !== 'object') return String(value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
