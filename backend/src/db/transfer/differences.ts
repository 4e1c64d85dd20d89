import { unnestParameters } from '../pg-bulk.ts'
import { keyOf } from './codecs.ts'
import { digestSql, hash64 } from './digest.ts'
import { assertHash, heldCondition, scanSqlite } from './digest-jobs.ts'
import type { Job } from './job.ts'
import type { PgLink } from './pg-link.ts'
import type { DifferencesOrder } from './protocol.ts'
import { columnList, keyList, pgKeys, tableName } from './rows-sql.ts'
import { BUCKETS, type CanonicalRow, type Difference, type Key } from './types.ts'

/** Keys of PostgreSQL in memory at once. */
const keysPerPass = 200_000
const keysPerLook = 200

/** Finds the rows of some buckets that are not the same in both stores. */
export async function findDifferences(order: DifferencesOrder, job: Job): Promise<Difference[]> {
  const { shape, schema } = order
  const link = await job.stores.postgres()
  await assertHash(link)
  const [counted] = await link.texts(`SELECT count(*) FROM ${tableName(shape, schema)}`)
  const perBucket = Math.max(1, Number(counted?.[0] ?? 0) / BUCKETS)
  const perPass = Math.max(1, Math.floor(keysPerPass / perBucket))
  const differences: Difference[] = []
  for (let start = 0; start < order.buckets.length; start += perPass) {
    differences.push(...(await compare(order, order.buckets.slice(start, start + perPass), link, job)))
  }
  return differences
}

async function compare(
  order: DifferencesOrder,
  buckets: readonly number[],
  link: PgLink,
  job: Job,
): Promise<Difference[]> {
  const { shape, source } = order
  const { table } = shape
  const hashes = await hashesOf(order, buckets, link)
  const wanted = new Set(buckets)
  let left = hashes
  let differences: Difference[] = []
  let page: { row: CanonicalRow; hash: string }[] = []
  let changed: CanonicalRow[] = []
  await scanSqlite(shape, job, {
    begin: () => {
      left = new Map(hashes)
      differences = []
      changed = []
    },
    row: (source) => {
      const { written } = source
      if (wanted.has(written.bucket))
        page.push({ row: source.lastCanonical(), hash: String(hash64(written)) })
    },
    page: () => {
      for (const { row, hash } of page) {
        const key = keyOf(shape, row)
        const twin = left.get(key.join(','))
        left.delete(key.join(','))
        if (twin?.hash === hash) continue
        if (twin) changed.push(row)
        else
          differences.push({
            table,
            key,
            kind: source === 'sqlite' ? 'missing' : 'extra',
            columns: [],
          })
      }
      page = []
    },
    restart: () => {
      page = []
    },
  })
  for (const { key } of left.values()) {
    differences.push({ table, key, kind: source === 'sqlite' ? 'extra' : 'missing', columns: [] })
  }
  differences.push(...(await changedColumns(order, link, changed)))
  return differences
}

/** Key and hash of PostgreSQL's rows in some buckets, by the text of the key. */
async function hashesOf(
  { shape, schema }: DifferencesOrder,
  buckets: readonly number[],
  link: PgLink,
): Promise<Map<string, { readonly key: Key; readonly hash: string }>> {
  const { row, bucket } = digestSql(shape)
  const rows = await link.texts(
    `SELECT ${row}, ${keyList(shape)} FROM ${tableName(shape, schema)} AS t
     WHERE ${bucket} = ANY ($1::bigint[]) AND ${heldCondition(shape)}`,
    [`{${buckets.join(',')}}`],
  )
  return new Map(
    rows.map(([hash, ...key]) => {
      const texts = key.map((part) => part ?? '')
      return [texts.join(','), { key: texts, hash: hash ?? '' }]
    }),
  )
}

/** Which columns of these rows of SQLite are not what PostgreSQL has now. */
async function changedColumns(
  { shape, schema }: DifferencesOrder,
  link: PgLink,
  rows: readonly CanonicalRow[],
): Promise<Difference[]> {
  const differences: Difference[] = []
  for (let start = 0; start < rows.length; start += keysPerLook) {
    const part = rows.slice(start, start + keysPerLook)
    const { from, match } = pgKeys(shape)
    const read = await link.texts(
      `SELECT ${columnList(shape)} FROM ${from} JOIN ${tableName(shape, schema)} AS t ON ${match}`,
      unnestParameters(
        part.map((row) => keyOf(shape, row)),
        shape.key.length,
      ),
    )
    const twins = new Map(read.map((row) => [keyOf(shape, row).join(','), row]))
    for (const row of part) {
      const key = keyOf(shape, row)
      const twin = twins.get(key.join(','))
      const columns = shape.columns.flatMap(({ name }, i) => (row[i] === twin?.[i] ? [] : [name]))
      differences.push({ table: shape.table, key, kind: 'differs', columns: twin ? columns : [] })
    }
  }
  return differences
}
