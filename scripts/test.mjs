// `npm test [-- vitest arguments]`: the whole suite on SQLite, PostgreSQL and TimescaleDB.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { installInCi } from './debian.mjs'
import { bin, ensureInstalled, hasSqlite, root, say, withoutSqlite } from './ensure.mjs'

ensureInstalled()
const engines = process.env.TEST_ENGINES
if (!hasSqlite() && (!engines || engines.includes('sqlite'))) {
  say(`${withoutSqlite}, or leave its tests out (TEST_ENGINES=postgres,timescale)`)
  process.exit(1)
}
// Embedded PostgreSQL comes without pg_dump: backups are tested on a server of the version of the pg_dump that is here.
const versions = '/usr/lib/postgresql'
const hasServer =
  existsSync(versions) && readdirSync(versions).some((each) => existsSync(`${versions}/${each}/bin/initdb`))
if (!hasServer) installInCi('postgresql', 'PostgreSQL for the tests of backups')
const result = spawnSync(bin('vitest'), ['run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
process.exit(result.status ?? 1)
