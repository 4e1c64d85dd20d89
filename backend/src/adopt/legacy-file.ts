import { realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDbError } from '../db/db-errors.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { AdoptError } from './adopt-error.ts'
import { copyDatabase, headOf } from './database-copy.ts'
import { type LegacyHistory, readLegacyHistory } from './legacy-migrations.ts'

/** A database of the older dashboard: a copy of it, open. */
export interface LegacyFile {
  readonly path: string
  readonly bytes: number
  readonly history: LegacyHistory
  /** Columns and number of rows of each table, without those of SQLite and of the migrations. */
  readonly tables: ReadonlyMap<string, { readonly columns: readonly string[]; readonly rows: number }>
  readonly store: SqlStore
  close(): Promise<void>
}

const SQLITE_HEADER = 'SQLite format 3\0'
/** At least one of these is in every version. */
const CORE_TABLES = ['sessions', 'settings', 'insights'] as const

/**
 * Takes a copy of a database file into `folder` and opens that. The file itself is only read.
 *
 * @throws {AdoptError} saying what the file is, when it is not a whole database of the older dashboard.
 */
export async function openLegacyFile(path: string, folder: string): Promise<LegacyFile> {
  requireSqliteFile(resolve(path))
  // The write-ahead log lies beside the file that a link leads to.
  const source = realpathSync(path)
  const copy = join(folder, 'source.db')
  const { bytes } = await copyDatabase(source, copy)
  const store = await open(copy, source)
  try {
    const { history, tables } = await inspect(store, source)
    return { path: source, bytes, history, tables, store, close: () => store.close() }
  } catch (error) {
    await store.close()
    throw isDbError(error, 'corrupt') ? corrupt(source, error.message) : error
  }
}

function requireSqliteFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new AdoptError(
      'foreign',
      `${path} is a folder. Name the file in it; it is usually called dashboard.db.`,
    )
  }
  const head = headOf(path, 64)
  const kind = kindOf(head)
  if (kind !== undefined) {
    throw new AdoptError('foreign', `${path} is ${kind}, not a SQLite database of the older dashboard.`)
  }
}

/** What a file is that is no SQLite database; undefined when it is one. */
function kindOf(head: Buffer): string | undefined {
  const text = head.toString('latin1')
  if (text.startsWith(SQLITE_HEADER)) return undefined
  if (head.length === 0) return 'an empty file'
  if (text.startsWith('PGDMP')) return 'a dump of PostgreSQL'
  if (text.startsWith('\x1f\x8b')) return 'packed with gzip (unpack it first)'
  if (text.startsWith('PK\x03\x04')) return 'a ZIP archive (unpack it first)'
  if (head.length >= 20 && head.readUInt32LE(16) === 0xed0cdaed) return 'a BoltDB file, as Portainer keeps it'
  if (/^(--|\/\*|CREATE |PRAGMA |BEGIN|INSERT )/i.test(text)) return 'SQL text'
  return 'some other file (the first bytes are not those of SQLite)'
}

async function open(copy: string, source: string): Promise<SqlStore> {
  try {
    return await openSqliteStore({ path: copy, readers: 1 })
  } catch (error) {
    if (isDbError(error, 'corrupt')) throw corrupt(source, error.message)
    throw error
  }
}

function corrupt(path: string, reason: string): AdoptError {
  return new AdoptError(
    'corrupt',
    `${path} is damaged: ${reason}. Recover what can be read with "sqlite3 ${path} .recover | sqlite3 recovered.db" ` +
      'and adopt recovered.db.',
  )
}

async function inspect(store: SqlStore, path: string): Promise<Pick<LegacyFile, 'history' | 'tables'>> {
  const { db } = store
  await requireWhole(store, path)
  const names = (
    await db.query<{ name: string }>(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
    )
  ).map((row) => row.name)
  const migrations = names.includes('_migrations')
    ? (await db.query<{ name: string }>('SELECT name FROM _migrations ORDER BY id')).map((row) => row.name)
    : []
  const history = readLegacyHistory(migrations)
  requireLegacy(path, names, history)
  const tables = new Map<string, { columns: readonly string[]; rows: number }>()
  for (const table of names.filter((name) => name !== '_migrations')) {
    const columns = await db.query<{ name: string }>('SELECT name FROM pragma_table_info($1) ORDER BY cid', [
      table,
    ])
    const count = await db.queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM ${quoted(table)}`)
    tables.set(table, { columns: columns.map((column) => column.name), rows: count?.rows ?? 0 })
  }
  return { history, tables }
}

/** Rows that break a rule of their table are no damage: each is judged when it is read. */
const DIRTY_ROW = /^(ok$|NULL value in |NUMERIC value in |TEXT value in |non-unique entry in )/

async function requireWhole(store: SqlStore, path: string): Promise<void> {
  const messages = await store.connection(async (session) => {
    await session.execScript('PRAGMA ignore_check_constraints = ON')
    return session.query<{ quick_check: string }>('PRAGMA quick_check(1000)')
  })
  const damage = messages.find(({ quick_check }) => !DIRTY_ROW.test(quick_check))
  if (damage) throw corrupt(path, damage.quick_check)
}

function requireLegacy(path: string, names: readonly string[], history: LegacyHistory): void {
  if (names.includes('_installation') || names.includes('_app_migrations')) {
    throw new AdoptError(
      'foreign',
      `${path} is a database of Holdfast itself. To use it, put it into DATA_DIR as holdfast.db; to move it to ` +
        'PostgreSQL, see "holdfast storage --help".',
    )
  }
  if (history.steps.size > 0 && CORE_TABLES.some((table) => names.includes(table))) return
  const [shown, more] = [names.slice(0, 8).join(', '), names.length - 8]
  const tables =
    names.length === 0 ? 'It has no tables' : `Its tables are ${shown}${more > 0 ? ` and ${more} more` : ''}`
  throw new AdoptError(
    'foreign',
    `${path} is a SQLite database, but not one of the older dashboard. ${tables}.`,
  )
}

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
