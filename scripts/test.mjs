// `npm test [-- vitest arguments]`: the whole suite on SQLite, PostgreSQL and TimescaleDB.
import { spawnSync } from 'node:child_process'
import { bin, ensureInstalled, root } from './ensure.mjs'

ensureInstalled()
const result = spawnSync(bin('vitest'), ['run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
process.exit(result.status ?? 1)
