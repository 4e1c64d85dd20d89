import type { Check } from '../check.ts'
import { activityChecks } from './activity.check.ts'
import { backupChecks } from './backups.check.ts'
import { partitionsCheck, timescaleCheck } from './catalog.check.ts'
import { clockChecks } from './clocks.check.ts'
import { configCheck } from './config.check.ts'
import { diskCheck, growthCheck } from './disk.check.ts'
import { dockerCheck } from './docker.check.ts'
import { extensionsCheck } from './extensions.check.ts'
import { filesCheck, placeCheck } from './files.check.ts'
import { movesChecks } from './moves.check.ts'
import { poolCheck } from './pool.check.ts'
import { postgresChecks } from './postgres.check.ts'
import { schemaChecks } from './schema.check.ts'
import { sqliteChecks } from './sqlite.check.ts'
import { placementCheck, reachCheck, readOnlyCheck } from './stores.check.ts'

/** Those that may take longest first. */
export const allChecks: readonly Check[] = [
  dockerCheck,
  ...sqliteChecks,
  ...schemaChecks,
  ...movesChecks,
  growthCheck,
  configCheck,
  filesCheck,
  placeCheck,
  diskCheck,
  ...clockChecks,
  reachCheck,
  placementCheck,
  readOnlyCheck,
  ...postgresChecks,
  poolCheck,
  extensionsCheck,
  ...activityChecks,
  timescaleCheck,
  partitionsCheck,
  ...backupChecks,
]
