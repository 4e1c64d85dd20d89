import { setTimeout } from 'node:timers/promises'
import { DbError, isDbError } from '../db-errors.ts'
import type { SqlStore } from '../sql-store.ts'
import type { Job } from './job.ts'
import { addToQuarantine, type LedgerSession } from './ledger.ts'
import type { PgLink } from './pg-link.ts'
import type { CopyOrder } from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { columnList, keyList } from './rows-sql.ts'
import type { Reject } from './types.ts'

/** What a long text must have for an index to refuse it; shorter ones never are. */
const suspectBytes = 2_000
const buildAttempts = 60
/**
 * Of a build. Sorting in what the processor's caches hold and merging is faster than in 256 MB at once. A scan that joins another one
 * in the middle of the table loses the order that rows were written in, and a column of equal values is sorted for nothing.
 */
const buildSettings = [
  `maintenance_work_mem = '32MB'`,
  'max_parallel_maintenance_workers = 0',
  'synchronize_seqscans = off',
]
const buildPauseMs = 500
const dependentObjects = '2BP01'

/** What builds, at once. */
type Links = readonly [PgLink, ...PgLink[]]

/** Makes the key of a partitioned table, and the index that becomes the key of another one. The other texts make indexes. */
const partitionedKey = /^ALTER TABLE (\S+) ADD CONSTRAINT \S+ (PRIMARY KEY .+)$/
const tableKey = /^CREATE UNIQUE INDEX (\S+) ON (\S+) /
export const isKeyText = (text: string) => partitionedKey.test(text) || tableKey.test(text)

/**
 * Drops what a table need not have while it is filled: indexes that no constraint needs, and the key that no other table
 * references. `save` keeps their texts in the same transaction.
 *
 * @param table quoted. @param inKeyOrder no row can come twice: a partitioned table is not asked whether one did.
 * @returns the texts, or null when the table is in use, is what something else depends on, or has none.
 */
export async function dropIndexes(
  link: PgLink,
  table: string,
  inKeyOrder: boolean,
  save: (texts: readonly string[]) => Promise<void>,
): Promise<readonly string[] | null> {
  const rows = await link.query<{ drop: string; text: string }>(
    `
    SELECT 'DROP INDEX ' || x.oid::regclass AS drop, pg_get_indexdef(x.oid) AS text
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE i.indrelid = $1::text::regclass AND NOT i.indisunique AND c.relkind = 'r' AND NOT c.relhassubclass
    UNION ALL
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.oid::regclass, k.conname),
      CASE
        WHEN c.relkind = 'r' THEN pg_get_indexdef(k.conindid)
        ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid))
      END
    FROM pg_constraint AS k
    JOIN pg_class AS c ON c.oid = k.conrelid
    WHERE k.conrelid = $1::text::regclass AND k.contype = 'p'
      AND CASE
        WHEN c.relkind = 'r' THEN NOT c.relhassubclass
          -- An empty hypertable looks like any other table.
          AND NOT EXISTS (SELECT 1 FROM pg_extension AS e WHERE e.extname = 'timescaledb')
        ELSE $2::boolean
      END
      AND NOT EXISTS (SELECT 1 FROM pg_constraint AS f WHERE f.confrelid = c.oid)
    ORDER BY text
    `,
    [table, inKeyOrder],
  )
  if (rows.length === 0) return null
  try {
    await link.transaction(async () => {
      await link.script(`SET LOCAL lock_timeout = '2s'; ${rows.map(({ drop }) => drop).join('; ')}`)
      await save(rows.map(({ text }) => text))
    })
  } catch (error) {
    // Somebody reads the table, or a view groups by the key: the copy is slower then.
    const stays = isDbError(error) && (error.kind === 'busy' || error.engineCode === dependentObjects)
    if (stays) return null
    throw error
  }
  return rows.map(({ text }) => text)
}

/** Rows that are deleted, as an index of a table that was filled without it could not hold them. */
export interface Unindexed {
  /** In quarantine. */
  readonly refused: readonly Reject[]
  /** How many came once more, later: the key tells. */
  readonly outdated: number
}

/**
 * Builds what {@link dropIndexes} has dropped and is not there yet, two at a time.
 *
 * @throws DbError `busy` while somebody reads a table that is to get its key.
 */
export async function rebuildIndexes(
  link: PgLink,
  job: Job,
  order: CopyOrder,
  texts: readonly string[],
): Promise<Unindexed> {
  const links: Links = [link, await job.stores.postgres()]
  for (const key of texts.filter((text) => partitionedKey.test(text)))
    await buildPartitionedKey(links, job, key)
  const unbuilt: string[] = []
  // The key comes first. Long texts have expressions and many columns, and a long build is not to be the last one.
  const indexes = texts
    .filter((text) => !partitionedKey.test(text))
    .toSorted((a, b) => Number(isKeyText(b)) - Number(isKeyText(a)) || b.length - a.length)
  await buildAll(links, job, indexes, async (on, text) => {
    if (!(await isBuilt(on, text))) unbuilt.push(text)
  })
  const refused: Reject[] = []
  let outdated = 0
  for (const text of unbuilt) {
    if (isKeyText(text)) outdated += await deleteOutdated(link, order, text)
    refused.push(...(await unindexable(link, order, text)))
    await buildWithoutDead(link, job, text)
  }
  for (const key of texts.filter((text) => tableKey.test(text))) {
    await withTableAlone(key, () => addKey(link, key))
  }
  return { refused, outdated }
}

/** Builds the key of each partition, and that of the table of them. What is there is left alone. */
async function buildPartitionedKey(links: Links, job: Job, text: string): Promise<void> {
  const [, table = '', key = ''] = partitionedKey.exec(text) ?? []
  const unkeyed = async (place: string): Promise<string[]> => {
    const rows = await links[0].texts(
      `
      SELECT p.relid::regclass::text
      FROM pg_partition_tree($1::text::regclass) AS p
      WHERE ${place} AND NOT EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = p.relid AND i.indisprimary)
      ORDER BY 1
      `,
      [table],
    )
    return rows.flatMap(([name]) => name ?? [])
  }
  await withTableAlone(text, async () => {
    await buildAll(links, job, await unkeyed('p.isleaf'), (on, name) =>
      on.script(`ALTER TABLE ${name} ADD ${key}`),
    )
    if ((await unkeyed('p.level = 0')).length > 0) await links[0].script(text)
  })
}

/** Makes the index of a key the key of its table, where that has none. */
async function addKey(session: LedgerSession, text: string): Promise<void> {
  const [, name = '', table = ''] = tableKey.exec(text) ?? []
  const found = await session.query(
    'SELECT 1 FROM pg_index AS i WHERE i.indrelid = $1::text::regclass AND i.indisprimary',
    [table],
  )
  if (found.length > 0) return
  await session.execute(`ALTER TABLE ${table} ADD CONSTRAINT ${name} PRIMARY KEY USING INDEX ${name}`)
}

/** @throws DbError `busy` while somebody reads the table. */
async function withTableAlone(text: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isDbError(error, 'busy')) throw error
    const table = partitionedKey.exec(text)?.[1] ?? tableKey.exec(text)?.[2]
    throw new DbError('busy', `The key of ${table} waits until nobody reads the table; a backup may`, {
      cause: error,
    })
  }
}

/**
 * Rows are read by their number, page by page: one that got another number meanwhile comes twice, as does a key that another row
 * has taken over. The copy that came last is the newer one.
 */
async function deleteOutdated(link: PgLink, order: CopyOrder, text: string): Promise<number> {
  const { shape } = order
  const [, , table = ''] = tableKey.exec(text) ?? []
  return asApplier(link, order, async () => {
    const { rowCount } = await link.execute(
      `DELETE FROM ${table} WHERE ctid IN (
         SELECT c.place
         FROM (
           SELECT t.ctid AS place, row_number() OVER (PARTITION BY ${keyList(shape)} ORDER BY t.ctid DESC) AS copy
           FROM ${table} AS t
         ) AS c
         WHERE c.copy > 1
       )`,
    )
    return rowCount
  })
}

/** In a transaction that the guard of the table lets pass. */
function asApplier<Result>(link: PgLink, order: CopyOrder, work: () => Promise<Result>): Promise<Result> {
  return link.transaction(async () => {
    if (order.asApplier) await link.script(order.asApplier.begin)
    const result = await work()
    if (order.asApplier) await link.script(order.asApplier.end)
    return result
  })
}

/** Builds in the order given, one at a time on each connection. */
async function buildAll(
  links: Links,
  job: Job,
  orders: readonly string[],
  build: (on: PgLink, order: string) => Promise<void>,
): Promise<void> {
  const waiting = orders.toReversed()
  const lanes = links.map(async (on) => {
    await on.script(buildSettings.map((each) => `SET ${each}`).join('; '))
    for (let order = waiting.pop(); order !== undefined; order = waiting.pop()) {
      job.throwIfAborted()
      await build(on, order)
    }
  })
  // All have ended, whatever became of one of them: nothing goes on behind the job's back.
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
}

/**
 * Puts back what {@link dropIndexes} has dropped from a table that is empty again. A table that somebody has changed by
 * hand may not take it: that is a drift of the schema, which is told elsewhere.
 */
export async function putIndexesBack(store: SqlStore, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    try {
      await store.transaction(async (tx) => {
        await tx.execScript(ifMissing(text))
        if (tableKey.test(text)) await addKey(tx, text)
      })
    } catch (error) {
      const isDrift = isDbError(error) && driftCodes.has(error.engineCode ?? '')
      if (!isDrift) throw error
    }
  }
}

/** No such table, no such column; there is a key. */
const driftCodes: ReadonlySet<string> = new Set(['42P01', '42703', '42P16'])

const ifMissing = (text: string) => text.replace(/^CREATE( UNIQUE)? INDEX /, '$&IF NOT EXISTS ')

/** False where a value is too long for the index, or comes twice. */
async function isBuilt(link: PgLink, text: string): Promise<boolean> {
  try {
    await link.script(ifMissing(text))
    return true
  } catch (error) {
    if (isDbError(error) && (error.isKeyTooLong || error.kind === 'unique')) return false
    throw error
  }
}

/** Rows that were just deleted are indexed too, for as long as an older transaction could see them. */
async function buildWithoutDead(link: PgLink, job: Job, text: string): Promise<void> {
  for (let attempt = 1; attempt < buildAttempts; attempt++) {
    if (await isBuilt(link, text)) return
    job.throwIfAborted()
    await setTimeout(buildPauseMs)
  }
  await link.script(text)
}

/** Sends rows to quarantine whose values are too long for the index: each long one is tried on a table of its own. */
async function unindexable(link: PgLink, order: CopyOrder, text: string): Promise<Reject[]> {
  const { shape } = order
  const [, table = ''] = / ON (\S+) USING /.exec(text) ?? []
  const length = shape.columns
    .filter(({ kind }) => kind === 'text')
    .map(({ name }) => `coalesce(octet_length(t."${name.replaceAll('"', '""')}"), 0)`)
  return asApplier(link, order, async () => {
    await link.script(`CREATE TEMPORARY TABLE holdfast_probe (LIKE ${table}) ON COMMIT DROP`)
    await link.script(text.replace(/^CREATE( UNIQUE)? INDEX \S+ ON \S+ /, 'CREATE INDEX ON holdfast_probe '))
    const suspects = await link.texts(
      `SELECT t.ctid FROM ${table} AS t WHERE greatest(${length.join(', ')}) > ${suspectBytes}`,
    )
    const refused: Reject[] = []
    for (const place of suspects) {
      await link.script('SAVEPOINT suspect')
      try {
        await link.texts(`INSERT INTO holdfast_probe SELECT t.* FROM ${table} AS t WHERE t.ctid = $1`, place)
      } catch (error) {
        if (!isDbError(error) || !error.isKeyTooLong) throw error
        await link.script('ROLLBACK TO suspect')
        const [row] = await link.texts(
          `SELECT ${columnList(shape)} FROM ${table} AS t WHERE t.ctid = $1`,
          place,
        )
        if (row) refused.push(refusalOf(shape, row, error))
        await link.texts(`DELETE FROM ${table} AS t WHERE t.ctid = $1`, place)
      }
    }
    await addToQuarantine(link, order.unit, refused)
    return refused
  })
}
