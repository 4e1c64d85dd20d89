import type { AppDb } from '../db/app-db.ts'

export interface TableSize {
  readonly name: string
  /** The engine's estimate; undefined where it keeps none. */
  readonly rows?: number
  readonly sizeBytes?: number
}

interface SizeRow {
  name: string
  row_estimate: number | null
  size_bytes: number | null
}

/**
 * Tables of the store behind `db` with indexes and partitions counted in. SQLite reads every page for sizes:
 * do not ask on a file that is large.
 */
export function createTableSizesStore(db: AppDb) {
  return {
    async list(): Promise<TableSize[]> {
      const rows = await db.query<SizeRow>({
        sqlite: `
          SELECT m.tbl_name AS name, NULL AS row_estimate, sum(d.pgsize) AS size_bytes
          FROM dbstat AS d
          JOIN sqlite_schema AS m ON m.name = d.name
          WHERE d.aggregate = TRUE
          GROUP BY m.tbl_name
          ORDER BY m.tbl_name
          LIMIT 500
        `,
        postgres: `
          SELECT c.relname AS name,
            greatest(sum(p.reltuples), 0)::BIGINT AS row_estimate,
            sum(pg_total_relation_size(p.oid))::BIGINT AS size_bytes
          FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          CROSS JOIN LATERAL (
            SELECT c.oid, CASE c.relkind WHEN 'p' THEN 0 ELSE c.reltuples END AS reltuples
            UNION ALL
            SELECT t.relid, CASE k.relkind WHEN 'p' THEN 0 ELSE greatest(k.reltuples, 0) END
            FROM pg_partition_tree(c.oid) AS t
            JOIN pg_class AS k ON k.oid = t.relid
            WHERE c.relkind = 'p' AND t.relid <> c.oid
          ) AS p
          WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          GROUP BY c.relname
          ORDER BY c.relname
          LIMIT 500
        `,
      })
      return rows.map((row) => ({
        name: row.name,
        ...(row.row_estimate === null ? {} : { rows: row.row_estimate }),
        ...(row.size_bytes === null ? {} : { sizeBytes: row.size_bytes }),
      }))
    },
  }
}
