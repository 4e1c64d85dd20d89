import { DbError } from '../db-errors.ts'
import { PgLink } from '../transfer/pg-link.ts'
import type { Fingerprint } from './fingerprint.ts'
import { type DigestOptions, digestTables } from './pg-digest.ts'

/** What must be known of a database to make another one like it. */
export interface PgFacts {
  readonly database: string
  readonly schema: string
  /** e.g. `17.10`. */
  readonly version: string
  readonly major: number
  readonly bytes: number
  readonly extensions: readonly { readonly name: string; readonly version: string }[]
  /** Schemas with tables that are not the product's. */
  readonly foreignSchemas: readonly string[]
  /** TimescaleDB keeps tables of the product's: it is asked before and after they are restored. */
  readonly hypertables: boolean
}

/** A PostgreSQL database as it was at one instant, which other sessions may share while it is open. */
export interface PgSnapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string
  readonly facts: PgFacts
  /** Rows of a statement within the snapshot, as the server's own text. */
  texts(sql: string): Promise<(string | null)[][]>
  /** Every table and continuous aggregate of the product's schema. */
  digest(options?: DigestOptions): Promise<Fingerprint[]>
  close(): Promise<void>
}

/** @throws DbError when the database cannot be reached. */
export async function openPgSnapshot(url: string): Promise<PgSnapshot> {
  const link = await PgLink.open(url)
  try {
    await link.script(
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0',
    )
    const [row] = await link.texts('SELECT pg_export_snapshot()')
    const id = row?.[0]
    if (!id) throw new DbError('other', 'PostgreSQL gave no snapshot')
    return {
      id,
      facts: await readPgFacts(link),
      texts: (sql) => link.texts(sql),
      digest: (options = {}) => digestTables(link, options),
      close: () => link.close(),
    }
  } catch (error) {
    await link.close()
    throw error
  }
}

async function readPgFacts(link: PgLink): Promise<PgFacts> {
  const [row] = await link.query<Omit<PgFacts, 'hypertables'>>(`
    SELECT current_database() AS database, current_schema() AS schema,
      split_part(current_setting('server_version'), ' ', 1) AS version,
      current_setting('server_version_num')::integer / 10000 AS major,
      pg_database_size(current_database()) AS bytes,
      COALESCE((
        SELECT json_agg(json_build_object('name', e.extname, 'version', e.extversion) ORDER BY e.extname)
        FROM pg_extension AS e WHERE e.extname <> 'plpgsql'
      ), '[]') AS extensions,
      COALESCE((
        SELECT json_agg(DISTINCT n.nspname)
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname <> current_schema()
          AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
          AND n.nspname NOT LIKE '\\_timescaledb\\_%' AND n.nspname NOT LIKE 'timescaledb\\_%'
          AND NOT EXISTS (
            SELECT 1 FROM pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
          )
      ), '[]') AS "foreignSchemas"
  `)
  if (!row) throw new DbError('other', 'PostgreSQL told nothing about the database')
  const [known] = await link.texts(`SELECT to_regclass('_timescaledb_catalog.hypertable')`)
  const kept = known?.[0]
    ? await link.texts(
        'SELECT 1 FROM _timescaledb_catalog.hypertable AS h WHERE h.schema_name = current_schema() LIMIT 1',
      )
    : []
  return { ...row, hypertables: kept.length > 0 }
}
