import type { Command } from 'commander'
import { type Config, ConfigError, loadConfig } from '../core/config/config.ts'

interface AdoptFlags {
  readonly dryRun?: true
  readonly json?: true
}

type Env = Readonly<Record<string, string | undefined>>

/** Everything is there, or was. */
const DONE = 0
/** Refused or failed. What was adopted before that stays; the same command does the rest. */
const FAILED = 1
/** Adopted, but rows are in quarantine. */
const WITH_QUARANTINE = 3

/** `holdfast adopt`: takes a database of the older dashboard into this installation. */
export function registerAdopt(program: Command): void {
  program
    .command('adopt')
    .argument('<file>', 'its SQLite file, usually dashboard.db; it is only read')
    .description('take the data of the older dashboard into this installation, while the server is stopped')
    .option('--dry-run', 'do everything and keep nothing: shows what would come of it')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit codes: 0 done, 1 refused or failed, 3 done with rows in quarantine.')
    .action(async (file: string, flags: AdoptFlags) => {
      process.exitCode = await runAdopt(file, flags, process.env)
    })
}

/** @returns the exit code. */
export async function runAdopt(path: string, flags: AdoptFlags, env: Env): Promise<number> {
  const [
    { adopt, AdoptError, reportText },
    { StoreInUseError },
    { DbError },
    { MigrationError },
    { createLogger },
    { settleRoles },
    { AppError },
    { finishAtStart, placeOf },
  ] = await Promise.all([
    import('../adopt/index.ts'),
    import('../db/store-in-use.ts'),
    import('../db/db-errors.ts'),
    import('../db/migration-error.ts'),
    import('../core/log.ts'),
    import('../moves/index.ts'),
    import('../core/errors.ts'),
    import('../backups/index.ts'),
  ])
  const log = createLogger('silent')
  const clock = () => new Date()
  let config: Config
  try {
    config = loadConfig(env)
    // A restore that was interrupted on its last step comes first: it would take away what is adopted now.
    if (!flags.dryRun) await finishAtStart(placeOf(config, log, clock))
    const { report, reportPath } = await adopt({
      path,
      config,
      log,
      clock,
      settleRoles,
      dryRun: flags.dryRun ?? false,
      ...(process.stderr.isTTY && !flags.json
        ? { onUnit: (unit) => process.stderr.write(`${unit.join(', ')} …\n`) }
        : {}),
    })
    if (flags.json) console.log(JSON.stringify({ ...report, reportPath: reportPath ?? null }))
    else console.log(reportText(report) + (reportPath ? `\n\nThis report: ${reportPath}` : ''))
    return report.quarantine.rows > 0 ? WITH_QUARANTINE : DONE
  } catch (error) {
    const expected = [AdoptError, AppError, StoreInUseError, ConfigError, DbError, MigrationError].some(
      (kind) => error instanceof kind,
    )
    if (!expected || !(error instanceof Error)) throw error
    const hint =
      error instanceof DbError ? ' What was adopted before this stays; the same command does the rest.' : ''
    if (flags.json) console.log(JSON.stringify({ error: error.message + hint }))
    else console.error(error.message + hint)
    return FAILED
  }
}
