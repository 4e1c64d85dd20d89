import { readFileSync } from 'node:fs'
import type SqliteDatabase from 'better-sqlite3'
import { loadSqlite } from '../src/db/sqlite-driver.ts'

const Database = await loadSqlite()

type Value = string | number | bigint | Buffer | null
export type Row = Readonly<Record<string, Value>>

const SCHEMA = new URL('fixtures/older-dashboard.sql', import.meta.url)

const MIGRATIONS = [
  '001_sessions.sql',
  '002_settings.sql',
  '003_insights.sql',
  '008_oidc_seed.sql',
  '015_users.sql',
  '024_security_audit_ignore_list.sql',
  '030_prompt_defaults.sql',
  '032_prompt_profiles.sql',
  '040_reports_infrastructure_patterns.sql',
  '041_oidc_group_mapping.sql',
]

/** An open file of the older dashboard, in its last version, with its tables and without rows. */
export function createLegacyDatabase(path: string): SqliteDatabase.Database {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec(readFileSync(SCHEMA, 'utf8'))
  for (const name of MIGRATIONS) db.prepare('INSERT INTO _migrations (name) VALUES (?)').run(name)
  return db
}

/** Inserts rows past CHECKs and foreign keys, as old versions and other programs have. */
export function put(db: SqliteDatabase.Database, table: string, ...rows: readonly Row[]): void {
  db.pragma('foreign_keys = OFF')
  db.pragma('ignore_check_constraints = ON')
  for (const row of rows) {
    const names = Object.keys(row)
    db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`).run(
      ...Object.values(row).map((value) =>
        typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value,
      ),
    )
  }
}

/** Makes the file one of an early version: former names of migrations, fewer tables and columns. */
export function makeEarly(db: SqliteDatabase.Database): void {
  db.exec(`
    DELETE FROM _migrations;
    INSERT INTO _migrations (name) VALUES ('001_sessions.sql'), ('002_settings.sql'), ('003_insights.sql'),
      ('006_traces.sql'), ('008_oidc_seed.sql'), ('012_users.sql'), ('012_incidents.sql'), ('015_users.sql');
    ALTER TABLE users DROP COLUMN default_landing_page;
    ALTER TABLE spans DROP COLUMN trace_source;
    ALTER TABLE spans DROP COLUMN process_pid;
    DROP TABLE ebpf_coverage;
    DROP TABLE mcp_servers;
    DROP TABLE prompt_profiles;
    DROP TABLE llm_feedback;
    DELETE FROM settings WHERE key LIKE 'prompts.%';
  `)
}
