import { createHash } from 'node:crypto'
import pg from 'pg'
import { abortable } from './abort.ts'
import { stagedInsert } from './pg-bulk.ts'
import { endsConnection, pgError } from './pg-errors.ts'
import type { StoreStats } from './sql-store.ts'
import { quoteName } from './sql-text.ts'
import { TransactionScope } from './transaction-scope.ts'

/** How long a connection may say nothing before its other end is asked whether it is there. */
export const keepAliveMs = 10_000
/** How long an aborted statement may take to end before its connection is cut. */
const cancelGraceMs = 2_000

const rawTypes: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text }

export type PgResult = pg.QueryResult<Record<string, unknown>>

/** A connection while one statement, transaction or stream has it. */
export interface PgLease {
  readonly client: pg.PoolClient
  /** The connection is dead or in an unknown state: nothing can be sent on it. */
  broken: boolean
  /** It can be used to the end of what it is doing and is closed then. */
  retire: boolean
  /** Staging tables that were used since the connection was taken. */
  readonly staged: Set<string>
  release(): void
}

/** What is found out when a connection is made. */
export interface PgBackend {
  /** 0 where the server has no process for it (PostgreSQL in WebAssembly). */
  readonly pid: number
  /** Whether the account may create temporary tables. */
  readonly temporary: boolean
}

/** A pool, and what all sessions on it share. */
export class PgConnections {
  readonly pool: pg.Pool
  readonly stats: StoreStats = { retries: 0, reconnects: 0 }
  readonly scope = new TransactionScope()
  readonly #backends: WeakMap<pg.ClientBase, PgBackend>
  /** No Set: it changes with each statement, see shared-read.ts. */
  #leases: readonly PgLease[] = []
  readonly #staging = new WeakMap<pg.ClientBase, Set<string>>()
  #generation = 0
  readonly #types = new Map<string, ReadonlyMap<string, string>>()

  /** False where the way to the server cannot carry COPY. */
  readonly canCopy: boolean

  /** @param backends filled by the pool as it connects. */
  constructor(pool: pg.Pool, backends: WeakMap<pg.ClientBase, PgBackend>, canCopy: boolean) {
    this.pool = pool
    this.canCopy = canCopy
    this.#backends = backends
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
      retire: false,
      staged: new Set(),
      release: () => {
        client.off('error', onError)
        this.#leases = this.#leases.filter((each) => each !== lease)
        if (lease.broken) this.stats.reconnects++
        client.release(lease.broken || lease.retire)
      },
    }
    this.#leases = [...this.#leases, lease]
    return lease
  }

  /** Closes every connection that somebody has: what runs on it rejects with kind `unavailable`. */
  cut(): void {
    for (const lease of this.#leases) {
      lease.broken = true
      cutConnection(lease.client)
    }
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

  /** The same, with rows as arrays of the server's texts. */
  async sendRaw(
    lease: PgLease,
    text: string,
    values: readonly (string | Buffer | null)[],
  ): Promise<(string | null)[][]> {
    const config = {
      text,
      values: [...values],
      queryMode: 'extended',
      rowMode: 'array',
      types: rawTypes,
    } as const
    const { rows } = await this.guarded(lease, () => lease.client.query<(string | null)[]>(config))
    return rows
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
    this.#generation++
  }

  canStage(lease: PgLease): boolean {
    return this.canCopy && (this.#backends.get(lease.client)?.temporary ?? false)
  }

  /** Makes the staging table of these columns on a connection that is in no transaction, unless it is there. */
  async keepStaging(lease: PgLease, table: string, columns: readonly string[]): Promise<void> {
    const name = this.stagingName(table, columns)
    if (this.keepsStaging(lease, name)) return
    await this.script(lease, stagedInsert(table, name, columns, undefined).create)
    const kept = this.#staging.get(lease.client) ?? new Set()
    this.#staging.set(lease.client, kept.add(name))
  }

  keepsStaging(lease: PgLease, name: string): boolean {
    return this.#staging.get(lease.client)?.has(name) ?? false
  }

  /** A name for the staging table of these columns, another one after a schema change. */
  stagingName(table: string, columns: readonly string[]): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([table, columns, this.#generation]))
      .digest('hex')
    return `holdfast_staging_${digest.slice(0, 16)}`
  }

  async #cancellable<T>(lease: PgLease, running: Promise<T>, signal: AbortSignal): Promise<T> {
    let cancelling: Promise<void> | undefined
    const onAbort = () => {
      // The cancel request may arrive late and hit the next statement, so nobody else gets this connection.
      lease.retire = true
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

  /** Resolves when `running` has ended, by the server's doing or by cutting the connection. */
  async #cancel(lease: PgLease, running: Promise<unknown>): Promise<void> {
    const cut = () => {
      lease.broken = true
      cutConnection(lease.client)
    }
    const timer = setTimeout(cut, cancelGraceMs)
    const pid = this.#backends.get(lease.client)?.pid
    // Without a process of its own (a server in WebAssembly) a statement can only be waited for.
    if (pid) cancelBackend(this.pool.options, pid).catch(cut)
    await running.catch(() => undefined) // the caller gets the signal's reason instead
    clearTimeout(timer)
  }
}

/** Closes the socket without a goodbye: what was running on it rejects at once. */
export function cutConnection(client: pg.ClientBase): void {
  if (client instanceof pg.Client) client.connection.stream.destroy()
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
