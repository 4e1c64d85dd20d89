import { type Config, ConfigError } from '../core/config/config.ts'
import { domainNames, placementVariable } from './domains.ts'
import { settlePlacements, type Wishes } from './placements.ts'
import type { SqlStore } from './sql-store.ts'
import { finishArchiving, refusalOfNewFile } from './sqlite-archive.ts'

type Settings = Pick<Config, 'dataDir' | 'postgresAppUrl' | 'storagePlacement' | 'storagePlacements'>

/** The settings that want domains in SQLite, by name. */
export function sqliteVariables({ storagePlacement, storagePlacements }: Settings): string[] {
  const domains = domainNames.filter((domain) => storagePlacements[domain] === 'sqlite')
  const all = storagePlacement === 'sqlite' ? ['STORAGE_PLACEMENT'] : []
  return [...all, ...domains.map(placementVariable)]
}

/**
 * Ends what a crash has left of an archive, and looks whether this folder may be started with these settings.
 *
 * @throws ConfigError when a new SQLite file would be begun although there was one.
 */
export function assertMayBegin(config: Settings): void {
  finishArchiving(config.dataDir)
  const refusal = refusalOfNewFile(config.dataDir, {
    postgresConfigured: config.postgresAppUrl !== undefined,
    sqliteVariables: sqliteVariables(config),
  })
  if (refusal !== undefined) throw new ConfigError([refusal])
}

/**
 * Whether a domain has to begin in SQLite, where settings want that and there is no file yet. Rows that would have to
 * go there are refused before there is one.
 *
 * @param postgres undefined while it is away: then nobody knows.
 * @throws ConfigError
 */
export async function needsFile(
  postgres: SqlStore | undefined,
  wishes: Wishes,
  clock: () => Date,
  config: Settings,
): Promise<boolean> {
  if (!postgres) return true
  const { decisions, refusals } = await settlePlacements({ sqlite: 'absent', postgres }, wishes, clock)
  if (refusals.length > 0) throw new ConfigError(refusals)
  const left = [...decisions.values()].filter(({ fence }) => fence !== undefined)
  // What PostgreSQL says to be in SQLite was in a file that is lost: a new one would not bring it back.
  if (left.length > 0) return left.some(({ placement }) => placement !== 'sqlite')
  throw new ConfigError([
    `Every domain is in PostgreSQL, and there is no SQLite file: take ${sqliteVariables(config).join(', ')} away`,
  ])
}
