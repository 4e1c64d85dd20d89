import { randomUUID } from 'node:crypto'
import type { AppDbSession } from './app-db.ts'
import { DbError, isDbError } from './db-errors.ts'
import { noRights, noSchema } from './migration-error.ts'
import type { SqlStore } from './sql-store.ts'

/** Where the truth of a domain is. */
export type Placement = 'sqlite' | 'postgres'

/** What one store says about a domain. Each store has such a row for every domain. */
export interface PlacementRow {
  readonly domain: string
  readonly placement: Placement
  /** Grows with every change of placement; of two complete rows the higher one is right. */
  readonly epoch: number
  /** `pending`: a change was begun; without a complete row of that epoch in the other store it did not happen. */
  readonly state: 'pending' | 'complete'
}

const CREATE_TABLES = {
  sqlite: `
    CREATE TABLE IF NOT EXISTS _placement (
      domain TEXT NOT NULL PRIMARY KEY,
      placement TEXT NOT NULL CHECK (placement IN ('sqlite', 'postgres')),
      epoch BIGINT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'complete')),
      updated_at TIMESTAMPTZ TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS _installation (
      only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
      id TEXT NOT NULL
    );
  `,
  postgres: `
    CREATE TABLE IF NOT EXISTS _placement (
      domain TEXT PRIMARY KEY,
      placement TEXT NOT NULL CHECK (placement IN ('sqlite', 'postgres')),
      epoch BIGINT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'complete')),
      updated_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE IF NOT EXISTS _installation (
      only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
      id TEXT NOT NULL
    );
  `,
}

/** Makes the router's own tables where they are missing. */
export async function createPlacementTables(store: SqlStore): Promise<void> {
  const exists = await store.db.queryOne({
    sqlite: `SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = '_installation'`,
    postgres: `SELECT 1 AS found WHERE to_regclass(quote_ident(current_schema()) || '._installation') IS NOT NULL`,
  })
  if (exists) return
  try {
    await store.transaction(async (tx) => {
      // Two processes that create the same table at once collide in the catalog, IF NOT EXISTS or not.
      if (tx.dialect === 'postgres') {
        await tx.query(`SELECT pg_advisory_xact_lock(hashtext('_placement'), hashtext(current_schema()))`)
      }
      await tx.execScript(CREATE_TABLES[tx.dialect])
    })
  } catch (error) {
    if (isDbError(error) && error.engineCode === '42501') throw noRights(error)
    if (isDbError(error) && error.engineCode === '3F000') throw noSchema(error)
    throw error
  }
}

/** The rows of one store, by domain. */
export async function readPlacements(db: AppDbSession): Promise<Map<string, PlacementRow>> {
  const rows = await db.query<PlacementRow>('SELECT domain, placement, epoch, state FROM _placement')
  return new Map(rows.map((row) => [row.domain, row]))
}

/** Writes rows, all or none. A row with a higher epoch, or a complete one of the same epoch, stays. */
export async function writePlacements(
  store: SqlStore,
  rows: readonly PlacementRow[],
  updatedAt: string,
): Promise<void> {
  if (rows.length === 0) return
  await writeRows(store.db, rows, updatedAt)
}

/**
 * Writes rows as a part of `tx`: what a flip does beside changing roles.
 *
 * @throws DbError `other` when the store has a row that must stay: somebody else has settled the domain meanwhile.
 */
export async function putPlacement(
  tx: AppDbSession,
  rows: readonly PlacementRow[],
  updatedAt: string,
): Promise<void> {
  if ((await writeRows(tx, rows, updatedAt)) === rows.length) return
  for (const row of rows) {
    const there = await tx.queryOne<PlacementRow>(
      'SELECT domain, placement, epoch, state FROM _placement WHERE domain = $1',
      [row.domain],
    )
    if (there && isSameRow(there, row)) continue
    const says = there ? `${there.placement}, epoch ${there.epoch}, ${there.state}` : 'nothing'
    throw new DbError('other', `The placement of ${row.domain} was settled meanwhile: the store says ${says}`)
  }
}

export function isSameRow(a: PlacementRow | undefined, b: PlacementRow): boolean {
  return a?.placement === b.placement && a.epoch === b.epoch && a.state === b.state
}

/** One statement for all rows: a flip writes them while calls wait. @returns how many were written. */
async function writeRows(
  session: AppDbSession,
  rows: readonly PlacementRow[],
  updatedAt: string,
): Promise<number> {
  const places = rows.map((_, i) => `($${4 * i + 2}, $${4 * i + 3}, $${4 * i + 4}, $${4 * i + 5}, $1)`)
  const { rowCount } = await session.execute(
    `
    INSERT INTO _placement (domain, placement, epoch, state, updated_at)
    VALUES ${places.join(', ')}
    ON CONFLICT (domain) DO UPDATE SET
      placement = excluded.placement,
      epoch = excluded.epoch,
      state = excluded.state,
      updated_at = excluded.updated_at
    WHERE _placement.epoch < excluded.epoch
      OR (_placement.epoch = excluded.epoch AND _placement.state = 'pending')
    `,
    [updatedAt, ...rows.flatMap(({ domain, placement, epoch, state }) => [domain, placement, epoch, state])],
  )
  return rowCount
}

/** The installation that a store belongs to; undefined while it is new. */
export async function readInstallation(db: AppDbSession): Promise<string | undefined> {
  const row = await db.queryOne<{ id: string }>('SELECT id FROM _installation')
  return row?.id
}

/** Gives a new store to installation `id`, or to a new one. Returns the one that it belongs to in the end. */
export async function joinInstallation(db: AppDbSession, id: string = randomUUID()): Promise<string> {
  await db.execute('INSERT INTO _installation (only_row, id) VALUES (1, $1) ON CONFLICT DO NOTHING', [id])
  return (await readInstallation(db)) ?? id
}
