import type { PgLink } from '../transfer/pg-link.ts'

/** Statements at a time: each of them locks what it changes until its batch is done. */
const BATCH = 100

/**
 * Gives what the user of `link` owns in this database to another role, except what extensions have made. A role that
 * came with the server keeps its own from REASSIGN OWNED, and so does TimescaleDB with tables that it looks after:
 * this is to be called while it does not (`timescaledb.restoring`).
 */
export async function giveAway(link: PgLink, role: string): Promise<void> {
  const statements = await link.texts(
    `
    WITH mine AS (
      SELECT 'pg_namespace'::regclass AS class, n.oid, 1 AS turn, format('SCHEMA %I', n.nspname) AS object
      FROM pg_namespace AS n
      WHERE n.nspowner = current_user::regrole AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      UNION ALL
      SELECT 'pg_class'::regclass, c.oid, 2,
        CASE c.relkind
          WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
          WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE'
        END || ' ' || c.oid::regclass::text
      FROM pg_class AS c
      WHERE c.relowner = current_user::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
        AND c.relnamespace <> to_regnamespace('information_schema')
        -- Sequences of columns go with their tables.
        AND NOT EXISTS (
          SELECT 1 FROM pg_depend AS d
          WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
        )
      UNION ALL
      SELECT 'pg_proc'::regclass, p.oid, 3, 'ROUTINE ' || p.oid::regprocedure::text
      FROM pg_proc AS p
      WHERE p.proowner = current_user::regrole AND p.pronamespace <> 'pg_catalog'::regnamespace
        AND p.pronamespace <> to_regnamespace('information_schema')
      UNION ALL
      SELECT 'pg_type'::regclass, t.oid, 4, 'TYPE ' || t.oid::regtype::text
      FROM pg_type AS t
      WHERE t.typowner = current_user::regrole AND t.typtype IN ('d', 'e', 'r')
        AND t.typnamespace <> 'pg_catalog'::regnamespace
        AND t.typnamespace <> to_regnamespace('information_schema')
    )
    SELECT format('ALTER %s OWNER TO %I', m.object, $1::text)
    FROM mine AS m
    WHERE NOT EXISTS (
      SELECT 1 FROM pg_depend AS d WHERE d.classid = m.class AND d.objid = m.oid AND d.deptype = 'e'
    )
    ORDER BY m.turn, m.oid
    `,
    [role],
  )
  for (let at = 0; at < statements.length; at += BATCH) {
    await link.script(
      statements
        .slice(at, at + BATCH)
        .flat()
        .join(';'),
    )
  }
}
