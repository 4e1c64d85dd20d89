import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import { type Config, ConfigError, loadConfig } from '../core/config/config.ts'
import { createLogger } from '../core/log.ts'
import type { MigrationReport } from '../db/migrate.ts'

type Target = 'sqlite' | 'postgres'

interface MigrateFlags {
  readonly target: Target | 'all'
  readonly dryRun?: true
  readonly json?: true
}

interface Outcome extends Partial<MigrationReport> {
  readonly target: Target
  readonly location: string
  readonly error?: string
}

/** `holdfast migrate`: brings the databases to the schema of this version without starting the server. */
export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the databases to the schema of this version')
    .addOption(
      new Option('--target <store>', 'which database; all takes every one that is in use')
        .choices(['sqlite', 'postgres', 'all'])
        .default('all'),
    )
    .option('--dry-run', 'say what is pending, change nothing')
    .option('--json', 'print one JSON object')
    .action(async (flags: MigrateFlags) => {
      process.exitCode = await runMigrate(flags, process.env)
    })
}

/** @returns the exit code: 1 when the configuration is not valid or a database could not be migrated. */
export async function runMigrate(
  flags: MigrateFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  let config: Config
  try {
    config = loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    return 1
  }
  const { sqliteFile } = await import('../db/app-db-router.ts')
  if (!flags.dryRun) {
    // A restore that was interrupted on its last step comes first: the stores may be half exchanged.
    const { finishAtStart, placeOf } = await import('../backups/index.ts')
    await finishAtStart(placeOf(config, createLogger('error'), () => new Date()))
  }
  const file = sqliteFile(config.dataDir)
  const outcomes: Outcome[] = []
  for (const target of targetsOf(flags.target, config, existsSync(file))) {
    outcomes.push(
      target === 'sqlite'
        ? await migrateSqlite(config, file, flags.dryRun ?? false)
        : await migratePostgres(config, flags.dryRun ?? false),
    )
  }
  if (flags.json) console.log(JSON.stringify({ dryRun: flags.dryRun ?? false, databases: outcomes }))
  else for (const outcome of outcomes) print(outcome)
  return outcomes.some((outcome) => outcome.error !== undefined) ? 1 : 0
}

/** A SQLite file is made only where it is asked for or nothing else is: its presence decides where new domains go. */
function targetsOf(wanted: MigrateFlags['target'], config: Config, hasFile: boolean): Target[] {
  if (wanted !== 'all') return [wanted]
  const hasPostgres = config.postgresAppUrl !== undefined
  return [
    ...(hasFile || !hasPostgres ? ['sqlite' as const] : []),
    ...(hasPostgres ? ['postgres' as const] : []),
  ]
}

async function migrateSqlite(config: Config, path: string, dryRun: boolean): Promise<Outcome> {
  const outcome = { target: 'sqlite', location: path } as const
  const { refusalOfNewFile } = await import('../db/sqlite-archive.ts')
  const refusal = refusalOfNewFile(config.dataDir, {
    postgresConfigured: config.postgresAppUrl !== undefined,
    sqliteVariables: ['--target sqlite'],
  })
  if (refusal !== undefined) return { ...outcome, error: refusal }
  if (dryRun && !existsSync(path)) {
    const { readMigrations } = await import('../db/migration-files.ts')
    return { ...outcome, applied: [], pending: readMigrations('sqlite').map((file) => file.name), total: 0 }
  }
  return attempt(outcome, dryRun, async () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const { openSqliteStore } = await import('../db/sqlite.ts')
    return openSqliteStore({ path })
  })
}

async function migratePostgres(config: Config, dryRun: boolean): Promise<Outcome> {
  const url = config.postgresAppUrl
  if (url === undefined) {
    return { target: 'postgres', location: '', error: 'PostgreSQL is not configured: set POSTGRES_APP_URL' }
  }
  const { checkPostgresVersion, openPostgresStore } = await import('../db/postgres.ts')
  const { locationOf } = await import('../db/stores.ts')
  return attempt({ target: 'postgres', location: locationOf(url) }, dryRun, async () => {
    const store = openPostgresStore({ url, maxConnections: 2, applicationName: 'holdfast migrate' })
    try {
      await checkPostgresVersion(store.db)
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  })
}

/** An error is part of the outcome: the other database is migrated all the same. */
async function attempt(
  outcome: Pick<Outcome, 'target' | 'location'>,
  dryRun: boolean,
  open: () => Promise<import('../db/sql-store.ts').SqlStore>,
): Promise<Outcome> {
  try {
    const store = await open()
    try {
      const { migrate } = await import('../db/migrate.ts')
      return { ...outcome, ...(await migrate(store, { dryRun })) }
    } finally {
      await store.close()
    }
  } catch (error) {
    return { ...outcome, error: error instanceof Error ? error.message : String(error) }
  }
}

function print(outcome: Outcome): void {
  const { target, location, applied = [], pending = [], total = 0, timescale, error } = outcome
  const place = location ? `${target} (${location})` : target
  if (error !== undefined) {
    console.error(`${place}: ${error}`)
    return
  }
  if (pending.length > 0) console.log(`${place}: ${pending.length} pending\n${list(pending)}`)
  else if (applied.length > 0) console.log(`${place}: ${applied.length} applied\n${list(applied)}`)
  else console.log(`${place}: nothing to do, ${total} migrations are there`)
  if (timescale?.active) console.log(`  TimescaleDB ${timescale.version} keeps the metrics`)
  else if (timescale?.reason) console.log(`  Without TimescaleDB: ${timescale.reason}`)
}

const list = (names: readonly string[]) => names.map((name) => `  ${name}`).join('\n')
