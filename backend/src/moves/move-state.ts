import type { AppDbSession } from '../db/app-db.ts'
import { json } from '../db/app-db.ts'
import type { Placement } from '../db/placement-store.ts'
import type { MoveLogEntry } from './moves.schema.ts'

/**
 * `starting`: capture is being set up. `copying`: the mirror is being filled. `mirroring`: it is kept equal.
 * `aborting`, `finishing`: the mirror is being given up. `finished`: its rows lie guarded in the other store.
 */
export type MoveState = 'starting' | 'copying' | 'mirroring' | 'aborting' | 'finishing' | 'finished'

export interface FlipRecord {
  readonly at: string
  readonly pauseMs: number
  readonly to: Placement
  readonly outcome: 'done' | 'aborted'
  readonly reason: string | null
  /** False while the old store has not been told how it ended. */
  readonly confirmed?: boolean
}

export interface VerifyRecord {
  readonly at: string
  readonly rows: number
  readonly differences: number
}

export interface ShadowRecord {
  /** How many of 100 reads. */
  readonly share: number
  /** The last statement that the mirror answered otherwise, without values. */
  readonly mismatch?: { readonly at: string; readonly statement: string }
}

export interface MoveDetails {
  readonly lastFlip?: FlipRecord
  /** The last verify that reached its end. */
  readonly verify?: VerifyRecord
  /** Tables that have to be compared as a whole: their changes were not logged one by one. */
  readonly whole?: readonly string[]
  /** Reads that run on the mirror too; none when it is missing. */
  readonly shadow?: ShadowRecord
  /** The copy of the SQLite file that was taken and read back. */
  readonly backup?: { readonly at: string; readonly path: string }
}

/** A unit that has, or had, a mirror. There is no row for a unit that never had one. */
export interface Move {
  readonly unit: string
  readonly state: MoveState
  /** Where the truth was when the move began. */
  readonly source: Placement
  readonly paused: boolean
  readonly error: string | null
  readonly startedAt: string
  readonly startedBy: string | null
  readonly details: MoveDetails
}

/** Whether it waits for somebody to resume it. A mirror that is being given up or retired goes on with that. */
export function isPaused(move: Pick<Move, 'paused' | 'state'> | undefined): boolean {
  return move?.paused === true && ['starting', 'copying', 'mirroring'].includes(move.state)
}

const BACKUP_VALID_MS = 24 * 60 * 60_000

/** Whether a cut over may rely upon the copy of the SQLite file that was taken last. */
export function hasFreshBackup({ details }: Pick<Move, 'details'>, nowMs: number): boolean {
  return details.backup !== undefined && nowMs - Date.parse(details.backup.at) < BACKUP_VALID_MS
}

interface MoveRow {
  unit: string
  state: MoveState
  source: Placement
  paused: boolean
  error: string | null
  started_at: string
  started_by: string | null
  details: MoveDetails
}

interface LogRow {
  id: number
  at: string
  unit: string
  actor: string | null
  action: string
  epoch: number
  details: Record<string, unknown>
}

const COLUMNS = 'm.unit, m.state, m.source, m.paused, m.error, m.started_at, m.started_by, m.details'

/** Every unit that has a mirror or an archive, by name. */
export async function readMoves(session: AppDbSession): Promise<Map<string, Move>> {
  const rows = await session.query<MoveRow>(`SELECT ${COLUMNS} FROM _moves AS m ORDER BY m.unit LIMIT 1000`)
  return new Map(rows.map((row) => [row.unit, moveOf(row)]))
}

export async function writeMove(session: AppDbSession, move: Move, now: string): Promise<void> {
  await session.execute(
    `
    INSERT INTO _moves (unit, state, source, paused, error, started_at, started_by, updated_at, details)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (unit) DO UPDATE SET
      state = excluded.state,
      source = excluded.source,
      paused = excluded.paused,
      error = excluded.error,
      started_at = excluded.started_at,
      started_by = excluded.started_by,
      updated_at = excluded.updated_at,
      details = excluded.details
    `,
    [
      move.unit,
      move.state,
      move.source,
      move.paused,
      move.error,
      move.startedAt,
      move.startedBy,
      now,
      json(move.details),
    ],
  )
}

/** Keeps why a move does not go on, or that it does again. It is no step: the rest stays as it is. */
export async function writeMoveError(
  session: AppDbSession,
  unit: string,
  error: string | null,
  now: string,
): Promise<void> {
  await session.execute('UPDATE _moves SET error = $2, updated_at = $3 WHERE unit = $1', [unit, error, now])
}

export async function deleteMove(session: AppDbSession, unit: string): Promise<void> {
  await session.execute('DELETE FROM _moves WHERE unit = $1', [unit])
}

export async function addLogEntry(session: AppDbSession, entry: Omit<MoveLogEntry, 'id'>): Promise<void> {
  await session.execute(
    'INSERT INTO _move_log (at, unit, actor, action, epoch, details) VALUES ($1, $2, $3, $4, $5, $6)',
    [entry.at, entry.unit, entry.actor, entry.action, entry.epoch, json(entry.details)],
  )
}

/** Newest first. */
export async function readLog(
  session: AppDbSession,
  query: {
    readonly unit?: string | undefined
    readonly limit: number
    readonly before?: number | undefined
  },
): Promise<MoveLogEntry[]> {
  const rows = await session.query<LogRow>(
    `
    SELECT l.id, l.at, l.unit, l.actor, l.action, l.epoch, l.details
    FROM _move_log AS l
    WHERE ($1::TEXT IS NULL OR l.unit = $1) AND ($2::BIGINT IS NULL OR l.id < $2)
    ORDER BY l.id DESC
    LIMIT $3
    `,
    [query.unit ?? null, query.before ?? null, query.limit],
  )
  return rows
}

function moveOf(row: MoveRow): Move {
  return {
    unit: row.unit,
    state: row.state,
    source: row.source,
    paused: row.paused,
    error: row.error,
    startedAt: row.started_at,
    startedBy: row.started_by,
    details: row.details,
  }
}
