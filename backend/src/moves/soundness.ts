import type { AppDb } from '../db/app-db.ts'
import type { TableShape } from '../db/transfer/index.ts'
import type { MoveAction } from './moves.schema.ts'
import { copyBytes } from './proved-copy.ts'
import { bytesOf, shortOfRoom } from './room.ts'
import { type Sides, storeTitle } from './unit.ts'

/** Steps after which the other store is relied upon: it is looked at before them. */
const RELYING: readonly MoveAction[] = ['mirror', 'cutover', 'rollback']

export interface SoundnessFacts {
  readonly sides: Sides
  readonly shapes: readonly TableShape[]
  readonly clock: () => Date
  /** The longest lag that a flip accepts: it is measured by the clocks of both machines. */
  readonly lagGoalMs: number
  readonly dataDir: string
  /** Bytes that are free in a folder. */
  readonly free?: (folder: string) => Promise<number>
}

/** What the stores themselves, as they are at this moment, have against a step; each with what to do. */
export async function reasonsOfStores(action: MoveAction, facts: SoundnessFacts): Promise<string[]> {
  if (!RELYING.includes(action)) return []
  const { sides, shapes } = facts
  const reasons = [...(await missingIndexes(sides, shapes)), ...(await skewedClocks(facts))]
  if (action === 'mirror') reasons.push(...(await smallDisk(facts)))
  return reasons
}

interface IndexRow {
  readonly name: string
  readonly sql: string
}

/** Indexes of the product that the source has and the target lacks. Those that somebody else made are nobody's business. */
async function missingIndexes({ source, target }: Sides, shapes: readonly TableShape[]): Promise<string[]> {
  const known = new Set((await indexesOf(target.store.db, shapes)).map(({ name }) => name))
  return (await indexesOf(source.store.db, shapes))
    .filter(({ name }) => !known.has(name))
    .map(({ name, sql }) => `${storeTitle[target.name]} lacks the index ${name}: ${portable(sql)}`)
}

function indexesOf(db: AppDb, shapes: readonly TableShape[]): Promise<IndexRow[]> {
  return db.query<IndexRow>(
    {
      sqlite: `
        SELECT m.name, m.sql
        FROM sqlite_schema AS m
        WHERE m.type = 'index' AND m.sql IS NOT NULL AND m.name LIKE 'idx\\_%' ESCAPE '\\'
          AND m.tbl_name IN (SELECT value FROM json_each($1))
        ORDER BY m.name
      `,
      postgres: `
        SELECT i.indexname AS name, i.indexdef AS sql
        FROM pg_indexes AS i
        WHERE i.schemaname = current_schema() AND i.indexname LIKE 'idx\\_%'
          AND i.tablename IN (SELECT json_array_elements_text($1::json))
        ORDER BY i.indexname
      `,
    },
    [JSON.stringify(shapes.map(({ table }) => table))],
  )
}

/** The text of an index as either store understands it. */
const portable = (sql: string) =>
  sql
    .replaceAll(/\s+/g, ' ')
    .replace(' USING btree', '')
    .replace(/ ON (\w+)\.(\w+)/, ' ON $2')
    .replaceAll('::text', '')

/** SQLite has the clock of this machine. */
async function skewedClocks({ sides, clock, lagGoalMs }: SoundnessFacts): Promise<string[]> {
  const skewMs = await clockSkewMs(sides.ledger, clock)
  if (Math.abs(skewMs) < lagGoalMs) return []
  const way = skewMs > 0 ? 'ahead of' : 'behind'
  return [
    `The clock of PostgreSQL is ${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${way} that of this machine: the times of rows ` +
      'would jump, and the lag cannot be told. Set both clocks by the same time server',
  ]
}

/** How far the clock of PostgreSQL is ahead, at least; what the question took cannot be told apart. */
async function clockSkewMs(db: AppDb, clock: () => Date): Promise<number> {
  const askedMs = clock().getTime()
  const row = await db.queryOne<{ now: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS now',
  )
  const answeredMs = clock().getTime()
  const now = row?.now ?? askedMs
  if (now > answeredMs) return now - answeredMs
  return Math.min(0, now - askedMs)
}

/** What has to fit into the data folder: the copy of the file ahead of a cut over, or the rows that come to SQLite. */
async function smallDisk({ sides, shapes, dataDir, free }: SoundnessFacts): Promise<string[]> {
  const { source } = sides
  const isSqlite = source.name === 'sqlite'
  let bytes = 0
  if (isSqlite) bytes = await copyBytes(source.store.db)
  else for (const shape of shapes) bytes += await bytesOf(source.store.db, shape)
  const what = isSqlite
    ? 'The copy of the SQLite file that every cut over wants'
    : `What is copied from ${storeTitle[source.name]}`
  const reason = await shortOfRoom(dataDir, bytes, what, free)
  return reason === undefined ? [] : [reason]
}
