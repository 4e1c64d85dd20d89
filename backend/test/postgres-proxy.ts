import { plainDatabases, type TestDatabase } from './databases.ts'
import { type StoreProxy, startProxy } from './proxy.ts'

export interface PostgresBehindProxy {
  readonly database: TestDatabase
  readonly proxy: StoreProxy
  close(): Promise<void>
}

/** A PostgreSQL database that can be taken away and brought back. */
export async function startPostgresBehindProxy(): Promise<PostgresBehindProxy> {
  const postgres = plainDatabases.find((kind) => kind.name === 'postgres')
  if (!postgres) throw new Error('no PostgreSQL')
  const database = await postgres.open()
  const proxy = await startProxy(database.location)
  return {
    proxy,
    database: { ...database, location: proxy.url },
    async close() {
      await proxy.close()
      await database.close()
    },
  }
}
