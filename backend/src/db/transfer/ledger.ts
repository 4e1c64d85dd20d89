import { type AppDbSession, json, storableText } from '../app-db.ts'
import type { SqlStore } from '../sql-store.ts'
import type { HeldValue, Key, Reject, RejectReason } from './types.ts'

/** The books of all moves, in PostgreSQL: it is one end of every move. */
const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS _moves (
    unit TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('sqlite', 'postgres')),
    paused BOOLEAN NOT NULL DEFAULT FALSE,
    error TEXT,
    started_at TIMESTAMPTZ NOT NULL,
    started_by TEXT,
    updated_at TIMESTAMPTZ NOT NULL,
    details JSONB NOT NULL DEFAULT '{}'
  );
  CREATE TABLE IF NOT EXISTS _move_tables (
    unit TEXT NOT NULL,
    table_name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'copying', 'indexing', 'copied')),
    cursor JSONB,
    copied_rows BIGINT NOT NULL DEFAULT 0,
    rejected_rows BIGINT NOT NULL DEFAULT 0,
    total_rows BIGINT,
    saved_indexes JSONB,
    verified_at TIMESTAMPTZ,
    verified_rows BIGINT,
    differences BIGINT,
    source_digest TEXT,
    mirror_digest TEXT,
    PRIMARY KEY (unit, table_name)
  );
  CREATE TABLE IF NOT EXISTS _move_log (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    unit TEXT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    details JSONB NOT NULL DEFAULT '{}'
  );
  CREATE TABLE IF NOT EXISTS _quarantine (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    unit TEXT NOT NULL,
    table_name TEXT NOT NULL,
    key TEXT NOT NULL,
    row JSONB NOT NULL,
    column_name TEXT,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    suggestion TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged')),
    acknowledged_by TEXT
  );
  -- A key may be too long for an index: that may be why its row is here.
  CREATE UNIQUE INDEX IF NOT EXISTS _quarantine_key
    ON _quarantine (table_name, hashtextextended(key, 0), hashtextextended(key, 1));
  ALTER TABLE _quarantine DROP CONSTRAINT IF EXISTS _quarantine_table_name_key_key;
`

/** Makes the books where they are missing, or older than the index on what is in quarantine. */
export async function createLedgerTables(store: SqlStore): Promise<void> {
  const exists = await store.db.queryOne(
    `SELECT 1 AS found WHERE to_regclass(quote_ident(current_schema()) || '._quarantine_key') IS NOT NULL`,
  )
  if (exists) return
  await store.transaction(async (tx) => {
    // Two processes that create the same table at once collide in the catalog, IF NOT EXISTS or not.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('_moves'), hashtext(current_schema()))`)
    await tx.execScript(CREATE_TABLES)
  })
}

/** What the functions below need of a session; a worker has one of its own. */
export type LedgerSession = Pick<AppDbSession, 'query' | 'execute'>

export type CopyState = 'waiting' | 'copying' | 'indexing' | 'copied'

export interface TableProgress {
  readonly table: string
  readonly state: CopyState
  readonly copiedRows: number
  readonly rejectedRows: number
  /** Rows of the source when the copy began; null until they were counted. */
  readonly totalRows: number | null
  readonly verifiedAt: string | null
  readonly verifiedRows: number | null
  readonly differences: number | null
  readonly sourceDigest: string | null
  readonly mirrorDigest: string | null
}

/** The tables of a unit, by name. Those of `tables` that are not in the books yet are put there first. */
export async function listTables(
  session: LedgerSession,
  unit: string,
  tables: readonly string[],
): Promise<TableProgress[]> {
  for (const table of tables) {
    await session.execute(
      'INSERT INTO _move_tables (unit, table_name) VALUES ($1, $2) ON CONFLICT DO NOTHING',
      [unit, table],
    )
  }
  return session.query<TableProgress>(
    `
    SELECT t.table_name AS "table", t.state, t.copied_rows AS "copiedRows", t.rejected_rows AS "rejectedRows",
      t.total_rows AS "totalRows", t.verified_at AS "verifiedAt", t.verified_rows AS "verifiedRows",
      t.differences, t.source_digest AS "sourceDigest", t.mirror_digest AS "mirrorDigest"
    FROM _move_tables AS t
    WHERE t.unit = $1
    ORDER BY t.table_name
    LIMIT 1000
    `,
    [unit],
  )
}

export async function setTotal(
  session: LedgerSession,
  unit: string,
  table: string,
  rows: number,
): Promise<void> {
  await session.execute('UPDATE _move_tables SET total_rows = $3 WHERE unit = $1 AND table_name = $2', [
    unit,
    table,
    rows,
  ])
}

/** The move is over: nothing of its tables and quarantined rows is kept. */
export async function forgetTables(session: LedgerSession, unit: string): Promise<void> {
  await forgetCopies(session, unit)
  await session.execute('DELETE FROM _quarantine WHERE unit = $1', [unit])
}

/** Forgets how far the copy of each table is. What is in quarantine stays: it may be all that is left of these rows. */
export async function forgetCopies(session: LedgerSession, unit: string): Promise<void> {
  await session.execute('DELETE FROM _move_tables WHERE unit = $1', [unit])
}

export interface VerifyEntry {
  readonly unit: string
  readonly table: string
  readonly at: string
  readonly rows: number
  readonly differences: number
  readonly sourceDigest: string
  readonly mirrorDigest: string
}

export async function recordVerify(session: LedgerSession, entry: VerifyEntry): Promise<void> {
  await session.execute(
    `
    UPDATE _move_tables
    SET verified_at = $3, verified_rows = $4, differences = $5, source_digest = $6, mirror_digest = $7
    WHERE unit = $1 AND table_name = $2
    `,
    [
      entry.unit,
      entry.table,
      entry.at,
      entry.rows,
      entry.differences,
      entry.sourceDigest,
      entry.mirrorDigest,
    ],
  )
}

/** How far the copy of one table has come. */
export interface CopyRecord {
  readonly state: CopyState
  /** Key of the last row that is settled, as the source holds it; null before the first. */
  readonly cursor: readonly HeldValue[] | null
  readonly copiedRows: number
  readonly rejectedRows: number
  /** Texts that make again what was dropped for the time of the copy: indexes, a key. */
  readonly savedIndexes: readonly string[] | null
}

export async function readCopyRecord(
  session: LedgerSession,
  unit: string,
  table: string,
): Promise<CopyRecord> {
  await listTables(session, unit, [table])
  const [row] = await session.query<CopyRecord>(
    `
    SELECT t.state, t.cursor, t.copied_rows AS "copiedRows", t.rejected_rows AS "rejectedRows",
      t.saved_indexes AS "savedIndexes"
    FROM _move_tables AS t
    WHERE t.unit = $1 AND t.table_name = $2
    `,
    [unit, table],
  )
  if (!row) throw new Error(`The copy of ${table} is not in the books`)
  return row
}

export async function writeCopyRecord(
  session: LedgerSession,
  unit: string,
  table: string,
  record: CopyRecord,
): Promise<void> {
  await session.execute(
    `
    UPDATE _move_tables
    SET state = $3, cursor = $4, copied_rows = $5, rejected_rows = $6, saved_indexes = $7
    WHERE unit = $1 AND table_name = $2
    `,
    [
      unit,
      table,
      record.state,
      record.cursor && json(record.cursor),
      record.copiedRows,
      record.rejectedRows,
      record.savedIndexes && json(record.savedIndexes),
    ],
  )
}

export interface SavedIndexes {
  readonly unit: string
  readonly table: string
  readonly texts: readonly string[]
}

/** What tables of PostgreSQL lack for the time of their copy. Rehearsals have tables of their own. */
export async function listSavedIndexes(session: LedgerSession): Promise<SavedIndexes[]> {
  const [books] = await session.query<{ found: boolean }>(
    `SELECT to_regclass(quote_ident(current_schema()) || '._move_tables') IS NOT NULL AS found`,
  )
  if (!books?.found) return []
  return session.query<SavedIndexes>(`
    SELECT t.unit, t.table_name AS "table", t.saved_indexes AS texts
    FROM _move_tables AS t
    JOIN _moves AS m ON m.unit = t.unit
    WHERE t.saved_indexes IS NOT NULL
    ORDER BY t.unit, t.table_name
    LIMIT 1000
  `)
}

/** Keeps rows that the target cannot hold. A row that is there already is replaced, and open again if it differs. */
export async function addToQuarantine(
  session: LedgerSession,
  unit: string,
  rejects: readonly Reject[],
): Promise<void> {
  for (const reject of rejects) {
    await session.execute(
      `
      INSERT INTO _quarantine (unit, table_name, key, row, column_name, reason, message, suggestion)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      ON CONFLICT (table_name, hashtextextended(key, 0), hashtextextended(key, 1)) DO UPDATE SET
        at = CASE WHEN _quarantine.row = excluded.row THEN _quarantine.at ELSE excluded.at END,
        state = CASE WHEN _quarantine.row = excluded.row THEN _quarantine.state ELSE 'open' END,
        row = excluded.row,
        column_name = excluded.column_name,
        reason = excluded.reason,
        message = excluded.message,
        suggestion = excluded.suggestion
      -- A rehearsal leaves alone what a move has found.
      WHERE _quarantine.unit = excluded.unit
      `,
      [
        unit,
        reject.table,
        storableText(reject.key),
        json(reject.row),
        reject.column,
        reject.reason,
        storableText(reject.message),
        reject.suggestion,
      ],
    )
  }
}

/** Keys that went through after all, or whose row is gone, leave quarantine. Returns how many did. */
export async function removeFromQuarantine(
  session: LedgerSession,
  table: string,
  keys: readonly Key[],
): Promise<number> {
  if (keys.length === 0) return 0
  const texts = json(keys.map((key) => JSON.stringify(key)))
  const { rowCount } = await session.execute(
    'DELETE FROM _quarantine WHERE table_name = $1 AND key IN (SELECT jsonb_array_elements_text($2::jsonb))',
    [table, texts],
  )
  return rowCount
}

/** The quarantined keys of a table, each as JSON text. */
export async function quarantinedKeys(session: LedgerSession, table: string): Promise<Set<string>> {
  const rows = await session.query<{ key: string }>(
    'SELECT q.key FROM _quarantine AS q WHERE q.table_name = $1',
    [table],
  )
  return new Set(rows.map(({ key }) => key))
}

export async function listQuarantineCounts(
  session: LedgerSession,
  unit: string,
): Promise<{ open: number; acknowledged: number }> {
  const [row] = await session.query<{ open: number; acknowledged: number }>(
    `
    SELECT count(*) FILTER (WHERE q.state = 'open') AS open,
      count(*) FILTER (WHERE q.state = 'acknowledged') AS acknowledged
    FROM _quarantine AS q
    WHERE q.unit = $1
    `,
    [unit],
  )
  return row ?? { open: 0, acknowledged: 0 }
}

export interface QuarantineEntry extends Omit<Reject, 'reason'> {
  readonly id: number
  readonly at: string
  readonly unit: string
  readonly reason: RejectReason
  readonly state: 'open' | 'acknowledged'
  readonly acknowledgedBy: string | null
}

/** Quarantined rows, oldest first, those after entry `after`. */
export async function listQuarantine(
  session: LedgerSession,
  query: {
    readonly unit?: string | undefined
    readonly after?: number | undefined
    readonly limit: number
  },
): Promise<QuarantineEntry[]> {
  return session.query<QuarantineEntry>(
    `
    SELECT q.id, q.at, q.unit, q.table_name AS "table", q.key, q.row, q.column_name AS "column", q.reason,
      q.message, q.suggestion, q.state, q.acknowledged_by AS "acknowledgedBy"
    FROM _quarantine AS q
    WHERE ($1::text IS NULL OR q.unit = $1) AND q.id > $2
    ORDER BY q.id
    LIMIT $3
    `,
    [query.unit ?? null, query.after ?? 0, query.limit],
  )
}

/** The open rows of a unit stay behind with somebody's consent. Returns how many there were. */
export async function acknowledgeQuarantine(
  session: LedgerSession,
  unit: string,
  actor: string,
): Promise<number> {
  const { rowCount } = await session.execute(
    `UPDATE _quarantine SET state = 'acknowledged', acknowledged_by = $2 WHERE unit = $1 AND state = 'open'`,
    [unit, actor],
  )
  return rowCount
}
