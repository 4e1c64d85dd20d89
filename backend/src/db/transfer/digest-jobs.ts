import { DbError } from '../db-errors.ts'
import { quoteName } from '../sql-text.ts'
import { checkRow, isReject } from './codecs.ts'
import { DigestBuilder, digestSql, hash64 } from './digest.ts'
import type { Job } from './job.ts'
import type { PgLink } from './pg-link.ts'
import type { DigestOrder } from './protocol.ts'
import { RowBytes } from './row-bytes.ts'
import { columnList, tableName } from './rows-sql.ts'
import { type Cursor, RowsMovedError, SqliteSource } from './sqlite-source.ts'
import type { CanonicalRow, Reject, TableDigest, TableShape } from './types.ts'

const rowsPerPage = 20_000
const partBytes = 256 * 1024
/** 32 MiB of a table: a fraction of a second. */
const blocksPerPart = 4_096
const blockBytes = 8_192
/** Examples are wanted, not a table of them. */
const mostRejects = 10_000

/** Digests one side of a table. */
export async function digestTable(order: DigestOrder, job: Job): Promise<TableDigest> {
  return order.side === 'sqlite' ? digestSqlite(order, job) : digestPostgres(order, job)
}

async function digestSqlite({ shape }: DigestOrder, job: Job): Promise<TableDigest> {
  let digest = new DigestBuilder()
  let bytes = 0
  await scanSqlite(shape, job, {
    begin: () => {
      digest = new DigestBuilder()
      bytes = 0
    },
    row: ({ written }) => digest.add(written),
    part: ({ written }) => {
      bytes += written.length
    },
    page: (rejects) => {
      digest.keepPage()
      digest.rejected += rejects.length
      job.rejects(rejects)
      job.progress({ rows: digest.result().rows, bytes, state: 'copying' })
    },
    restart: () => digest.dropPage(),
  })
  return digest.result()
}

/** Reads every row of a table of SQLite, page by page; from the start again when rows have moved meanwhile. */
export async function scanSqlite(
  shape: TableShape,
  job: Job,
  to: {
    readonly begin: () => void
    readonly row: (source: SqliteSource) => void
    readonly part?: (source: SqliteSource) => void
    readonly page: (rejects: readonly Reject[]) => void
    /** The page is read again from its start. */
    readonly restart: () => void
  },
): Promise<void> {
  const source = new SqliteSource(await job.stores.sqlite({ readonly: true }), shape)
  let cursor: Cursor | null = null
  to.begin()
  for (;;) {
    await job.beforePage()
    job.throwIfAborted()
    const rejects: Reject[] = []
    const sink = { row: () => to.row(source), reject: (reject: Reject) => rejects.push(reject) }
    let rows = 0
    try {
      source.open(cursor, rowsPerPage)
      for (let done = false; !done; ) {
        const part = source.read(sink, partBytes)
        rows += part.rows
        done = part.done
        to.part?.(source)
        source.written.clear()
        // Other jobs of this thread, and a signal to stop, get their turn.
        await new Promise((resolve) => setImmediate(resolve))
        job.throwIfAborted()
      }
      cursor = source.cursor() ?? cursor
    } catch (error) {
      source.close()
      source.written.clear()
      if (error instanceof RowsMovedError) {
        cursor = null
        to.begin()
        continue
      }
      if (!source.beExact(error)) throw error
      to.restart()
      continue
    }
    to.page(rejects)
    if (rows < rowsPerPage) return
  }
}

/** The server hashes its rows itself, a range of blocks at a time; what it sends are sums. */
async function digestPostgres({ shape, schema }: DigestOrder, job: Job): Promise<TableDigest> {
  const digest = new DigestBuilder()
  const link = await job.stores.postgres()
  await assertHash(link)
  const table = tableName(shape, schema)
  const { row, bucket } = digestSql(shape)
  const held = heldCondition(shape)
  const waiting = (await partsOf(link, table)).reverse()
  let bytes = 0
  const lane = async (on: PgLink) => {
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      await job.beforePage()
      job.throwIfAborted()
      const sums = await on.texts(
        // Behind the OFFSET every row is hashed once.
        `SELECT bucket, count(*), count(hash), sum(hash)
         FROM (
           SELECT ${bucket} AS bucket, CASE WHEN ${held} THEN ${row} END AS hash
           FROM ${part.from} AS t ${part.where} OFFSET 0
         ) AS h
         GROUP BY 1`,
      )
      for (const [number, all, count, sum] of sums) {
        digest.rejected += Number(all) - Number(count)
        digest.addBucket(Number(number), Number(count), BigInt(sum ?? 0))
      }
      bytes += part.bytes
      job.progress({ rows: digest.result().rows, bytes, state: 'copying' })
    }
  }
  const running = waiting.length > 1 ? [lane(link), lane(await job.stores.postgres())] : [lane(link)]
  // Both have ended, whatever became of one of them: nothing goes on behind the job's back.
  await Promise.allSettled(running)
  await Promise.all(running)
  if (digest.rejected > 0) {
    const rows = await link.texts(
      `SELECT ${columnList(shape)} FROM ${table} AS t WHERE NOT (${held}) LIMIT ${mostRejects}`,
    )
    job.rejects(rows.map((each) => checkRow(shape, each)).filter(isReject))
  }
  return digest.result()
}

/** True, as SQL, for rows that SQLite can hold. */
export function heldCondition(shape: TableShape): string {
  const conditions = shape.columns.flatMap(({ name, kind }) => {
    const column = `t.${quoteName(name)}`
    if (kind === 'timestamp') {
      return [`(${column} >= '0001-01-01 00:00:00+00' AND ${column} < '10000-01-01 00:00:00+00')`]
    }
    return kind === 'float' ? [`(${column} <> 'NaN' AND (${column} <> 0 OR ${column}::text = '0'))`] : []
  })
  return conditions.map((condition) => `coalesce(${condition}, TRUE)`).join(' AND ') || 'TRUE'
}

/** Both sides must hash alike: how a server hashes a row is nowhere promised. */
export async function assertHash(link: PgLink): Promise<void> {
  const { row, bucket } = digestSql(probe)
  const values = probe.columns.map(({ name, pgType }, i) => `$${i + 1}::${pgType} AS "${name}"`)
  const found = await link.texts(`SELECT ${row}, ${bucket} FROM (SELECT ${values.join(', ')}) AS t`, probeRow)
  const bytes = new RowBytes(probe)
  bytes.addCanonical(probeRow)
  if (found[0]?.join() === [hash64(bytes), bytes.bucket].join()) return
  throw new DbError(
    'other',
    'This PostgreSQL server hashes rows in a way of its own: they cannot be verified',
  )
}

/** A column of every kind. */
const probe: TableShape = {
  table: 'probe',
  domain: 'settings',
  columns: [
    { name: 'key', kind: 'text', pgType: 'text', nullable: false },
    { name: 'none', kind: 'text', pgType: 'text', nullable: true },
    { name: 'number', kind: 'integer', pgType: 'integer', nullable: false },
    { name: 'large', kind: 'integer', pgType: 'bigint', nullable: false },
    { name: 'float', kind: 'float', pgType: 'double precision', nullable: false },
    { name: 'yes', kind: 'boolean', pgType: 'boolean', nullable: false },
    { name: 'time', kind: 'timestamp', pgType: 'timestamp with time zone', nullable: false },
    { name: 'document', kind: 'json', pgType: 'jsonb', nullable: false },
    { name: 'bytes', kind: 'bytes', pgType: 'bytea', nullable: false },
  ],
  key: ['large', 'key'],
  parents: [],
  uniques: [],
}
const probeRow: CanonicalRow = [
  'Zoë said "yes"\n',
  null,
  '-7',
  '-9007199254740993',
  '0.1',
  't',
  '1999-12-31 23:59:59.999999+00',
  '{"a": [1.50, null]}',
  '\\x00ff',
]

interface Part {
  readonly from: string
  readonly where: string
  readonly bytes: number
}

/** Ranges of a table's blocks. Tables that are made of others in a way of their own are one part. */
async function partsOf(link: PgLink, table: string): Promise<Part[]> {
  const leaves = await link.query<{ name: string; bytes: number; whole: boolean }>(
    `
    SELECT c.oid::regclass::text AS name, pg_relation_size(c.oid) AS bytes, c.relhassubclass AS whole
    FROM pg_class AS c
    WHERE c.oid = $1::text::regclass AND c.relkind = 'r'
    UNION ALL
    SELECT p.relid::regclass::text, pg_relation_size(p.relid), FALSE
    FROM pg_partition_tree($1::text::regclass) AS p
    WHERE p.isleaf AND p.relid <> $1::text::regclass
    `,
    [table],
  )
  return leaves.flatMap(({ name, bytes, whole }) => {
    const blocks = whole ? 0 : Math.floor(bytes / blockBytes)
    const starts = Array.from({ length: Math.floor(blocks / blocksPerPart) + 1 }, (_, i) => i * blocksPerPart)
    if (starts.length === 1) return [{ from: name, where: '', bytes }]
    return starts.map((start, i) => {
      const next = starts[i + 1]
      const end = next === undefined ? '' : ` AND t.ctid < '(${next},0)'::tid`
      return { from: name, where: `WHERE t.ctid >= '(${start},0)'::tid${end}`, bytes: bytes / starts.length }
    })
  })
}
