import { AppError } from '../core/errors.ts'
import type { StorageStatus } from '../db/app-db-router.ts'
import type { SchemaDriftError } from '../db/transfer/index.ts'
import { storeTitle } from './unit.ts'

/** Tables of the two stores that are not the same any more. */
export function drifted({ message }: SchemaDriftError): AppError {
  return refused([
    `${message}. Tables were changed by hand: take that back; a PostgreSQL that holds nothing yet may as well be ` +
      'replaced by an empty database',
  ])
}

export function refused(reasons: readonly string[]): AppError {
  return new AppError(409, 'move_refused', reasons.join('. '), { extra: { reasons } })
}

/** For a step that needs both stores. Waiting helps when a store is away, and nothing does when there is none. */
export function unavailable(status: StorageStatus): AppError {
  const reason = awayReason(status)
  if (status.stores.every((store) => store.reachable)) return refused([reason])
  return new AppError(503, 'store_unavailable', reason)
}

/** Why one of the two stores cannot be used. */
export function awayReason(status: StorageStatus): string {
  const away = status.stores.find((store) => !store.reachable)
  if (away) return `${storeTitle[away.name]} is away: ${away.reason ?? 'it does not answer'}`
  if (!status.stores.some((store) => store.name === 'postgres')) {
    return 'PostgreSQL is not configured: set POSTGRES_APP_URL and start again'
  }
  if (lacksFile(status)) {
    return 'There is no SQLite file: everything is in PostgreSQL. "holdfast storage mirror" makes one, to move back'
  }
  return 'Both stores must be there'
}

/** PostgreSQL answers, and no SQLite file is there. */
export function lacksFile({ stores }: StorageStatus): boolean {
  return stores.every(({ name, reachable }) => name === 'postgres' && reachable)
}
