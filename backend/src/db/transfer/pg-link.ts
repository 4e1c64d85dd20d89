import { type EventEmitter, once } from 'node:events'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { SqlValue } from '../app-db.ts'
import { cutConnection, keepAliveMs } from '../pg-connection.ts'
import { pgError } from '../pg-errors.ts'
import { encodePgValue, pgTypes } from '../pg-values.ts'
import type { LedgerSession } from './ledger.ts'

/** The thread may be busy with a row of many megabytes meanwhile. */
const connectTimeoutMs = 30_000
/** How long a statement may say nothing before the server is asked, on another connection, whether it works on it. */
const silenceMs = 15_000
const goodbyeMs = 5_000
const settings = [
  `application_name = 'holdfast transfer'`,
  `timezone = 'UTC'`,
  `datestyle = 'ISO, YMD'`,
  `bytea_output = 'hex'`,
  'extra_float_digits = 1',
  'jit = off',
  'statement_timeout = 0',
  `lock_timeout = '10s'`,
  `idle_in_transaction_session_timeout = '30min'`,
  // What a crash of the server loses of a page, it loses of its checkpoint too.
  'synchronous_commit = off',
]

const asText: pg.CustomTypesConfig = {
  getTypeParser: () => (value: string) => value,
}

export interface PgLinkOptions {
  readonly connectTimeoutMs?: number
  readonly silenceMs?: number
}

/**
 * One connection for bulk work. What it throws is a DbError. Its statements may take hours, so a network that was
 * cut without a word is told from work by asking; TCP alone needs a quarter of an hour to give up.
 */
export class PgLink implements LedgerSession {
  readonly #client: pg.Client
  readonly #url: string
  readonly #options: Required<PgLinkOptions>
  #pid = 0
  #lost: Error | undefined

  private constructor(url: string, options: PgLinkOptions) {
    this.#url = url
    this.#options = { connectTimeoutMs, silenceMs, ...options }
    this.#client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: this.#options.connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      types: pgTypes,
    })
    // Reported by the statement that meets it.
    this.#client.on('error', (error) => {
      this.#lost ??= error
    })
  }

  static async open(url: string, options: PgLinkOptions = {}): Promise<PgLink> {
    const link = new PgLink(url, options)
    try {
      await link.#client.connect()
      await link.script(settings.map((each) => `SET ${each}`).join(';'))
      const [row] = await link.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      link.#pid = row?.pid ?? 0
    } catch (error) {
      await link.close()
      throw pgError(error)
    }
    return link
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.#cut(), goodbyeMs)
    await this.#client.end().catch(() => undefined) // ended is what it should be
    clearTimeout(timer)
  }

  async query<Row = Record<string, unknown>>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    const { rows } = await this.#run(() =>
      this.#client.query<pg.QueryResultRow>(sql, params.map(encodePgValue)),
    )
    return rows as Row[]
  }

  async execute(sql: string, params: readonly SqlValue[] = []): Promise<{ rowCount: number }> {
    const { rowCount } = await this.#run(() => this.#client.query(sql, params.map(encodePgValue)))
    return { rowCount: rowCount ?? 0 }
  }

  /** Rows as arrays of the server's own text. */
  async texts(sql: string, params: readonly (string | null)[] = []): Promise<(string | null)[][]> {
    const { rows } = await this.#run(() =>
      this.#client.query<(string | null)[]>({
        text: sql,
        values: [...params],
        rowMode: 'array',
        types: asText,
      }),
    )
    return rows
  }

  async script(sql: string): Promise<void> {
    await this.#run(() => this.#client.query(sql))
  }

  /** Opens `COPY … FROM STDIN`. */
  copy(sql: string): CopySink {
    const stream = this.#client.query(copyFrom(sql))
    let failed: unknown
    stream.on('error', (error) => {
      failed ??= error
    })
    const check = () => {
      if (failed !== undefined) throw pgError(failed)
      if (this.#lost) throw pgError(this.#lost)
    }
    const watched = (work: () => Promise<void>) => this.#watched(work)
    return {
      async write(lines) {
        check()
        // What fills the stream is with the system when it is drained; less may wait for the socket.
        const isAwaited = lines.length >= stream.writableHighWaterMark
        if (!stream.write(isAwaited ? lines : Buffer.from(lines)))
          await watched(() => oneOf(stream, ['drain', 'error', 'close']))
        // The socket is served between two parts of a page, and only then.
        await new Promise((resolve) => setImmediate(resolve))
        check()
      },
      async end() {
        check()
        const finished = new Promise<void>((resolve, reject) => {
          stream.once('finish', resolve)
          stream.once('error', reject)
        })
        stream.end()
        await watched(() => finished).catch((error: unknown) => {
          throw pgError(error)
        })
      },
      async abandon() {
        if (stream.destroyed) return
        const closed = once(stream, 'close')
        stream.destroy(new Error('the page was given up'))
        await closed.catch(() => undefined) // it was ended by its own error
      },
    }
  }

  /** Runs `work` in a transaction. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.script('BEGIN')
    try {
      const result = await work()
      await this.script('COMMIT')
      return result
    } catch (error) {
      await this.script('ROLLBACK').catch(() => undefined) // a dead connection has rolled back by itself
      throw error
    }
  }

  /** Ends what runs on the connection now. */
  async cancel(): Promise<void> {
    if (this.#pid === 0) return
    try {
      await this.#elsewhere((other) => other.query('SELECT pg_cancel_backend($1)', [this.#pid]))
    } catch (error) {
      this.#cut(error)
      throw error
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#lost) throw pgError(this.#lost)
    try {
      return await this.#watched(work)
    } catch (error) {
      throw pgError(error)
    }
  }

  async #watched<T>(work: () => Promise<T>): Promise<T> {
    let over = false
    let doubts = 0
    let timer: NodeJS.Timeout | undefined
    const wait = () => {
      timer = setTimeout(() => void ask(), this.#options.silenceMs).unref()
    }
    const ask = async () => {
      doubts = (await this.#isServed().catch(isAnswer)) ? 0 : doubts + 1
      if (over) return
      // Once may be an answer that is on its way.
      if (doubts < 2) wait()
      else this.#cut(new Error('The connection to PostgreSQL is dead'))
    }
    wait()
    try {
      return await work()
    } finally {
      over = true
      clearTimeout(timer)
    }
  }

  /** Whether the server is busy with this connection, and not waiting for it. */
  async #isServed(): Promise<boolean> {
    if (this.#pid === 0) return true
    const rows = await this.#elsewhere((other) =>
      other.query(
        `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type IS DISTINCT FROM 'Client'`,
        [this.#pid],
      ),
    )
    return rows.length > 0
  }

  async #elsewhere<T>(work: (other: PgLink) => Promise<T>): Promise<T> {
    const other = await PgLink.open(this.#url, this.#options)
    try {
      return await work(other)
    } finally {
      await other.close()
    }
  }

  /** What runs rejects at once. */
  #cut(cause?: unknown): void {
    if (cause instanceof Error) this.#lost ??= cause
    cutConnection(this.#client)
  }
}

export interface CopySink {
  /** The bytes may be written over when it resolves. */
  write(lines: Buffer): Promise<void>
  /** Resolves when the server has taken every row. */
  end(): Promise<void>
  /** Gives the statement up; its transaction has failed then. */
  abandon(): Promise<void>
}

/** A server that refuses another connection is there, and more is not known of this one. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof pg.DatabaseError
}

/** The first of these events; none of them is listened for afterwards. */
function oneOf(emitter: EventEmitter, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) emitter.off(event, done)
      resolve()
    }
    for (const event of events) emitter.on(event, done)
  })
}
