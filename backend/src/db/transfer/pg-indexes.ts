import { setTimeout } from 'node:timers/promises'
import { isDbError } from '../db-errors.ts'
import type { Job } from './job.ts'
import type { PgLink } from './pg-link.ts'
import type { CopyOrder } from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { columnList, keyList } from './rows-sql.ts'
import type { Reject } from './types.ts'

/** What a long text must have for an index to refuse it; shorter ones never are. */
const suspectBytes = 2_000
const buildAttempts = 60
/** Of a build. Sorting in what the processor's caches hold and merging is a seventh faster than in 256 MB at once. */
const sortMemory = '16MB'
const buildPauseMs = 500

/**
 * Drops the indexes of a table that no constraint needs; `save` keeps their texts in the same transaction.
 *
 * @param table quoted. @returns the texts, or null when the table is in use or has none.
 */
export async function dropIndexes(
  link: PgLink,
  table: string,
  save: (texts: readonly string[]) => Promise<void>,
): Promise<readonly string[] | null> {
  const rows = await link.query<{ name: string; text: string }>(
    `
    SELECT x.oid::regclass::text AS name, pg_get_indexdef(x.oid) AS text
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE i.indrelid = $1::text::regclass AND NOT i.indisunique AND c.relkind = 'r' AND NOT c.relhassubclass
    ORDER BY x.relname
    `,
    [table],
  )
  if (rows.length === 0) return null
  try {
    await link.transaction(async () => {
      await link.script(
        `SET LOCAL lock_timeout = '2s'; DROP INDEX ${rows.map(({ name }) => name).join(', ')}`,
      )
      await save(rows.map(({ text }) => text))
    })
  } catch (error) {
    // Somebody reads the table: the copy is slower then.
    if (isDbError(error, 'busy')) return null
    throw error
  }
  return rows.map(({ text }) => text)
}

/**
 * Builds what {@link dropIndexes} has dropped and is not there yet, two at a time.
 *
 * @returns rows that an index cannot hold; they are deleted.
 */
export async function rebuildIndexes(
  link: PgLink,
  job: Job,
  order: CopyOrder,
  texts: readonly string[],
): Promise<Reject[]> {
  const other = await job.stores.postgres()
  // From the end: long texts have expressions and many columns, and a long build is not to be the last one.
  const waiting = texts.toSorted((a, b) => a.length - b.length)
  const unbuilt: string[] = []
  const build = async (on: PgLink) => {
    await on.script(`SET maintenance_work_mem = '${sortMemory}'; SET max_parallel_maintenance_workers = 0`)
    for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
      job.throwIfAborted()
      if (!(await isBuilt(on, text))) unbuilt.push(text)
    }
  }
  const builds = [build(link), build(other)]
  // Both have ended, whatever became of one of them: nothing goes on behind the job's back.
  await Promise.allSettled(builds)
  await Promise.all(builds)
  const refused: Reject[] = []
  for (const text of unbuilt) {
    refused.push(...(await unindexable(link, order, text)))
    await buildWithoutDead(link, job, text)
  }
  return refused
}

/** False where a value is too long for the index. */
async function isBuilt(link: PgLink, text: string): Promise<boolean> {
  try {
    await link.script(text.replace(/^CREATE INDEX /, 'CREATE INDEX IF NOT EXISTS '))
    return true
  } catch (error) {
    if (isDbError(error) && error.isKeyTooLong) return false
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

/** Takes the rows out whose values are too long for the index: each long one is tried on a table of its own. */
async function unindexable(link: PgLink, order: CopyOrder, text: string): Promise<Reject[]> {
  const { shape } = order
  const [, table = ''] = / ON (\S+) USING /.exec(text) ?? []
  const length = shape.columns
    .filter(({ kind }) => kind === 'text')
    .map(({ name }) => `coalesce(octet_length(t."${name.replaceAll('"', '""')}"), 0)`)
  const keyTypes = shape.key.map(
    (name, i) => `$${i + 1}::${shape.columns.find((column) => column.name === name)?.pgType ?? 'text'}`,
  )
  const match = `(${keyList(shape)}) = (${keyTypes.join(', ')})`
  return link.transaction(async () => {
    await link.script(`CREATE TEMPORARY TABLE holdfast_probe (LIKE ${table}) ON COMMIT DROP`)
    await link.script(text.replace(/^CREATE INDEX \S+ ON \S+ /, 'CREATE INDEX ON holdfast_probe '))
    const suspects = await link.texts(
      `SELECT ${keyList(shape)} FROM ${table} AS t WHERE greatest(${length.join(', ')}) > ${suspectBytes}`,
    )
    const refused: Reject[] = []
    for (const key of suspects) {
      await link.script('SAVEPOINT suspect')
      try {
        await link.texts(`INSERT INTO holdfast_probe SELECT t.* FROM ${table} AS t WHERE ${match}`, key)
      } catch (error) {
        if (!isDbError(error) || !error.isKeyTooLong) throw error
        await link.script('ROLLBACK TO suspect')
        const [row] = await link.texts(`SELECT ${columnList(shape)} FROM ${table} AS t WHERE ${match}`, key)
        if (row) refused.push(refusalOf(shape, row, error))
        if (order.asApplier) await link.script(order.asApplier.begin)
        await link.texts(`DELETE FROM ${table} AS t WHERE ${match}`, key)
        if (order.asApplier) await link.script(order.asApplier.end)
      }
    }
    return refused
  })
}
