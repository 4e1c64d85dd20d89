import { isDbError } from '../db-errors.ts'
import { quoteName } from '../sql-text.ts'
import { checkRow, decodeRow, isReject, keyColumns, keyOf, rejected } from './codecs.ts'
import { DigestBuilder } from './digest.ts'
import { type Job, sqliteFailure } from './job.ts'
import { addToQuarantine, type CopyRecord, readCopyRecord, writeCopyRecord } from './ledger.ts'
import type { PgLink } from './pg-link.ts'
import type { CopyOrder, CopyResult } from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { RowBytes } from './row-bytes.ts'
import { columnList, keyList, sqliteUpsert, tableName } from './rows-sql.ts'
import type { Database } from './sqlite-source.ts'
import type { CanonicalRow, Reject, TableShape } from './types.ts'

/** The file has one writer at a time, and the product waits while it is this one. */
const rowsPerTransaction = 500
const pageMs = 300
const firstPage = 500
const largestPage = 20_000
/** Rows of a page are in memory as a whole. */
const pageBytes = 8 * 1024 * 1024

/**
 * Copies a table of PostgreSQL into SQLite. Rows are overwritten by key, and the checkpoint follows the page: one that
 * was written before a crash is written once more.
 */
export async function copyToSqlite(order: CopyOrder, job: Job): Promise<CopyResult> {
  const link = await job.stores.postgres()
  const db = await job.stores.sqlite({ readonly: false })
  const { unit, shape } = order
  let record = await readCopyRecord(link, unit, shape.table)
  const isWhole = record.state === 'waiting'
  const digest = new DigestBuilder()
  const bytesOf = new RowBytes(shape)
  let limit = Math.min(firstPage, order.pageRows ?? firstPage)
  let bytes = 0
  while (record.state !== 'copied') {
    await job.beforePage()
    job.throwIfAborted()
    const started = performance.now()
    const page = await readPage(link, order, after(record), limit)
    const refused = await write(db, order, job, page.rows)
    const left = refused.length > 0 ? await again(db, link, order, job, refused) : []
    const rejects = [...page.rejects, ...left]
    const lost = new Set(left.map(({ key }) => key))
    for (const row of page.rows) {
      if (lost.has(JSON.stringify(keyOf(shape, row)))) continue
      bytesOf.addCanonical(row)
      digest.add(bytesOf)
      bytesOf.clear()
    }
    digest.keepPage()
    const next: CopyRecord = {
      state: page.last === undefined ? 'copied' : 'copying',
      cursor: page.last
        ? keyColumns(shape).map((i) => ({ class: 'text', text: page.last?.[i] ?? null }))
        : record.cursor,
      copiedRows: record.copiedRows + page.rows.length - left.length,
      rejectedRows: record.rejectedRows + rejects.length,
      savedIndexes: null,
    }
    await link.transaction(async () => {
      await addToQuarantine(link, unit, rejects)
      await writeCopyRecord(link, unit, shape.table, next)
    })
    record = next
    job.rejects(rejects)
    bytes += page.bytes
    job.progress({ rows: record.copiedRows, bytes, state: 'copying' })
    limit = nextLimit(limit, page.bytes, performance.now() - started, order.pageRows ?? largestPage)
  }
  digest.rejected = record.rejectedRows
  return {
    rows: record.copiedRows,
    rejected: record.rejectedRows,
    digest: isWhole ? digest.result() : null,
  }
}

function nextLimit(limit: number, bytes: number, tookMs: number, largest: number): number {
  const byTime = tookMs < pageMs / 2 ? limit * 2 : tookMs > pageMs * 1.5 ? (limit * pageMs) / tookMs : limit
  const bySize = bytes > pageBytes ? (limit * pageBytes) / bytes : byTime
  return Math.max(1, Math.min(Math.round(byTime), Math.round(bySize), largest))
}

const after = ({ cursor }: CopyRecord): readonly (string | null)[] | null =>
  cursor?.map(({ text }) => text) ?? null

interface Page {
  readonly rows: readonly CanonicalRow[]
  readonly rejects: readonly Reject[]
  /** The last row; undefined when nothing is left. */
  readonly last: CanonicalRow | undefined
  readonly bytes: number
}

async function readPage(
  link: PgLink,
  order: CopyOrder,
  behind: readonly (string | null)[] | null,
  limit: number,
): Promise<Page> {
  const { shape } = order
  const types = shape.key.map((name) => shape.columns.find((column) => column.name === name)?.pgType)
  const places = types.map((type, i) => `$${i + 1}::${type}`)
  const read = await link.texts(
    `SELECT ${columnList(shape)} FROM ${tableName(shape)} AS t
     ${behind ? `WHERE (${keyList(shape)}) > (${places.join(', ')})` : ''}
     ORDER BY ${keyList(shape)} LIMIT ${limit}`,
    behind ?? [],
  )
  const rows: CanonicalRow[] = []
  const rejects: Reject[] = []
  let bytes = 0
  for (const row of read) {
    const checked = checkRow(shape, row)
    if (isReject(checked)) rejects.push(checked)
    else rows.push(checked)
    for (const field of row) bytes += field?.length ?? 0
  }
  return { rows, rejects, last: read.at(-1), bytes }
}

/** Writes rows and gives back those that SQLite does not take. */
async function write(
  db: Database,
  order: CopyOrder,
  job: Job,
  rows: readonly CanonicalRow[],
): Promise<{ row: CanonicalRow; error: Error }[]> {
  const { shape, asApplier } = order
  const refused: { row: CanonicalRow; error: Error }[] = []
  try {
    const statement = db.prepare(sqliteUpsert(shape))
    for (let start = 0; start < rows.length; start += rowsPerTransaction) {
      job.throwIfAborted()
      db.exec('BEGIN IMMEDIATE')
      try {
        if (asApplier) db.exec(asApplier.begin)
        for (const row of rows.slice(start, start + rowsPerTransaction)) {
          const error = attempt(db, () => statement.run(...decodeRow(shape, row)))
          if (error) refused.push({ row, error })
        }
        if (asApplier) db.exec(asApplier.end)
        db.exec('COMMIT')
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK')
        throw error
      }
      // The product's own writes get their turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
  } catch (error) {
    throw sqliteFailure(db.name, error)
  }
  return refused
}

function attempt(db: Database, work: () => unknown): Error | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    const failure = sqliteFailure(db.name, error)
    if (isDbError(failure) && failure.refusesRow) return failure
    throw error
  }
}

/** What was refused may be in the way of changes that are not applied yet: it is read and tried once more after them. */
async function again(
  db: Database,
  link: PgLink,
  order: CopyOrder,
  job: Job,
  refused: readonly { row: CanonicalRow }[],
): Promise<Reject[]> {
  await job.onConflict()
  const { shape } = order
  const rejects: Reject[] = []
  for (const { row } of refused) {
    const key = keyOf(shape, row)
    const match = shape.key.map((name, i) => `t.${quoteName(name)} = $${i + 1}`)
    const [current] = await link.texts(
      `SELECT ${columnList(shape)} FROM ${tableName(shape)} AS t WHERE ${match.join(' AND ')}`,
      [...key],
    )
    // Deleted since: the change is on its way.
    if (!current) continue
    const checked = checkRow(shape, current)
    if (isReject(checked)) rejects.push(checked)
    else rejects.push(...(await write(db, order, job, [checked])).map(asReject(shape)))
  }
  return rejects
}

const asReject =
  (shape: TableShape) =>
  ({ row, error }: { row: CanonicalRow; error: Error }): Reject =>
    error instanceof Error
      ? refusalOf(shape, row, error)
      : rejected(shape, row, null, 'refused', String(error))
