import type { SqlStore } from '../db/sql-store.ts'
import { createCapture } from './capture.ts'
import { tablesOf } from './lifecycle.ts'
import type { Sides, Unit } from './unit.ts'

const CREATE_NOTES = `
  CREATE TABLE IF NOT EXISTS _given_up (unit TEXT NOT NULL PRIMARY KEY, at TEXT NOT NULL, actor TEXT);
`

/** Who gave a mirror up, and when. */
export interface GivenUp {
  readonly at: string
  readonly actor: string | null
}

/**
 * Gives a mirror in PostgreSQL up while PostgreSQL is away, perhaps for good: SQLite, which holds the unit, logs nothing
 * any more, and keeps a note for the books, should they come back.
 */
export async function giveUpAlone(sqlite: SqlStore, unit: Unit, note: GivenUp): Promise<void> {
  const capture = createCapture('sqlite')
  await sqlite.transaction(async (tx) => {
    await tx.execScript(CREATE_NOTES)
    await tx.execute(
      `INSERT INTO _given_up (unit, at, actor) VALUES ($1, $2, $3)
       ON CONFLICT (unit) DO UPDATE SET at = excluded.at, actor = excluded.actor`,
      [unit.name, note.at, note.actor],
    )
    await capture.remove(tx, unit.name, await tablesOf(tx, unit, capture))
  })
}

/** The note of {@link giveUpAlone}. */
export async function givenUpAlone(sides: Sides, unit: Unit): Promise<GivenUp | undefined> {
  const { db } = sqliteOf(sides)
  const notes = await db.queryOne(`SELECT 1 AS found FROM sqlite_master WHERE name = '_given_up'`)
  if (!notes) return undefined
  return db.queryOne<GivenUp & Record<string, unknown>>('SELECT at, actor FROM _given_up WHERE unit = $1', [
    unit.name,
  ])
}

/** The books have taken it over, or never knew of the mirror. */
export function forgetGivenUp(sides: Sides, unit: Unit): Promise<void> {
  return sqliteOf(sides).transaction(async (tx) => {
    await tx.execute('DELETE FROM _given_up WHERE unit = $1', [unit.name])
  })
}

const sqliteOf = ({ source, target }: Sides): SqlStore => (source.name === 'sqlite' ? source : target).store
