import { DbError, isDbError } from '../db-errors.ts'
import { quoteName } from '../sql-text.ts'
import { PgLink } from '../transfer/pg-link.ts'

/** The same server and user, another database. */
export function onDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(database)}`
  return changed.href
}

/** Runs `work` on a connection of its own to the database of `url`. */
export async function withLink<T>(url: string, work: (link: PgLink) => Promise<T>): Promise<T> {
  const link = await PgLink.open(url)
  try {
    return await work(link)
  } finally {
    await link.close()
  }
}

/** What the user of `url` may not do that restoring needs, each with the statement that allows it. */
export async function missingRights(link: PgLink): Promise<string[]> {
  const [row] = await link.query<{ user: string; database: string; creates: boolean; owns: boolean }>(`
    SELECT current_user AS user, current_database() AS database, r.rolcreatedb OR r.rolsuper AS creates,
      r.rolsuper OR pg_has_role(d.datdba, 'USAGE') AS owns
    FROM pg_roles AS r, pg_database AS d
    WHERE r.rolname = current_user AND d.datname = current_database()
  `)
  if (!row) throw new DbError('other', 'PostgreSQL told nothing about the user')
  const user = quoteName(row.user)
  return [
    ...(row.creates ? [] : [`${row.user} may not create databases: ALTER ROLE ${user} CREATEDB`]),
    ...(row.owns
      ? []
      : [
          `${row.user} does not own the database: ALTER DATABASE ${quoteName(row.database)} OWNER TO ${user}`,
        ]),
  ]
}

/**
 * Makes an empty database that sorts, compares and is set like the one `link` is connected to.
 *
 * @param owner the user of `link` unless given.
 */
export async function createLike(link: PgLink, name: string, owner?: string): Promise<void> {
  const [live] = await link.texts(`
    SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datlocprovider,
      to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale'
    FROM pg_database AS d WHERE d.datname = current_database()
  `)
  const [encoding, collate, ctype, provider, icu, locale] = live ?? []
  const text = (value: string | null | undefined) => `'${String(value).replaceAll("'", "''")}'`
  const kept = icu ?? locale
  const own =
    provider === 'i'
      ? ` LOCALE_PROVIDER icu ICU_LOCALE ${text(kept)}`
      : provider === 'b'
        ? ` LOCALE_PROVIDER builtin BUILTIN_LOCALE ${text(kept)}`
        : ''
  await link.script(
    `CREATE DATABASE ${quoteName(name)}${owner === undefined ? '' : ` OWNER ${quoteName(owner)}`} ` +
      `TEMPLATE template0 ENCODING ${text(encoding)} LC_COLLATE ${text(collate)} LC_CTYPE ${text(ctype)}${own}`,
  )
  const settings = await link.texts(`
    SELECT split_part(s.entry, '=', 1), substr(s.entry, strpos(s.entry, '=') + 1)
    FROM pg_db_role_setting AS r
    JOIN pg_database AS d ON d.oid = r.setdatabase
    CROSS JOIN unnest(r.setconfig) AS s (entry)
    WHERE d.datname = current_database() AND r.setrole = 0
  `)
  for (const [key, value] of settings) {
    // A list such as search_path is kept as it was written, quotes and all.
    const list = key === 'search_path' ? String(value) : text(value)
    await link.script(`ALTER DATABASE ${quoteName(name)} SET ${quoteName(String(key))} TO ${list}`)
  }
  const [open] = await link.texts(`SELECT has_database_privilege('public', current_database(), 'CONNECT')`)
  if (open?.[0] === 'f') {
    await link.script(`REVOKE CONNECT, TEMPORARY ON DATABASE ${quoteName(name)} FROM PUBLIC`)
  }
}

/** Databases whose names begin with `prefix`, with their sizes; those that cannot be measured have none. */
export async function listDatabases(
  link: PgLink,
  prefix: string,
): Promise<{ readonly name: string; readonly bytes: number | null }[]> {
  return link.query(
    `
    SELECT d.datname AS name,
      CASE WHEN pg_has_role(d.datdba, 'USAGE') THEN pg_database_size(d.oid) END AS bytes
    FROM pg_database AS d WHERE starts_with(d.datname, $1) ORDER BY d.datname LIMIT 100
    `,
    [prefix],
  )
}

/** @throws DbError `busy` when a superuser's session stays on it. */
export async function dropDatabase(link: PgLink, name: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${quoteName(name)}`
  try {
    await link.script(`${drop} WITH (FORCE)`)
  } catch (error) {
    // Nobody else may end a superuser's session, such as the last one of a restore: this waits five seconds for it.
    if (!isDbError(error) || error.engineCode !== '42501') throw error
    await link.script(drop)
  }
}

export async function databaseExists(link: PgLink, name: string): Promise<boolean> {
  return (await link.query('SELECT 1 AS one FROM pg_database WHERE datname = $1', [name])).length > 0
}

/** Whether there is any table in the link's database, in whatever schema; those that belong to extensions do not count. */
export async function holdsTables(link: PgLink): Promise<boolean> {
  const [found] = await link.query<{ one: number }>(`
    SELECT 1 AS one
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (
        SELECT 1 FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
    LIMIT 1`)
  return found !== undefined
}

/**
 * Gives a database another name. Sessions on it are ended first, and no new one gets in meanwhile.
 *
 * @throws DbError `busy` when somebody else's session stays on it: then it keeps its name and lets everybody in.
 */
export async function renameDatabase(link: PgLink, from: string, to: string): Promise<void> {
  const allow = (name: string, value: boolean) =>
    link.script(`ALTER DATABASE ${quoteName(name)} ALLOW_CONNECTIONS ${value}`)
  await allow(from, false)
  try {
    for (let attempt = 0; ; attempt++) {
      // Those that may not be ended are counted by the rename.
      await link
        .query('SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = $1', [from])
        .catch((error: unknown) => {
          if (!isDbError(error) || error.engineCode !== '42501') throw error
        })
      try {
        await link.script(`ALTER DATABASE ${quoteName(from)} RENAME TO ${quoteName(to)}`)
        break
      } catch (error) {
        if (!isDbError(error, 'busy') || attempt === 2) throw error
      }
    }
  } catch (error) {
    await allow(from, true)
    throw error
  }
  await allow(to, true)
}

/** Connects to the first of these databases that is there. */
export async function linkToAny(
  url: string,
  names: readonly string[],
): Promise<{ link: PgLink; name: string }> {
  let last: unknown
  for (const name of names) {
    try {
      return { link: await PgLink.open(onDatabase(url, name)), name }
    } catch (error) {
      // 55000: it is being renamed or lets nobody in.
      if (!isDbError(error) || (error.engineCode !== '3D000' && error.engineCode !== '55000')) throw error
      last = error
    }
  }
  throw last
}
