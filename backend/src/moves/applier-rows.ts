import { type DbError, isDbError } from '../db/db-errors.ts'
import type { ScriptSession, SqlStore } from '../db/sql-store.ts'
import {
  type CanonicalRow,
  type Key,
  keyOf,
  type Reject,
  rowsByKeys,
  type TableShape,
} from '../db/transfer/index.ts'
import { addToQuarantine, removeFromQuarantine } from '../db/transfer/ledger.ts'
import type { ApplyJob } from './applier.ts'

/** Keys to bring over, by table and by their JSON text. */
export type Wanted = ReadonlyMap<string, ReadonlyMap<string, Key>>

/** What the source holds under the wanted keys of one table. */
export interface Found {
  readonly shape: TableShape
  readonly rows: Map<string, CanonicalRow>
  readonly rejects: Map<string, Reject>
  /** Keys without a row. */
  readonly gone: ReadonlyMap<string, Key>
}

export const keyText = (key: Key): string => JSON.stringify(key)

/** What was done, and what the source held when it was. */
export interface Outcome {
  readonly upserted: number
  readonly deleted: number
  readonly found: readonly Found[]
}

/** Rows of the wanted keys, all of one instant. */
export function readRows(source: SqlStore, shapes: readonly TableShape[], wanted: Wanted): Promise<Found[]> {
  return source.snapshot(async (session) => {
    const found: Found[] = []
    for (const shape of shapes) {
      const keys = wanted.get(shape.table)
      if (!keys || keys.size === 0) continue
      const read = await rowsByKeys(session, shape, [...keys.values()])
      const rows = new Map(read.rows.map((row) => [keyText(keyOf(shape, row)), row]))
      const rejects = new Map(read.rejects.map((reject) => [reject.key, reject]))
      const gone = [...keys].filter(([text]) => !rows.has(text) && !rejects.has(text))
      found.push({ shape, rows, rejects, gone: new Map(gone) })
    }
    return found
  })
}

/** A batch with what was in quarantine before it. */
export interface BookedJob extends ApplyJob {
  readonly held: ReadonlySet<string>
}

/** Tables of the unit with rows in quarantine. Nobody else changes that while a batch is applied. */
export async function quarantinedTables({ unit, source, target }: ApplyJob): Promise<ReadonlySet<string>> {
  const books = target.db.dialect === 'postgres' ? target : source
  const rows = await books.db.query<{ name: string }>(
    'SELECT DISTINCT q.table_name AS name FROM _quarantine AS q WHERE q.unit = $1',
    [unit],
  )
  return new Set(rows.map(({ name }) => name))
}

/** True when there is something to enter or to strike out. */
export function touchesBooks({ batch, held }: BookedJob, found: readonly Found[]): boolean {
  return (
    batch.rejects.length > 0 || found.some(({ shape, rejects }) => rejects.size > 0 || held.has(shape.table))
  )
}

/** Rejected rows enter quarantine, and keys that had been there and went through leave it. */
export async function keepBooks(
  session: ScriptSession,
  { unit, batch, held }: BookedJob,
  found: readonly Found[],
): Promise<void> {
  for (const { shape, rows, gone } of found) {
    if (!held.has(shape.table)) continue
    const through = [...rows.values()].map((row) => keyOf(shape, row))
    await removeFromQuarantine(session, shape.table, [...through, ...gone.values()])
  }
  await addToQuarantine(session, unit, [
    ...batch.rejects,
    ...found.flatMap(({ rejects }) => [...rejects.values()]),
  ])
}

/** True for errors that other rows would not have made, and so can be told of a single row. */
export function isAboutRows(error: unknown): error is DbError {
  if (!isDbError(error)) return false
  // SQLite's guards are about the writer.
  return error.refusesRow && error.engineCode !== 'SQLITE_CONSTRAINT_TRIGGER'
}
