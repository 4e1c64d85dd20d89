import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate } from '../backend/src/db/migrate.ts'
import { openPostgresStore } from '../backend/src/db/postgres.ts'
import type { SqlStore } from '../backend/src/db/sql-store.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'
import { startPostgres, type TestServer } from '../backend/test/postgres-server.ts'

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
  const server = given ? undefined : await startPostgres({ volatile: false })
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
  // One connection is all it has, and COPY ends its process.
  const limits = given ? {} : { maxConnections: 1, copy: false }
  const store = openPostgresStore({ url: given ?? server?.url ?? '', ...limits })
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

/** In a process of its own: WebAssembly blocks its thread while it works. */
async function startWasm(): Promise<TestServer> {
  const child = fork(fileURLToPath(new URL('../backend/test/timescale-server.ts', import.meta.url)))
  const [url] = await once(child, 'message')
  return {
    url: String(url),
    async stop() {
      child.kill()
    },
  }
}
