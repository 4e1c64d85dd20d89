import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const source = fileURLToPath(new URL('.', import.meta.url))

/** What SQLite is about. */
const HOME = /^(db|moves|adopt|backups)\//

/** Who else names it, and why one text for both engines would not do. */
const ALLOWED: Readonly<Record<string, string>> = {
  'cli/adopt.ts': 'the file that it takes',
  'cli/backup/': 'what a backup holds',
  'cli/doctor/': 'titles of stores',
  'cli/migrate.ts': 'prepares either store without a server',
  'cli/storage.ts': 'options and help',
  'cli/storage/': 'titles of stores, the archive',
  'core/config/': 'values of STORAGE_PLACEMENT',
  'doctor/': 'looks into both stores',
  'health/health.schema.ts': 'wire name of a store',
  'health/move-metrics.ts': 'label of a store',
  'health/system.service.ts': 'wire name of a store',
  'metrics/metrics-kept-by.ts': 'rollups are kept by TimescaleDB in the other one',
  'metrics/metrics-partitions.ts': 'partitions are in the other one',
  'metrics/metrics-read.store.ts': 'plans that hold the bound of a chart differ',
  'metrics/metrics-retention.ts': 'lists of ids are JSON in both, and read differently',
  'metrics/metrics-rollup.ts': 'rollups are written in one statement each, with other aggregates',
  'metrics/metrics.store.ts': 'lists of names are JSON in both, and read differently',
  'storage/storage-facts.ts': 'the readiness check of the store',
  'storage/table-sizes.store.ts': 'the catalogs of the engines',
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !HOME.test(file))
const naming = files.filter((file) => {
  const lines = readFileSync(join(source, file), 'utf8').split('\n')
  // A comment explains; it does not depend.
  return lines.some((line) => /sqlite/i.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
})
const isAllowed = (file: string, entry: string) =>
  entry.endsWith('/') ? file.startsWith(entry) : file === entry

it('nothing names SQLite that works on a store of either kind', () => {
  const entries = Object.keys(ALLOWED)
  expect(naming.filter((file) => !entries.some((entry) => isAllowed(file, entry)))).toEqual([])
})

it('every exception is needed', () => {
  const needless = Object.keys(ALLOWED).filter((entry) => !naming.some((file) => isAllowed(file, entry)))
  expect(needless).toEqual([])
})
