import type { AppDb } from '../../db/app-db.ts'
import { isDbError } from '../../db/db-errors.ts'
import { checkPostgresVersion } from '../../db/postgres.ts'
import { error, type Finding, info, ok, storeCheck, warning } from '../check.ts'
import { some } from '../words.ts'

const ADVISED = 17

export const versionCheck = storeCheck('postgres', {
  id: 'postgres.version',
  category: 'postgres',
  title: 'the version of PostgreSQL',
  async run({ db }) {
    try {
      const version = await checkPostgresVersion(db)
      if (Number.parseInt(version, 10) >= ADVISED)
        return [ok('postgres.version', 'PostgreSQL is recent', { seen: version })]
      return [
        info('postgres.version', `PostgreSQL ${ADVISED} is recommended`, {
          seen: version,
          fix: 'It works; plan the upgrade before its support ends.',
        }),
      ]
    } catch (reason) {
      if (!isDbError(reason, 'unavailable')) throw reason
      return [error('postgres.version', 'PostgreSQL cannot be used as it is', { seen: reason.message })]
    }
  },
})

interface Rights {
  name: string
  database: string
  schema: string | null
  superuser: boolean
  makes_databases: boolean
  makes_tables: boolean
  makes_schemas: boolean
  makes_temporary: boolean
  sees_statistics: boolean
}

export const rightsCheck = storeCheck('postgres', {
  id: 'postgres.rights',
  category: 'postgres',
  title: 'the rights of the PostgreSQL user',
  async run({ db }) {
    const rights = await db.queryOne<Rights>(`
      SELECT current_user::TEXT AS name, current_database()::TEXT AS database, current_schema()::TEXT AS schema, r.rolsuper AS superuser,
        r.rolsuper OR r.rolcreatedb AS makes_databases,
        COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS makes_tables,
        has_database_privilege(current_database(), 'CREATE') AS makes_schemas,
        has_database_privilege(current_database(), 'TEMPORARY') AS makes_temporary,
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_statistics
      FROM pg_roles AS r
      WHERE r.rolname = current_user
    `)
    if (!rights) return []
    const findings = [
      ...missingRights(rights),
      ...(await forbiddenTables(db, rights.name, rights.schema ?? 'public')),
    ]
    if (rights.superuser) {
      findings.push(
        info('postgres.superuser', 'The product uses a superuser', {
          subject: rights.name,
          fix: 'It needs none: a user who owns its database is enough, and a stolen password is worth less.',
        }),
      )
    }
    if (findings.some(({ severity }) => severity === 'error' || severity === 'warning')) return findings
    return [
      ...findings,
      ok('postgres.rights', 'The user has the rights that are needed', { subject: rights.name }),
    ]
  },
})

function missingRights(rights: Rights): Finding[] {
  const { name: subject, schema } = rights
  const user = quoted(subject)
  const findings: Finding[] = []
  if (!rights.makes_tables) {
    findings.push(
      error('postgres.no-create', 'The user may not make tables', {
        subject,
        seen: schema === null ? 'None of the schemas of search_path is there' : `Schema ${schema}`,
        fix: 'Updates need it. As owner of the database:',
        command: `GRANT CREATE, USAGE ON SCHEMA ${quoted(schema ?? 'public')} TO ${user}`,
      }),
    )
  }
  if (!rights.makes_schemas) {
    findings.push(
      warning('postgres.no-schema', 'The user may not make schemas', {
        subject,
        seen: 'Moves are rehearsed in a scratch schema',
        fix: 'As owner of the database:',
        command: `GRANT CREATE ON DATABASE ${quoted(rights.database)} TO ${user}`,
      }),
    )
  }
  if (!rights.makes_temporary) {
    findings.push(
      info('postgres.no-temporary', 'The user may not make temporary tables', {
        subject,
        seen: 'Large writes take a slower way',
      }),
    )
  }
  if (!rights.makes_databases) {
    findings.push(
      info('postgres.no-createdb', 'The user may not make databases', {
        subject,
        seen: 'A backup is proved and restored in a database beside this one',
        fix: 'As superuser, if backups are to be made here:',
        command: `ALTER ROLE ${user} CREATEDB`,
      }),
    )
  }
  if (!rights.sees_statistics) {
    findings.push(
      info('postgres.no-statistics', "The user cannot see others' sessions", {
        subject,
        seen: 'Long transactions and waiting sessions of other users are not found by this doctor',
        fix: 'As superuser, if they matter:',
        command: `GRANT pg_read_all_stats TO ${user}`,
      }),
    )
  }
  return findings
}

/** Tables that cannot be read, written or changed: they were made by another user, or rights were taken away. */
async function forbiddenTables(db: AppDb, name: string, schema: string): Promise<Finding[]> {
  const rows = await db.query<{ table: string; owner: string; usable: boolean; owned: boolean }>(`
    SELECT c.relname AS table, pg_get_userbyid(c.relowner)::TEXT AS owner,
      has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') AS usable,
      pg_has_role(current_user, c.relowner, 'USAGE') AS owned
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::REGNAMESPACE AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
    LIMIT 1000
  `)
  const user = quoted(name)
  const unusable = rows.filter((row) => !row.usable)
  const foreign = rows.filter((row) => row.usable && !row.owned)
  const findings: Finding[] = []
  if (unusable.length > 0) {
    findings.push(
      error('postgres.no-access', 'Tables cannot be read or written', {
        subject: some(unusable.map(({ table }) => table)),
        fix: 'As their owner:',
        command: `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${quoted(schema)} TO ${user}`,
      }),
    )
  }
  const [first] = foreign
  if (first) {
    findings.push(
      warning('postgres.not-owner', 'Tables belong to another user', {
        subject: some(foreign.map(({ table }) => table)),
        seen: `Owner ${first.owner}; an update that changes them fails`,
        fix: 'As superuser:',
        command: `REASSIGN OWNED BY ${quoted(first.owner)} TO ${user}`,
      }),
    )
  }
  return findings
}

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

export const settingsCheck = storeCheck('postgres', {
  id: 'postgres.settings',
  category: 'postgres',
  title: 'the settings of the PostgreSQL server',
  async run({ db }) {
    const rows = await db.query<{ name: string; setting: string }>(`
      SELECT s.name, s.setting
      FROM pg_settings AS s
      WHERE s.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum', 'track_counts',
        'zero_damaged_pages', 'ignore_checksum_failure', 'shared_buffers', 'data_checksums')
      ORDER BY s.name
      LIMIT 20
    `)
    const settings = new Map(rows.map((row) => [row.name, row.setting]))
    const findings = rows.flatMap(({ name, setting }) => {
      const harm = HARMFUL[name]
      if (!harm || setting !== harm.value) return []
      return [
        harm.say(`postgres.${name.replaceAll('_', '-')}`, harm.title, {
          seen: `${name} = ${setting}`,
          fix: harm.fix,
          command: `ALTER SYSTEM SET ${name} = ${harm.value === 'on' ? 'off' : 'on'}; SELECT pg_reload_conf()`,
        }),
      ]
    })
    const buffers = Number(settings.get('shared_buffers') ?? 0) * 8_192
    const size = await db.queryOne<{ bytes: number }>('SELECT pg_database_size(current_database()) AS bytes')
    if (buffers > 0 && buffers <= 128 * 1024 ** 2 && (size?.bytes ?? 0) > 8 * buffers) {
      findings.push(
        info('postgres.shared-buffers', 'PostgreSQL has the memory of a small database', {
          seen: `shared_buffers is ${Math.round(buffers / 1024 ** 2)} MiB`,
          fix: 'A quarter of the memory of a machine that is for the database alone; it needs a restart of PostgreSQL.',
          command: 'ALTER SYSTEM SET shared_buffers = ...',
        }),
      )
    }
    if (findings.length > 0) return findings
    return [ok('postgres.settings', 'What is committed is on the disk, and autovacuum runs')]
  },
})

interface Harm {
  readonly value: 'on' | 'off'
  readonly say: typeof error
  readonly title: string
  readonly fix: string
}

const HARMFUL: Readonly<Record<string, Harm>> = {
  fsync: {
    value: 'off',
    say: error,
    title: 'A crash of the machine can destroy the database',
    fix: 'Turn fsync on. What was written while it was off is not certain to be whole.',
  },
  full_page_writes: {
    value: 'off',
    say: error,
    title: 'A crash can leave half-written pages',
    fix: 'Turn full_page_writes on, unless the file system writes pages atomically (ZFS).',
  },
  synchronous_commit: {
    value: 'off',
    say: warning,
    title: 'A crash can lose the last commits',
    fix: 'Turn synchronous_commit on: a change of placement relies on what was committed.',
  },
  autovacuum: {
    value: 'off',
    say: error,
    title: 'Nothing is vacuumed',
    fix: 'Turn autovacuum on: tables grow without end, and the server stops when transaction numbers run out.',
  },
  track_counts: {
    value: 'off',
    say: error,
    title: 'Autovacuum does not see what changes',
    fix: 'Turn track_counts on.',
  },
  zero_damaged_pages: {
    value: 'on',
    say: error,
    title: 'Damaged pages are silently emptied',
    fix: 'Turn zero_damaged_pages off.',
  },
  ignore_checksum_failure: {
    value: 'on',
    say: error,
    title: 'Damaged pages are read as if they were whole',
    fix: 'Turn ignore_checksum_failure off.',
  },
}

export const tlsCheck = storeCheck('postgres', {
  id: 'postgres.tls',
  category: 'postgres',
  title: 'the way to PostgreSQL',
  async run({ db }) {
    const row = await db.queryOne<{ address: string | null; encrypted: boolean | null; local: boolean }>(`
      SELECT host(inet_client_addr()) AS address,
        (SELECT s.ssl FROM pg_stat_ssl AS s WHERE s.pid = pg_backend_pid()) AS encrypted,
        inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1' AS local
    `)
    if (!row || row.local || row.encrypted) return []
    return [
      info('postgres.no-tls', 'Rows and the password travel without encryption', {
        seen: `From ${row.address ?? 'another machine'}`,
        fix: 'On a network that others share, add ?sslmode=verify-full to POSTGRES_APP_URL.',
      }),
    ]
  },
})

/** The order of text is that of a library of the system: when it changes, indexes no longer fit. */
export const collationCheck = storeCheck('postgres', {
  id: 'postgres.collation',
  category: 'postgres',
  title: 'the order of text',
  async run({ db }) {
    const row = await db.queryOne<{ name: string; made: string | null; now: string | null }>(`
      SELECT d.datname::TEXT AS name, d.datcollversion AS made, pg_database_collation_actual_version(d.oid) AS now
      FROM pg_database AS d
      WHERE d.datname = current_database()
    `)
    if (!row || row.made === null || row.now === null || row.made === row.now) return []
    return [
      warning('postgres.collation', 'The order of text has changed since the indexes were made', {
        seen: `Library version ${row.made} then, ${row.now} now: an index on text may miss rows`,
        fix: 'Make the indexes again, then tell the database:',
        command: `REINDEX DATABASE ${quoted(row.name)}; ALTER DATABASE ${quoted(row.name)} REFRESH COLLATION VERSION`,
      }),
    ]
  },
})

export const postgresChecks = [versionCheck, rightsCheck, settingsCheck, tlsCheck, collationCheck] as const
