import type { AppDb } from './app-db.ts'

/** What is compared between the engines: the same words for the same thing. */
interface TableModel {
  readonly name: string
  readonly columns: readonly ColumnModel[]
  readonly primaryKey: readonly string[]
  /** Column lists of unique constraints and unique indexes, with the condition of a partial one. */
  readonly uniques: readonly string[]
  readonly foreignKeys: readonly string[]
  /** The texts that a CHECK compares with, one list for each CHECK. */
  readonly checks: readonly string[]
  /** Name and expression list of each further index. */
  readonly indexes: readonly string[]
}

interface ColumnModel {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  /** `now` for the current time; undefined without a default. */
  readonly default: string | undefined
  /** Numbered by the store. */
  readonly identity: boolean
}

interface Described {
  readonly model: TableModel
  /** The table as the engine says it, a line for each part. */
  readonly lines: readonly string[]
}

/** Every table of the connection's schema, partitions left out, in order of name. Reads the catalog alone. */
export async function describeSchema(db: AppDb): Promise<Described[]> {
  return db.dialect === 'sqlite' ? describeSqlite(db) : describePostgres(db)
}

/** The live schema as one text, the same for the same schema whatever built it. */
export async function dumpSchema(db: AppDb): Promise<string> {
  const tables = await describeSchema(db)
  const texts = tables.map((table) => [`TABLE ${table.model.name}`, ...table.lines].join('\n  '))
  const extras = db.dialect === 'postgres' ? await postgresExtras(db) : []
  return `${[...texts, ...extras].join('\n\n')}\n`
}

async function describeSqlite(db: AppDb): Promise<Described[]> {
  const tables = await db.query<{ name: string; sql: string }>(
    `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
  )
  return Promise.all(tables.map(({ name, sql }) => describeSqliteTable(db, name, sql)))
}

async function describeSqliteTable(db: AppDb, name: string, tableSql: string): Promise<Described> {
  const sql = tableSql.replaceAll(/--.*$/gm, '')
  const columns = await db.query<{
    name: string
    type: string
    notnull: number
    dflt_value: string | null
    pk: number
  }>('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo($1) ORDER BY cid', [name])
  const keys = await db.query<{ id: number; table: string; from: string; to: string; on_delete: string }>(
    'SELECT id, "table", "from", "to", on_delete FROM pragma_foreign_key_list($1) ORDER BY "from"',
    [name],
  )
  const unique = await db.query<{ columns: string }>(
    `SELECT (SELECT group_concat(i.name, ', ') FROM pragma_index_info(l.name) AS i) AS columns
     FROM pragma_index_list($1) AS l WHERE l.origin = 'u' ORDER BY 1`,
    [name],
  )
  const named = await db.query<{ type: string; name: string; sql: string }>(
    `SELECT type, name, sql FROM sqlite_master
     WHERE tbl_name = $1 AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name`,
    [name],
  )
  const primaryKey = columns
    .filter((column) => column.pk > 0)
    .sort((a, b) => a.pk - b.pk)
    .map((column) => column.name)
  const checks = checksIn(sql)
  const foreignKeys = keys.map((key) => foreignKey(key.from, key.table, key.to, key.on_delete))
  const uniques = unique.map((each) => each.columns)
  const indexes = named.filter((each) => each.type === 'index')
  return {
    model: {
      name,
      columns: columns.map((column) => ({
        name: column.name,
        type: sqliteTypes[column.type] ?? column.type,
        // A key is never null: SQLite says so only of rowid keys and of what is declared.
        nullable: column.notnull === 0 && column.pk === 0,
        default: plainDefault(column.dflt_value),
        identity: new RegExp(`\\b${column.name} INTEGER PRIMARY KEY AUTOINCREMENT`).test(sql),
      })),
      primaryKey,
      uniques: [...uniques, ...indexes.filter(isUnique).map((each) => indexExpression(each.sql))].sort(
        byText,
      ),
      foreignKeys: foreignKeys.sort(byText),
      checks: checks.map(literals).filter(Boolean).sort(byText),
      indexes: indexes
        .filter((each) => !isUnique(each))
        .map((each) => `${each.name} ${indexExpression(each.sql)}`),
    },
    lines: [
      ...columns.map((column) =>
        [
          column.name,
          column.type,
          column.notnull ? 'NOT NULL' : '',
          column.dflt_value === null ? '' : `DEFAULT ${column.dflt_value}`,
        ]
          .filter(Boolean)
          .join(' '),
      ),
      `PRIMARY KEY (${primaryKey.join(', ')})${sql.includes('AUTOINCREMENT') ? ' AUTOINCREMENT' : ''}`,
      ...(/WITHOUT ROWID\s*$/.test(sql) ? ['WITHOUT ROWID'] : []),
      ...uniques.map((each) => `UNIQUE (${each})`),
      ...checks.map((each) => `CHECK ${each}`).sort(byText),
      ...foreignKeys.map((each) => `FOREIGN KEY ${each}`),
      ...named.map((each) => oneLine(each.sql)),
    ],
  }
}

const sqliteTypes: Readonly<Record<string, string>> = {
  TEXT: 'text',
  INTEGER: 'integer',
  BIGINT: 'bigint',
  BOOLEAN: 'boolean',
  BLOB: 'bytea',
  'DOUBLE PRECISION': 'double precision',
  'JSONB TEXT': 'jsonb',
  'TIMESTAMPTZ TEXT': 'timestamp with time zone',
}

async function describePostgres(db: AppDb): Promise<Described[]> {
  const tables = await db.query<{ name: string; oid: number; partition_key: string | null }>(`
    SELECT c.relname AS name, c.oid::bigint AS oid, pg_get_partkeydef(c.oid) AS partition_key
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname COLLATE "C"
  `)
  const described: Described[] = []
  for (const table of tables) {
    const one = await describePostgresTable(db, table.name, table.oid)
    const lines = table.partition_key ? [...one.lines, `PARTITION BY ${table.partition_key}`] : one.lines
    described.push({ ...one, lines })
  }
  return described
}

async function describePostgresTable(db: AppDb, name: string, oid: number): Promise<Described> {
  const columns = await db.query<{ name: string; type: string; required: boolean; fallback: string | null }>(
    `
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
      pg_get_expr(d.adbin, d.adrelid) AS fallback
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
    `,
    [oid],
  )
  const constraints = await db.query<{ kind: string; text: string }>(
    `SELECT contype AS kind, pg_get_constraintdef(oid) AS text FROM pg_constraint
     WHERE conrelid = $1::oid AND contype IN ('p', 'u', 'c', 'f') ORDER BY contype, 2`,
    [oid],
  )
  const indexes = await db.query<{ name: string; unique: boolean; text: string }>(
    `SELECT c.relname AS name, i.indisunique AS unique,
       replace(pg_get_indexdef(i.indexrelid), quote_ident(current_schema()) || '.', '') AS text
     FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid = $1::oid AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)
     ORDER BY c.relname COLLATE "C"`,
    [oid],
  )
  const triggers = await db.query<{ text: string }>(
    `SELECT replace(pg_get_triggerdef(oid), quote_ident(current_schema()) || '.', '') AS text FROM pg_trigger
     -- TimescaleDB's own triggers carry ids that count every hypertable ever made in the database.
     WHERE tgrelid = $1::oid AND NOT tgisinternal
       AND NOT EXISTS (
         SELECT 1 FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
         WHERE p.oid = tgfoid AND n.nspname = '_timescaledb_functions'
       )
     ORDER BY tgname`,
    [oid],
  )
  const of = (kind: string) => constraints.filter((each) => each.kind === kind).map((each) => each.text)
  const columnsOf = (text: string) => /\(([^)]*)\)/.exec(text)?.[1] ?? ''
  const isIdentity = (fallback: string | null) => fallback?.startsWith('nextval(') ?? false
  return {
    model: {
      name,
      columns: columns.map((column) => ({
        name: column.name,
        // The number of an identity column is 64 bits wide in SQLite whatever it is called.
        type: isIdentity(column.fallback) ? 'integer' : column.type,
        nullable: !column.required,
        default: isIdentity(column.fallback) ? undefined : plainDefault(column.fallback),
        identity: isIdentity(column.fallback),
      })),
      primaryKey: of('p').flatMap((text) => columnsOf(text).split(', ')),
      uniques: [
        ...of('u').map(columnsOf),
        ...indexes.filter((each) => each.unique).map((each) => indexExpression(each.text)),
      ].sort(byText),
      foreignKeys: of('f')
        .map((text) => {
          const [, from, table, to, action] =
            /^FOREIGN KEY \((.*)\) REFERENCES (\w+)\((.*?)\)(?: ON DELETE (.*))?$/.exec(text) ?? []
          return foreignKey(from, table, to, action)
        })
        .sort(byText),
      checks: of('c').map(literals).filter(Boolean).sort(byText),
      indexes: indexes
        .filter((each) => !each.unique)
        .map((each) => `${each.name} ${indexExpression(each.text)}`),
    },
    lines: [
      ...columns.map((column) =>
        [
          column.name,
          column.type,
          column.required ? 'NOT NULL' : '',
          column.fallback === null
            ? ''
            : `DEFAULT ${column.fallback.replaceAll(/'[^']*\.(?=\w+_seq')/g, "'")}`,
        ]
          .filter(Boolean)
          .join(' '),
      ),
      ...constraints.map((each) => each.text),
      ...indexes.map((each) => each.text),
      ...triggers.map((each) => each.text),
    ],
  }
}

/** What TimescaleDB adds, under names that do not depend on the order in which things were made. */
async function postgresExtras(db: AppDb): Promise<string[]> {
  const installed = await db.queryOne(`SELECT 1 AS found FROM pg_extension WHERE extname = 'timescaledb'`)
  if (!installed) return []
  const hypertables = await db.query<{ text: string }>(`
    SELECT 'HYPERTABLE ' || d.hypertable_name || ' BY ' || d.column_name || ' EVERY ' || d.integer_interval
      || ' NOW ' || d.integer_now_func AS text
    FROM timescaledb_information.dimensions AS d
    WHERE d.hypertable_schema = current_schema()
    ORDER BY 1
  `)
  const aggregates = await db.query<{ text: string }>(`
    SELECT 'CONTINUOUS AGGREGATE ' || c.view_name || ' EVERY ' || d.integer_interval
      || CASE WHEN c.materialized_only THEN ' MATERIALIZED ONLY' ELSE '' END || E'\\n' || c.view_definition AS text
    FROM timescaledb_information.continuous_aggregates AS c
    JOIN timescaledb_information.dimensions AS d ON d.hypertable_name = c.materialization_hypertable_name
    WHERE c.view_schema = current_schema()
    ORDER BY 1
  `)
  const jobs = await db.query<{ text: string }>(`
    SELECT 'JOB ' || j.proc_name || ' ON ' || j.hypertable_name || ' EVERY ' || j.schedule_interval || ' '
      || (j.config - 'hypertable_id' - 'mat_hypertable_id')::text AS text
    FROM timescaledb_information.jobs AS j
    WHERE j.hypertable_schema = current_schema()
    ORDER BY 1
  `)
  return [...hypertables, ...aggregates, ...jobs].map((each) => each.text)
}

const isUnique = (index: { sql: string }) => /^CREATE UNIQUE/i.test(index.sql)
const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b))
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim()
const withoutCasts = (text: string) => text.replaceAll(/::[a-z ]+(\[\])?/g, '')

function foreignKey(from = '', table = '', to = '', action = 'NO ACTION'): string {
  return `(${from}) REFERENCES ${table}(${to})${action === 'NO ACTION' ? '' : ` ON DELETE ${action}`}`
}

/** The columns or expressions of an index, and its condition, without what the engines write differently. */
function indexExpression(text: string): string {
  const [, list = '', condition = ''] =
    /\bON \S+?(?: USING \w+)? ?\((.*?)\)(?: WHERE (.*))?$/i.exec(oneLine(text)) ?? []
  const where = withoutCasts(condition).replaceAll(/[()]/g, '')
  return where ? `${list} WHERE ${where}` : list
}

/** The texts in a CHECK, in order; empty where it compares with none. */
function literals(check: string): string {
  return [...check.matchAll(/'([^']*)'/g)].map((match) => match[1]).join('|')
}

function plainDefault(text: string | null): string | undefined {
  if (text === null) return undefined
  const plain = withoutCasts(text).toLowerCase()
  return plain === 'now()' || plain.startsWith('strftime(') ? 'now' : plain
}

/** The parenthesised expression after each CHECK. */
function checksIn(sql: string): string[] {
  return [...sql.matchAll(/\bCHECK\s*\(/gi)].map((match) => {
    const start = match.index + match[0].length - 1
    let depth = 0
    let quoted = false
    for (let at = start; at < sql.length; at++) {
      const letter = sql[at]
      if (letter === "'") quoted = !quoted
      if (quoted) continue
      if (letter === '(') depth++
      if (letter === ')' && --depth === 0) return oneLine(sql.slice(start, at + 1))
    }
    throw new Error(`A CHECK does not end: ${sql}`)
  })
}
