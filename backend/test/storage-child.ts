import { createLogger } from '../src/core/log.ts'
import { openStorage } from '../src/db/app-db-router.ts'

// A server process as far as its storage goes: opens it, says what it found, and ends.
const [dataDir = '', postgresAppUrl] = process.argv.slice(2)
const storage = await openStorage({
  config: {
    dataDir,
    postgresAppUrl,
    postgresAppMaxConnections: 5,
    storagePlacement: undefined,
    storagePlacements: {},
  },
  log: createLogger('silent'),
  clock: () => new Date(),
})
const { domains } = storage.status()
await storage.close()
const report = process.report?.getReport()
const libraries = report && 'sharedObjects' in report ? JSON.stringify(report.sharedObjects) : ''
process.send?.({
  placements: [...new Set(domains.map((domain) => domain.placement))],
  available: domains.every((domain) => domain.available),
  loadsSqlite: libraries === '' || libraries.includes('better_sqlite3'),
})
