import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { domainNames, placementVariable } from '../../db/domains.ts'
import type { LogLevel } from '../log.ts'
import { type ConfiguredPlacement, envSchema, FILE_VARIABLES, placementSchema } from './env.schema.ts'

export interface Config {
  readonly port: number
  readonly host: string
  /** Absolute. */
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly postgresAppUrl: string | undefined
  /** A superuser of that server, for what a restore alone needs one. */
  readonly postgresAdminUrl: string | undefined
  readonly postgresAppMaxConnections: number
  /** As configured; undefined leaves the choice to the storage router. */
  readonly storagePlacement: ConfiguredPlacement | undefined
  /** Overrides by domain name, e.g. `llm-traces` from STORAGE_PLACEMENT_LLM_TRACES. */
  readonly storagePlacements: Readonly<Record<string, ConfiguredPlacement>>
  /** Where backups are kept. */
  readonly backupDir: string
  /** 64 hex digits, or a passphrase: backups are encrypted with it. */
  readonly backupKey: string | undefined
  /** Folder of pg_dump and pg_restore; undefined: wherever they are. */
  readonly postgresToolsDir: string | undefined
  readonly dockerHost: string | undefined
  readonly dockerSocket: string | undefined
  readonly sampleIntervalSeconds: number
  readonly adminUsername: string | undefined
  readonly adminPassword: string | undefined
  readonly secretKey: string | undefined
  readonly metricsToken: string | undefined
  /** An origin without a trailing slash. */
  readonly publicUrl: string | undefined
  readonly trustProxy: false | number | readonly string[]
  readonly shutdownTimeoutSeconds: number
  readonly hostProc: string
  readonly hostSys: string
  readonly hostRoot: string
}

/** Everything that is wrong with the configuration, one problem a line. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`Configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const PLACEMENT_PREFIX = 'STORAGE_PLACEMENT_'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads the configuration. Frozen; secrets may come from `<NAME>_FILE`.
 *
 * @throws {ConfigError} listing every problem at once; no value of a variable is repeated in it, because it may be a secret.
 */
export function loadConfig(env: Env): Config {
  const problems: string[] = []
  const values = withFiles(env, problems)
  const storagePlacements = readPlacements(values, problems)
  const parsed = envSchema.safeParse(values)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.')} ${issue.message}`)
  }
  if (Boolean(values.ADMIN_USERNAME) !== Boolean(values.ADMIN_PASSWORD)) {
    problems.push('ADMIN_USERNAME and ADMIN_PASSWORD (or ADMIN_PASSWORD_FILE) must be set together')
  }
  const wantsPostgres = [values.STORAGE_PLACEMENT, ...Object.values(storagePlacements)].includes('postgres')
  if (wantsPostgres && !values.POSTGRES_APP_URL) {
    problems.push('POSTGRES_APP_URL must be set, because a domain is placed in postgres')
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  const e = parsed.data
  return Object.freeze({
    port: e.PORT,
    host: e.HOST,
    dataDir: e.DATA_DIR,
    logLevel: e.LOG_LEVEL,
    postgresAppUrl: e.POSTGRES_APP_URL,
    postgresAdminUrl: e.POSTGRES_ADMIN_URL,
    postgresAppMaxConnections: e.POSTGRES_APP_MAX_CONNECTIONS,
    storagePlacement: e.STORAGE_PLACEMENT,
    storagePlacements: Object.freeze(storagePlacements),
    backupDir: e.BACKUP_DIR ?? join(e.DATA_DIR, 'backups'),
    backupKey: e.BACKUP_KEY,
    postgresToolsDir: e.POSTGRES_TOOLS_DIR,
    dockerHost: e.DOCKER_HOST,
    dockerSocket: e.DOCKER_SOCKET,
    sampleIntervalSeconds: e.SAMPLE_INTERVAL_SECONDS,
    adminUsername: e.ADMIN_USERNAME,
    adminPassword: e.ADMIN_PASSWORD,
    secretKey: e.SECRET_KEY,
    metricsToken: e.METRICS_TOKEN,
    publicUrl: e.PUBLIC_URL,
    trustProxy: Array.isArray(e.TRUST_PROXY) ? Object.freeze(e.TRUST_PROXY) : e.TRUST_PROXY,
    shutdownTimeoutSeconds: e.SHUTDOWN_TIMEOUT_SECONDS,
    hostProc: e.HOST_PROC,
    hostSys: e.HOST_SYS,
    hostRoot: e.HOST_ROOT,
  })
}

function withFiles(env: Env, problems: string[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value.trim() !== '') values[name] = value.trim()
  }
  for (const name of FILE_VARIABLES) {
    const file = values[`${name}_FILE`]
    if (file === undefined) continue
    if (values[name] !== undefined) {
      problems.push(`${name} and ${name}_FILE are both set: keep one`)
      continue
    }
    try {
      values[name] = readFileSync(file, 'utf8').trim()
      if (values[name] === '') problems.push(`${name}_FILE is empty: ${file}`)
    } catch (error) {
      problems.push(`${name}_FILE cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return values
}

function readPlacements(values: Readonly<Record<string, string>>, problems: string[]) {
  const placements: Record<string, ConfiguredPlacement> = {}
  for (const [name, value] of Object.entries(values)) {
    if (!name.startsWith(PLACEMENT_PREFIX)) continue
    const domain = domainNames.find((each) => placementVariable(each) === name)
    if (!domain) {
      problems.push(`${name} names no domain; known are ${domainNames.map(placementVariable).join(', ')}`)
      continue
    }
    const placement = placementSchema.safeParse(value)
    if (placement.success) placements[domain] = placement.data
    else problems.push(`${name} must be sqlite or postgres`)
  }
  return placements
}
