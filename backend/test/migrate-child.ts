import { migrate } from '../src/db/migrate.ts'
import { openPostgresStore } from '../src/db/postgres.ts'
import { openSqliteStore } from '../src/db/sqlite.ts'

// A second process that migrates: what two servers do that start at once.
const [dialect, location = ''] = process.argv.slice(2)
const store =
  dialect === 'sqlite' ? await openSqliteStore({ path: location }) : openPostgresStore({ url: location })
const report = await migrate(store)
await store.close()
process.send?.(report.applied)
