import { statfs } from 'node:fs/promises'
import type { AppDb } from '../db/app-db.ts'
import type { TableShape } from '../db/transfer/index.ts'

/** What a move leaves free on the disk of the data folder: the product itself has to write there. */
const RESERVE_BYTES = 64 * 1024 * 1024

/** What is left on the disk of `folder`; PostgreSQL does not say what its own has. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Why `bytes` more cannot be written to `folder`, with what to do; undefined when they can. */
export async function shortOfRoom(
  folder: string,
  bytes: number,
  what: string,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<string | undefined> {
  const left = await free(folder)
  if (left >= bytes + RESERVE_BYTES) return undefined
  return (
    `${what} takes ${mebibytes(bytes)} MiB in ${folder}, where ${mebibytes(left)} MiB are free and ` +
    `${mebibytes(RESERVE_BYTES)} MiB have to stay free: make room on that disk`
  )
}

const mebibytes = (bytes: number) => Math.round(bytes / 1024 / 1024).toLocaleString('en')

/** What a table and its indexes take. */
export async function bytesOf(db: AppDb, shape: TableShape): Promise<number> {
  const row = await db.queryOne<{ bytes: number | null }>(
    {
      sqlite: `
        SELECT sum(d.pgsize) AS bytes
        FROM dbstat AS d
        JOIN sqlite_schema AS m ON m.name = d.name
        WHERE d.aggregate = TRUE AND m.tbl_name = $1
      `,
      postgres: `
        SELECT sum(pg_total_relation_size(t.relid))::BIGINT AS bytes
        FROM (
          SELECT to_regclass(quote_ident($1::TEXT)) AS relid
          UNION
          SELECT p.relid FROM pg_partition_tree(to_regclass(quote_ident($1::TEXT))) AS p
        ) AS t
      `,
    },
    [shape.table],
  )
  return row?.bytes ?? 0
}
