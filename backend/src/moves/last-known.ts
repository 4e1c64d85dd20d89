import { isDbError } from '../db/db-errors.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { createCapture, type Role } from './capture.ts'
import type { Move, MoveState } from './move-state.ts'
import type { Unit } from './unit.ts'

/** What is known of a move: all of it, or what one store alone can tell. */
export type KnownMove = Pick<Move, 'state' | 'source' | 'paused' | 'error' | 'details'>

const STATES: Readonly<Record<Exclude<Role, 'none'>, MoveState>> = {
  authority: 'mirroring',
  mirror: 'mirroring',
  retired: 'finished',
}

/**
 * What the role of a unit in SQLite tells while the books in PostgreSQL cannot be read: that it has a mirror, or an
 * archive. How far it is, and where it began, nobody can say then: moves begin in SQLite.
 */
export async function moveByRole(sqlite: SqlStore | undefined, unit: Unit): Promise<KnownMove | undefined> {
  if (!sqlite) return undefined
  try {
    const role = await sqlite.snapshot((session) => createCapture('sqlite').role(session, unit.name))
    if (role === 'none') return undefined
    return { state: STATES[role], source: 'sqlite', paused: false, error: null, details: {} }
  } catch (error) {
    if (isDbError(error, 'unavailable')) return undefined // it went away, too
    throw error
  }
}
