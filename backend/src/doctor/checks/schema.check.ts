import { migrate } from '../../db/migrate.ts'
import { MigrationError } from '../../db/migration-error.ts'
import type { Placement } from '../../db/placement-store.ts'
import { type Check, error, type Finding, info, ok, storeCheck, warning } from '../check.ts'
import { type Drift, findDrift } from '../schema-drift.ts'
import { some } from '../words.ts'

const TITLES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const

/** The record of migrations against the files of this version, each with its checksum and the chain of them all. */
const migrationsCheck = (name: Placement) =>
  storeCheck(name, {
    id: `schema.migrations-${name}`,
    category: 'schema',
    title: `the migrations of ${TITLES[name]}`,
    async run(store) {
      const subject = TITLES[name]
      try {
        const { pending, total } = await migrate(store, { dryRun: true })
        if (pending.length === 0) {
          return [
            ok('schema.migrations', 'Every migration is applied and unchanged', {
              subject,
              seen: `${total} files`,
            }),
          ]
        }
        return [
          warning('schema.pending', 'Migrations are not applied yet', {
            subject,
            seen: some(pending),
            fix: 'The next start applies them, after a backup of yours.',
            command: 'holdfast migrate',
          }),
        ]
      } catch (reason) {
        if (!(reason instanceof MigrationError)) throw reason
        return [
          error('schema.history', 'The record of migrations does not fit this version', {
            subject,
            seen: reason.message,
          }),
        ]
      }
    },
  })

const driftCheck = (name: Placement) =>
  storeCheck(name, {
    id: `schema.drift-${name}`,
    category: 'schema',
    title: `the tables of ${TITLES[name]}`,
    limitMs: 20_000,
    async run(store) {
      const drift = await findDrift(store.db)
      // Where nothing was ever set up, that is what the migrations say.
      if (drift.every(({ kind, state }) => kind === 'table' && state !== 'changed') && drift.length > 30)
        return []
      const findings = drift.map((each) => judge(each, name))
      if (findings.some(({ severity }) => severity !== 'info')) return findings
      return [
        ...findings,
        ok('schema.drift', 'Tables, keys and indexes are as the migrations make them', {
          subject: TITLES[name],
        }),
      ]
    },
  })

function judge({ table, kind, state, text, found }: Drift, name: Placement): Finding {
  const subject = `${TITLES[name]}: ${table}`
  if (state === 'extra') {
    const what = kind === 'table' ? 'There is a table' : `A table has a ${kind}`
    return info('schema.extra', `${what} that no migration makes`, { subject, seen: text })
  }
  if (kind === 'index') {
    const isUnique = text.startsWith('CREATE UNIQUE')
    const make = name === 'postgres' ? text.replace(/INDEX /, 'INDEX CONCURRENTLY ') : text
    const named = /INDEX (\S+)/.exec(text)?.[1] ?? ''
    return (isUnique ? error : warning)('schema.index', `An index is ${state}`, {
      subject,
      seen: state === 'changed' ? `It is: ${found}` : text,
      fix: isUnique
        ? 'Nothing refuses rows that are there twice now. Make it again; it fails if there are any:'
        : 'What uses it is slow. Make it again:',
      command: state === 'changed' ? `DROP INDEX ${named}; ${make}` : make,
    })
  }
  return error(`schema.${kind}`, `A ${kind} is ${state}`, {
    subject,
    seen: state === 'changed' ? `It is: ${found}. It should be: ${text}` : text,
    fix: 'Somebody changed the table by hand. Undo that, or restore the database from a backup.',
  })
}

/** What is there and does not count. */
export const validityCheck = storeCheck('postgres', {
  id: 'schema.validity',
  category: 'schema',
  title: 'indexes and constraints that do not count',
  async run({ db }) {
    const rows = await db.query<{ kind: string; name: string; table: string }>(`
      SELECT 'index' AS kind, x.relname AS name, c.relname AS table
      FROM pg_index AS i
      JOIN pg_class AS x ON x.oid = i.indexrelid
      JOIN pg_class AS c ON c.oid = i.indrelid
      WHERE c.relnamespace = current_schema()::REGNAMESPACE AND NOT (i.indisvalid AND i.indisready)
      UNION ALL
      SELECT 'constraint', k.conname, c.relname
      FROM pg_constraint AS k
      JOIN pg_class AS c ON c.oid = k.conrelid
      WHERE c.relnamespace = current_schema()::REGNAMESPACE AND NOT k.convalidated
      UNION ALL
      SELECT 'trigger', t.tgname, c.relname
      FROM pg_trigger AS t
      JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE c.relnamespace = current_schema()::REGNAMESPACE AND t.tgenabled = 'D'
      UNION ALL
      SELECT 'table', c.relname, c.relname
      FROM pg_class AS c
      WHERE c.relnamespace = current_schema()::REGNAMESPACE AND c.relkind = 'r' AND c.relpersistence = 'u'
      UNION ALL
      SELECT 'sequence', s.sequencename, s.sequencename
      FROM pg_sequences AS s
      WHERE s.schemaname = current_schema() AND s.last_value > 0.8 * s.max_value
      ORDER BY 1, 2, 3
      LIMIT 100
    `)
    if (rows.length === 0) return [ok('schema.validity', 'Every index and constraint counts')]
    return rows.map(({ kind, name, table }) => invalid(kind, quoted(name), quoted(table)))
  },
})

function invalid(kind: string, name: string, table: string): Finding {
  const subject = name === table ? table : `${table}: ${name}`
  switch (kind) {
    case 'index':
      return error('schema.invalid-index', 'An index is not valid', {
        subject,
        seen: 'It was made CONCURRENTLY and that failed: it costs time with every write and is not used',
        fix: 'Make it again:',
        command: `REINDEX INDEX CONCURRENTLY ${name}`,
      })
    case 'constraint':
      return warning('schema.not-valid', 'A constraint was never checked for the rows that were there', {
        subject,
        fix: 'Check them:',
        command: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`,
      })
    case 'trigger':
      return error('schema.disabled-trigger', 'A trigger is disabled', {
        subject,
        fix: 'Enable it; rows that were written meanwhile were not seen by it. For one of a move, verify the unit.',
        command: `ALTER TABLE ${table} ENABLE TRIGGER ${name}`,
      })
    case 'table':
      return error('schema.unlogged', 'A table is empty after a crash', {
        subject,
        seen: 'It is UNLOGGED',
        fix: 'Make it a logged one (it is written anew):',
        command: `ALTER TABLE ${table} SET LOGGED`,
      })
    default:
      return warning('schema.sequence', 'A sequence runs out of numbers', {
        subject,
        seen: 'Over four fifths are used',
        fix: 'Find out what uses them up; a wider column is a matter of an update.',
      })
  }
}

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

export const schemaChecks: readonly Check[] = [
  migrationsCheck('sqlite'),
  migrationsCheck('postgres'),
  driftCheck('sqlite'),
  driftCheck('postgres'),
  validityCheck,
]
