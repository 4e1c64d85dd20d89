import type { AppDbSession } from './app-db.ts'
import { isDbError } from './db-errors.ts'
import { MigrationError } from './migration-error.ts'
import type { SqlStore } from './sql-store.ts'

/** `by_range()` and policies on continuous aggregates of integer time came by then. */
const MINIMUM_VERSION = [2, 13] as const

export interface TimescaleState {
  /** True when the extras may be applied: installed, recent enough, and not only the Apache part. */
  readonly usable: boolean
  /** Installed version. */
  readonly version: string | undefined
  /** `timescale` or `apache`. */
  readonly licence: string | undefined
  /** Why it is not usable, and what would change that. */
  readonly reason: string | undefined
}

/** What the extras made, as the catalog of TimescaleDB counts it. */
interface TimescaleCatalog {
  readonly hypertables: number
  readonly continuousAggregates: number
  readonly refreshJobs: number
  readonly compressionJobs: number
  readonly retentionJobs: number
}

/** What the files in `timescale-migrations` make together. */
export const expectedCatalog: TimescaleCatalog = {
  hypertables: 1,
  continuousAggregates: 4,
  refreshJobs: 4,
  compressionJobs: 5,
  retentionJobs: 5,
}

/** What the server says of TimescaleDB. */
export interface TimescaleFacts {
  /** Version in this database. */
  readonly installed: string | null
  /** Version that could be installed. */
  readonly offered: string | null
  /** Null where this session has not loaded the library, e.g. because the extension is not installed. */
  readonly licence: string | null
}

/** What this database offers. Changes nothing. */
export async function detectTimescale(db: AppDbSession): Promise<TimescaleState> {
  return judgeTimescale(await readTimescaleFacts(db))
}

export async function readTimescaleFacts(db: AppDbSession): Promise<TimescaleFacts> {
  const row = await db.queryOne<TimescaleFacts>(`
    SELECT
      (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'timescaledb') AS installed,
      (SELECT a.default_version FROM pg_available_extensions AS a WHERE a.name = 'timescaledb') AS offered,
      current_setting('timescaledb.license', true) AS licence
  `)
  return row ?? { installed: null, offered: null, licence: null }
}

/** Whether the extras may be applied. The Apache part alone has no continuous aggregates, compression or policies. */
export function judgeTimescale({ installed, offered, licence }: TimescaleFacts): TimescaleState {
  const not = (reason: string) => ({ ...state, usable: false, reason })
  const state = { version: installed ?? undefined, licence: licence ?? undefined }
  if (installed === null) {
    return not(
      offered === null
        ? 'TimescaleDB is not available on this server'
        : 'TimescaleDB is available but not installed in this database: CREATE EXTENSION timescaledb',
    )
  }
  if (!isRecent(installed)) {
    return not(`TimescaleDB ${installed} is too old: ${MINIMUM_VERSION.join('.')} is needed`)
  }
  if (licence === 'apache') {
    return not('This TimescaleDB has its Apache part only (timescaledb.license): plain tables are used')
  }
  return { ...state, usable: true, reason: undefined }
}

/**
 * Installs the extension in a database that is set up for the first time, where the server offers it and
 * the account may. Where it may not, plain tables do the same work.
 */
export async function installTimescale(store: SqlStore): Promise<void> {
  // Without its preloaded library CREATE EXTENSION ends the connection; the library defines this setting.
  const offer = await store.db.queryOne(`
    SELECT a.name
    FROM pg_available_extensions AS a
    WHERE a.name = 'timescaledb' AND a.installed_version IS NULL
      AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL
  `)
  if (!offer) return
  try {
    await store.transaction((tx) => tx.execScript('CREATE EXTENSION IF NOT EXISTS timescaledb'))
  } catch (error) {
    // 42501: the account may not. Two processes may also meet here; the other one has installed it then.
    const expected = isDbError(error) && (error.engineCode === '42501' || error.kind === 'unique')
    if (!expected) throw error
  }
}

/** Counts what is in the schema of this connection. */
async function readCatalog(db: AppDbSession): Promise<TimescaleCatalog> {
  const row = await db.queryOne<TimescaleCatalog>(`
    WITH
      aggregates AS (
        SELECT c.view_name, c.materialization_hypertable_schema AS schema, c.materialization_hypertable_name AS name
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = current_schema()
      ),
      tables AS (
        SELECT h.hypertable_schema AS schema, h.hypertable_name AS name
        FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema = current_schema()
      ),
      owned AS (
        SELECT j.proc_name
        FROM timescaledb_information.jobs AS j
        WHERE (j.hypertable_schema, j.hypertable_name) IN (
          SELECT t.schema, t.name FROM tables AS t
          UNION ALL SELECT a.schema, a.name FROM aggregates AS a
          UNION ALL SELECT current_schema(), a.view_name FROM aggregates AS a
        )
      )
    SELECT
      (SELECT count(*) FROM tables) AS "hypertables",
      (SELECT count(*) FROM aggregates) AS "continuousAggregates",
      (SELECT count(*) FROM owned WHERE proc_name = 'policy_refresh_continuous_aggregate') AS "refreshJobs",
      (SELECT count(*) FROM owned WHERE proc_name IN ('policy_compression', 'policy_columnstore')) AS "compressionJobs",
      (SELECT count(*) FROM owned WHERE proc_name = 'policy_retention') AS "retentionJobs"
  `)
  if (!row) throw new Error('The TimescaleDB catalog gave no row')
  return row
}

/**
 * Checks that the extras are in place, all or none: tables that held rows before the extension came stay
 * plain, and then nothing of TimescaleDB is expected.
 *
 * @returns true when the tables are hypertables.
 * @throws MigrationError naming what is missing.
 */
export async function assertCatalog(db: AppDbSession, expected = expectedCatalog): Promise<boolean> {
  const found = await readCatalog(db)
  if (Object.values(found).every((count) => count === 0)) return false
  const wrong = Object.entries(expected)
    .filter(([name, count]) => Object.entries(found).some(([key, value]) => key === name && value !== count))
    .map(([name, count]) => `${name}: ${count} expected`)
  if (wrong.length === 0) return true
  throw new MigrationError(
    'timescale',
    undefined,
    `The TimescaleDB catalog is not as the migrations left it (${wrong.join(', ')}; found ${JSON.stringify(found)}). ` +
      'A table or a policy was removed by hand: restore it, or restore the database from a backup.',
  )
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > MINIMUM_VERSION[0] || (major === MINIMUM_VERSION[0] && minor >= MINIMUM_VERSION[1])
}
