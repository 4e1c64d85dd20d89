import type { AppDb } from '../../db/app-db.ts'
import { detectTimescale } from '../../db/timescale.ts'
import { type Finding, info, ok, storeCheck, warning } from '../check.ts'

interface Extension {
  name: string
  offered: string
  installed: string | null
}

export const extensionsCheck = storeCheck('postgres', {
  id: 'extensions',
  category: 'extensions',
  title: 'the extensions of PostgreSQL',
  async run({ db }) {
    const rows = await db.query<Extension>(`
      SELECT a.name::TEXT AS name, a.default_version AS offered, a.installed_version AS installed
      FROM pg_available_extensions AS a
      WHERE a.name IN ('timescaledb', 'age', 'pg_stat_statements')
      ORDER BY a.name
      LIMIT 10
    `)
    const found = new Map(rows.map((row) => [row.name, row]))
    return [
      ...(await judgeTimescale(db, found.get('timescaledb'))),
      ...judgeAge(found.get('age')),
      ...judgeStatements(found.get('pg_stat_statements')),
    ]
  },
})

async function judgeTimescale(db: AppDb, extension: Extension | undefined): Promise<Finding[]> {
  const { version, licence, usable, reason } = await detectTimescale(db)
  const findings: Finding[] = []
  if (usable) {
    findings.push(
      ok('extensions.timescaledb', 'TimescaleDB is there', {
        seen: `${version}, licence ${licence ?? 'unknown'}`,
      }),
    )
  } else if (licence === 'apache' && version !== undefined) {
    findings.push(
      info('extensions.timescaledb-apache', 'TimescaleDB has its Apache part only', {
        seen: `${version}: no continuous aggregates with policies, no compression, no retention jobs; the product keeps plain tables and does that work itself`,
        fix: 'For a large fleet use the community build of TimescaleDB, or set the licence where that build is installed.',
        command: `ALTER SYSTEM SET timescaledb.license = 'timescale'; SELECT pg_reload_conf()`,
      }),
    )
  } else {
    findings.push(
      info('extensions.timescaledb-none', 'TimescaleDB is not in use', {
        ...(reason === undefined ? {} : { seen: reason }),
        fix: 'Plain PostgreSQL does the same work with the same numbers; TimescaleDB takes less room for long histories.',
      }),
    )
  }
  if (extension?.installed && extension.installed !== extension.offered) {
    findings.push(
      warning(
        'extensions.timescaledb-update',
        'TimescaleDB was updated on the server, and not in this database',
        {
          seen: `${extension.installed} here, ${extension.offered} on the server`,
          fix: 'In a session of its own (psql -X), as its first statement, after a backup:',
          command: 'ALTER EXTENSION timescaledb UPDATE',
        },
      ),
    )
  }
  return findings
}

/** The product does not need it; other tools that share the database do. */
function judgeAge(extension: Extension | undefined): Finding[] {
  if (!extension?.installed) return []
  return [ok('extensions.age', 'Apache AGE is there', { seen: extension.installed })]
}

function judgeStatements(extension: Extension | undefined): Finding[] {
  if (extension?.installed)
    return [ok('extensions.statements', 'pg_stat_statements is there', { seen: extension.installed })]
  return [
    info('extensions.statements-none', 'pg_stat_statements is not in use', {
      seen: extension
        ? 'It is available on this server'
        : 'It is not available on this server (package postgresql-contrib)',
      fix: 'It shows which statements take the time, should the database ever be slow. It must be in shared_preload_libraries.',
      command: 'CREATE EXTENSION pg_stat_statements',
    }),
  ]
}
