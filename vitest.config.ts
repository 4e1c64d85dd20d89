import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { testEngines } from './backend/test/engines.ts'

/** What opens a SQLite file and a PostgreSQL database of its own. All else asks `databases` for its stores. */
const onBoth = [
  'backend/src/{adopt,backups,cli,doctor,moves}/**',
  'backend/src/db/{app-db-router,gates,gates-race,migrate,observed-read,schema,sqlite,sqlite-archive,storage-restart}.test.ts',
  'backend/src/db/transfer/**',
  'backend/src/demo/product.test.ts',
  'backend/src/fleet/{endpoint-admin,fleet}.test.ts',
  'backend/src/metrics/{metrics-engines,metrics-flips}.test.ts',
  'backend/src/server.test.ts',
]
const onPostgres = ['backend/src/db/postgres.test.ts', 'backend/src/db/snapshot/pg-*.test.ts']

/** What takes minutes begins first, the longest before the others: it would be what all wait for at the end. */
const longest = [
  'moves/moves-faults',
  'moves/moves-load',
  'backups/restore-kill',
  'moves/moves',
  'server',
  'cli/adopt',
  'moves/moves-kills',
  'cli/storage',
  'metrics/metrics-engines',
  'auth/access',
].map((name) => `/backend/src/${name}.test.ts`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const turnOf = ({ moduleId }: TestSpecification) => {
      const turn = longest.findIndex((end) => moduleId.endsWith(end))
      return turn < 0 ? longest.length : turn
    }
    return (await super.sort(files)).toSorted((a, b) => turnOf(a) - turnOf(b))
  }
}

const engines = testEngines()
const hasPostgres = engines.includes('postgres')

export default defineConfig({
  test: {
    include: [
      'backend/**/*.test.ts',
      'frontend/**/*.test.{ts,tsx}',
      'bench/**/*.test.ts',
      'scripts/**/*.test.{ts,mjs}',
    ],
    exclude: [
      ...configDefaults.exclude,
      ...(hasPostgres && engines.includes('sqlite') ? [] : onBoth),
      ...(hasPostgres ? [] : onPostgres),
    ],
    globalSetup: ['backend/test/global-setup.ts'],
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Tests wait a quarter of their time: for servers to start, processes to die, a clock.
    maxWorkers: 3,
    // The first test of a run that needs a server waits until it is installed and started.
    hookTimeout: 180_000,
    // What takes seconds takes minutes on two cores with other work, above all TimescaleDB in WebAssembly.
    testTimeout: 180_000,
    // What is waited for comes late on a machine that has no time.
    expect: { poll: { timeout: 30_000 } },
  },
})
