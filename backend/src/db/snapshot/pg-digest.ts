import { quoteName } from '../sql-text.ts'
import type { PgLink } from '../transfer/pg-link.ts'
import { type Fingerprint, hexOf } from './fingerprint.ts'
import type { Pace } from './pace.ts'

export interface DigestOptions {
  readonly signal?: AbortSignal
  /** Reads a little at a time and rests in between, with one process of the server. Without: as fast as it goes. */
  readonly pace?: Pace | undefined
  onProgress?(share: number): void
}

/** What a statement takes in the server while somebody else wants it: whoever comes meanwhile waits for no more than a scheduler's turn. */
const STEP_MS = 2
/** While nobody does: thousands of short statements take 2 GB half as long again. */
const LONG_STEP_MS = 100
const FIRST_PAGES = 16
const MOST_PAGES = 8_192

interface Source {
  readonly name: string
  /** What holds its rows, as a statement names it. */
  readonly from: string
  /** Of its longest partition; null where it cannot be read page by page. */
  readonly pages: number | null
  readonly aggregate?: true
}

/** Every table and continuous aggregate of the product's schema as the transaction of `link` sees it, tables by name first. */
export async function digestTables(link: PgLink, options: DigestOptions): Promise<Fingerprint[]> {
  const { signal, pace } = options
  const tables = [...(await tablesOf(link)), ...(await aggregatesOf(link))]
  const prints: Fingerprint[] = []
  const onAbort = () => void link.cancel().catch(() => undefined) // the statement may have ended by itself
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    // A partition that is dropped meanwhile would be missing, and is in the dump.
    if (tables.length > 0) {
      const names = tables.map(({ from }) => from).join(', ')
      await link.script(`SET LOCAL lock_timeout = '60s'; LOCK TABLE ${names} IN ACCESS SHARE MODE`)
    }
    if (pace) await link.script('SET LOCAL max_parallel_workers_per_gather = 0')
    const total = tables.reduce((sum, { pages }) => sum + weightOf(pages), 0)
    let done = 0
    for (const table of tables) {
      prints.push(
        await digestTable(link, table, options, (pages) => options.onProgress?.((done + pages) / total)),
      )
      done += weightOf(table.pages)
      options.onProgress?.(done / total)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  return prints
}

/** Small tables take a moment too. */
const weightOf = (pages: number | null) => (pages ?? 0) + 1

async function tablesOf(link: PgLink): Promise<Source[]> {
  // Rows of a hypertable are not where its pages say: what is compressed has none of its own.
  const rows = await link.texts(`
    SELECT c.relname,
      CASE
        WHEN c.relkind = 'p' THEN (
          SELECT max(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) AS t WHERE t.isleaf
        )
        WHEN NOT c.relhassubclass THEN pg_relation_size(c.oid)
      END / current_setting('block_size')::integer
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND NOT EXISTS (
        SELECT 1 FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
    ORDER BY c.relname COLLATE "C"
  `)
  return rows.map(([name, pages]) => ({
    name: name ?? '',
    from: quoteName(name ?? ''),
    pages: pages === null || pages === undefined ? null : Number(pages),
  }))
}

/** What is older than the samples it was made of is nowhere else. */
async function aggregatesOf(link: PgLink): Promise<Source[]> {
  const [known] = await link.texts(`SELECT to_regclass('timescaledb_information.continuous_aggregates')`)
  if (!known?.[0]) return []
  // Not the view itself: it also shows what is not materialized yet, and adds that up in any order.
  const rows = await link.texts(`
    SELECT c.view_name, format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name)
    FROM timescaledb_information.continuous_aggregates AS c
    WHERE c.view_schema = current_schema()
    ORDER BY c.view_name COLLATE "C"
  `)
  return rows.map(([name, from]) => ({ name: name ?? '', from: from ?? '', pages: null, aggregate: true }))
}

async function digestTable(
  link: PgLink,
  { name, from: source, pages, aggregate }: Source,
  { signal, pace }: DigestOptions,
  onPages: (pages: number) => void,
): Promise<Fingerprint> {
  // The alias is no name of a column: a column of that name would be hashed instead of the row.
  // With what the server took for it: on the way to a busy process an answer waits as long again.
  const select = `
    SELECT count(*), COALESCE(sum(hashtextextended((_row_.*)::text, 0)), 0),
      extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000
    FROM ${source} AS _row_`
  let rows = 0
  let sum = 0n
  for (let from = 0, step = FIRST_PAGES; ; ) {
    signal?.throwIfAborted()
    const to = from + step
    // The last step has no end, whatever the size was.
    const isLast = pace === undefined || pages === null || to >= pages
    const begin = from === 0 ? [] : [`_row_.ctid >= '(${from},0)'`]
    const within = [...begin, ...(isLast ? [] : [`_row_.ctid < '(${to},0)'`])]
    const [row] = await link.texts(`${select}${within.length > 0 ? ` WHERE ${within.join(' AND ')}` : ''}`)
    rows += Number(row?.[0])
    sum += BigInt(row?.[1] ?? 0)
    const tookMs = Math.max(0, Number(row?.[2])) // clocks are set back
    if (isLast) {
      await pace?.rest(tookMs)
      return { table: name, rows, digest: hexOf(sum), ...(aggregate && { aggregate }) }
    }
    const stepMs = pace.isWanted() ? STEP_MS : LONG_STEP_MS
    step = Math.max(1, Math.min(MOST_PAGES, step * 4, Math.round((step * stepMs) / tookMs)))
    from = to
    onPages(from)
    await pace.rest(tookMs)
  }
}
