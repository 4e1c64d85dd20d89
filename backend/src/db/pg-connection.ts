import pg from 'pg'
import { abortable } from './abort.ts'
import { endsConnection, pgError } from './pg-errors.ts'
import type { StoreStats } from './sql-store.ts'
import { quoteName } from './sql-text.ts'
import { TransactionScope } from './transaction-scope.ts'

/** How long an aborted statement may take to end before its connection is cut. */
const cancelGraceMs = 2_000

export type PgResult = pg.QueryResult<Record<string, unknown>>

/** A connection while one statement, transaction or stream has it. */
export interface PgLease {
  readonly client: pg.PoolClient
  /** The connection is in an unknown state and must not go back into the pool. */
  broken: boolean
  release(): void
}

/** A pool, and what all sessions on it share. */
export class PgConnections {
  readonly pool: pg.Pool
  readonly stats: StoreStats = { retries: 0, reconnects: 0 }
  readonly scope = new TransactionScope()
  readonly #backendPids: WeakMap<pg.ClientBase, number>
  readonly #types = new Map<string, ReadonlyMap<string, string>>()

  /** @param backendPids filled by the pool as it connects: a statement is cancelled by its backend's pid. */
  constructor(pool: pg.Pool, backendPids: WeakMap<pg.ClientBase, number>) {
    this.pool = pool
    this.#backendPids = backendPids
  }

  /** @throws DbError `unavailable` when no connection can be made or none becomes free in time. */
  async acquire(signal?: AbortSignal): Promise<PgLease> {
    signal?.throwIfAborted()
    const connecting = this.pool.connect()
    let client: pg.PoolClient
    try {
      client = await abortable(connecting, signal)
    } catch (error) {
      if (signal?.aborted) {
        connecting.then(
          (late) => late.release(),
          () => undefined, // nobody waits for it any more
        )
        throw signal.reason
      }
      throw pgError(error)
    }
    // A connection that dies between two statements says so only here; the next statement then rejects.
    const onError = () => {
      lease.broken = true
    }
    client.on('error', onError)
    const lease: PgLease = {
      client,
      broken: false,
      release: () => {
        client.off('error', onError)
        if (lease.broken) this.stats.reconnects++
        client.release(lease.broken)
      },
    }
    return lease
  }

  /** Sends one statement. An abort cancels it on the server and rejects with the signal's reason. */
  async send(
    lease: PgLease,
    text: string,
    values: readonly (string | Buffer | null)[] = [],
    signal?: AbortSignal,
  ): Promise<PgResult> {
    signal?.throwIfAborted()
    // Always the extended protocol: the simple one would run several statements in one text.
    const config = { text, values: [...values], queryMode: 'extended' }
    return this.guarded(lease, () => lease.client.query<Record<string, unknown>>(config), signal)
  }

  /** Sends a text of several statements. */
  async script(lease: PgLease, sql: string): Promise<void> {
    await this.guarded(lease, () => lease.client.query(sql))
  }

  /** Runs something on the connection with its errors translated and its abort signal served. */
  async guarded<T>(lease: PgLease, start: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const running = start()
      return await (signal ? this.#cancellable(lease, running, signal) : running)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const mapped = pgError(error)
      if (endsConnection(mapped)) lease.broken = true
      throw mapped
    }
  }

  /** SQL types of a table's columns, looked up once until the schema changes. */
  async columnTypes(lease: PgLease, table: string, columns: readonly string[]): Promise<string[]> {
    let types = this.#types.get(table)
    if (!types || columns.some((column) => !types?.has(column))) {
      const { rows } = await this.send(
        lease,
        `
        SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type
        FROM pg_attribute AS a
        WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
        `,
        [quoteName(table)],
      )
      types = new Map(rows.map((row) => [String(row.name), String(row.type)]))
      this.#types.set(table, types)
    }
    return columns.map((column) => types.get(column) ?? 'text')
  }

  forgetTypes(): void {
    this.#types.clear()
  }

  async #cancellable<T>(lease: PgLease, running: Promise<T>, signal: AbortSignal): Promise<T> {
    let cancelling: Promise<void> | undefined
    const onAbort = () => {
      // The cancel request may arrive late and hit the next statement, so there must be none on this connection.
      lease.broken = true
      cancelling = this.#cancel(lease, running)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await running
    } finally {
      signal.removeEventListener('abort', onAbort)
      await cancelling
    }
  }

  async #cancel(lease: PgLease, running: Promise<unknown>): Promise<void> {
    const ended = running.then(
      () => undefined,
      () => undefined, // the caller gets the signal's reason instead
    )
    const cut = setTimeout(() => cutConnection(lease.client), cancelGraceMs)
    try {
      const pid = this.#backendPids.get(lease.client)
      // A pool of one has no second connection to cancel from.
      if (pid === undefined || this.pool.options.max === 1) cutConnection(lease.client)
      else await cancelBackend(this.pool.options, pid)
    } catch {
      cutConnection(lease.client) // no way to reach the server: it ends the statement when it notices
    }
    await ended
    clearTimeout(cut)
  }
}

/** Closes the socket: what was running on it rejects at once. */
function cutConnection(client: pg.ClientBase): void {
  // While a statement runs, pg's end() destroys the socket instead of saying goodbye.
  if (client instanceof pg.Client) client.end().catch(() => undefined) // ended is what it should be
}

async function cancelBackend(config: pg.PoolConfig, pid: number): Promise<void> {
  const helper = new pg.Client(config)
  helper.on('error', () => undefined) // reported by the call that it interrupts
  try {
    await helper.connect()
    await helper.query('SELECT pg_cancel_backend($1)', [pid])
  } finally {
    await helper.end()
  }
}
