import type { AppDbSession } from '../db/app-db.ts'
import { isDbError } from '../db/db-errors.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import type { Key, TableShape } from '../db/transfer/index.ts'
import type { Capture, CapturedTable, QueueBatch, Role, Triggers } from './capture.ts'
import { BacklogError, WritersError } from './capture-errors.ts'
import {
  createQueue,
  createTriggers,
  EACH_ROW,
  EVENTS,
  type Event,
  events,
  functionBody,
  functionOf,
  keyTypes,
  LOCK_CLASS,
  literal,
  pgApplying,
  queueOf,
  seenBy,
  triggerOf,
} from './capture-postgres-sql.ts'

const INSTALL_LOCK_MS = 2_000
const FLIP_LOCK_MS = 250

const CREATE_SHARED = `
  CREATE TABLE IF NOT EXISTS _roles (
    unit TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('authority', 'mirror', 'retired')),
    tables TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS _dirty_whole (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now()
  );
`

/**
 * One set of statement triggers for every role: they look it up. So a change of role is one UPDATE, and takes no lock
 * on the tables. An advisory lock, shared by writers, keeps their transactions on one side of it.
 */
export class PgCapture implements Capture {
  async install(
    tx: ScriptSession,
    unit: string,
    tables: readonly TableShape[],
    role: Role,
    triggers: Triggers = 'logging',
  ): Promise<void> {
    await tx.execScript(`SET LOCAL lock_timeout = ${INSTALL_LOCK_MS}`)
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('_roles'), hashtext(current_schema()))`)
    await tx.execScript(CREATE_SHARED)
    if (role === 'none') return this.remove(tx, unit, tables)
    const schema = await currentSchema(tx)
    const wrong = await wrongTables(tx, schema, unit, tables, triggers)
    const hypertables = await hypertablesOf(tx, schema)
    const script = tables
      .filter(({ table }) => wrong.has(table))
      .map(
        (table) =>
          `${createQueue(table)};\n${createTriggers(schema, unit, table, { triggers, isHypertable: hypertables.has(table.table) })}`,
      )
    if (script.length > 0) await tx.execScript(script.join('\n'))
    if ((await this.role(tx, unit)) !== role) await this.#take(tx, unit, tables, role, INSTALL_LOCK_MS)
  }

  async setRole(
    tx: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    role: Exclude<Role, 'none'>,
    options: { readonly discard?: boolean } = {},
  ): Promise<void> {
    await this.#take(tx, unit, tables, role, FLIP_LOCK_MS, options.discard)
  }

  async #take(
    tx: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    role: Exclude<Role, 'none'>,
    patienceMs: number,
    discard = false,
  ): Promise<void> {
    await this.#keepWritersOut(tx, unit, patienceMs)
    const before = await this.role(tx, unit)
    if (before !== 'authority' || role !== 'authority') {
      // Writers that the lock has waited for may have logged something after the queue was drained.
      const empty = discard || before !== 'authority' || !(await this.#hasBacklog(tx, tables))
      if (!empty) throw new BacklogError(unit)
      await tx.execScript(tables.map((table) => `DELETE FROM ${queueOf(table)};`).join('\n'))
      await tx.execute('DELETE FROM _dirty_whole WHERE table_name = ANY ($1::TEXT[])', [
        textArray(tables.map(({ table }) => table)),
      ])
    }
    await tx.execute(
      `INSERT INTO _roles (unit, role, tables) VALUES ($1, $2, $3)
       ON CONFLICT (unit) DO UPDATE SET role = excluded.role, tables = excluded.tables`,
      [unit, role, JSON.stringify(tables.map(({ table, key }) => ({ table, key })))],
    )
  }

  async remove(tx: ScriptSession, unit: string, tables: readonly CapturedTable[]): Promise<void> {
    if (!(await hasRoles(tx))) return
    await tx.execScript(`SET LOCAL lock_timeout = ${INSTALL_LOCK_MS}`)
    // With the triggers that call the function, whatever their tables are called by now.
    const script = tables.map(
      (table) =>
        `DROP FUNCTION IF EXISTS ${functionOf(table)}() CASCADE; DROP TABLE IF EXISTS ${queueOf(table)};`,
    )
    await tx.execScript(script.join('\n'))
    for (const { table } of tables) await this.clearWhole(tx, table)
    await tx.execute('DELETE FROM _roles WHERE unit = $1', [unit])
  }

  async role(session: ScriptSession, unit: string): Promise<Role> {
    const known = (await this.units(session)).find((each) => each.unit === unit)
    return known?.role ?? 'none'
  }

  async units(session: ScriptSession): Promise<{ unit: string; role: Role; tables: CapturedTable[] }[]> {
    if (!(await hasRoles(session))) return []
    const rows = await session.query<{ unit: string; role: Role; tables: string }>(
      'SELECT unit, role, tables FROM _roles ORDER BY unit',
    )
    return rows.map((row) => ({ ...row, tables: JSON.parse(row.tables) }))
  }

  async check(
    session: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    triggers: Triggers = 'logging',
  ): Promise<string[]> {
    if ((await this.role(session, unit)) === 'none') return []
    const wrong = await wrongTables(session, await currentSchema(session), unit, tables, triggers)
    return [...wrong].map(([table, what]) => `${table}: ${what.join(', ')}`)
  }

  async read(session: ScriptSession, shapes: readonly TableShape[], limit: number): Promise<QueueBatch> {
    const waiting = await waitingTables(session, shapes)
    const tables = new Map<string, { keys: readonly Key[]; upTo: unknown }>()
    let size = 0
    let oldestAtMs: number | null = null
    for (const shape of waiting.tables) {
      const columns = shape.key.map((_, i) => `k${i + 1}`).join(', ')
      const entries = await session.rawQuery(
        `SELECT seq, (extract(epoch FROM at) * 1000)::BIGINT, ${columns} FROM ${queueOf(shape)} ORDER BY seq LIMIT $1`,
        [limit],
      )
      const keys = new Map<string, Key>()
      const seen: string[] = []
      for (const [seq, atMs, ...values] of entries) {
        const key = values.map(String)
        keys.set(JSON.stringify(key), key)
        seen.push(String(seq))
        oldestAtMs = Math.min(oldestAtMs ?? Number(atMs), Number(atMs))
      }
      size += entries.length
      // A lower number may be committed later: what was seen is deleted, not all that is lower.
      tables.set(shape.table, { keys: [...keys.values()], upTo: seen })
    }
    return { tables, whole: waiting.whole, rejects: [], size, oldestAtMs }
  }

  async acknowledge(session: AppDbSession, batch: QueueBatch): Promise<void> {
    for (const [table, { upTo }] of batch.tables) {
      if (!Array.isArray(upTo) || upTo.length === 0) continue
      await session.execute(`DELETE FROM ${queueOf({ table })} WHERE seq = ANY ($1::BIGINT[])`, [
        `{${upTo.join(',')}}`,
      ])
    }
  }

  async depth(
    session: ScriptSession,
    tables: readonly CapturedTable[],
  ): Promise<{ changes: number; oldestAtMs: number | null }> {
    const parts = tables.map(
      (table) => `SELECT count(*) AS changes, min(at) AS oldest FROM ${queueOf(table)}`,
    )
    const names = tables.map(({ table }) => literal(table)).join(', ')
    parts.push(`SELECT count(*), min(at) FROM _dirty_whole WHERE table_name IN (${names})`)
    const row = await session.queryOne<{ changes: number; oldest: number | null }>(
      `SELECT sum(changes)::BIGINT AS changes, (extract(epoch FROM min(oldest)) * 1000)::BIGINT AS oldest
       FROM (${parts.join(' UNION ALL ')}) AS queues`,
    )
    return { changes: row?.changes ?? 0, oldestAtMs: row?.oldest ?? null }
  }

  async enqueue(tx: ScriptSession, shape: TableShape, keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return
    const places = shape.key.map((_, i) => `k${i + 1}`).join(', ')
    const arrays = keyTypes(shape).map((type, i) => `$${i + 1}::TEXT[]::${type}[]`)
    await tx.rawExecute(
      `INSERT INTO ${queueOf(shape)} (${places}) SELECT * FROM unnest(${arrays.join(', ')})`,
      shape.key.map((_, i) => textArray(keys.map((key) => key[i] ?? ''))),
    )
  }

  async markWhole(tx: ScriptSession, table: string): Promise<void> {
    await tx.execute('INSERT INTO _dirty_whole (table_name) VALUES ($1)', [table])
  }

  async coarsen(tx: ScriptSession, table: CapturedTable): Promise<void> {
    await tx.execute(
      `INSERT INTO _dirty_whole (table_name, at) SELECT $1, min(at) FROM ${queueOf(table)} HAVING count(*) > 0`,
      [table.table],
    )
    await tx.execute(`DELETE FROM ${queueOf(table)}`)
  }

  async clearWhole(tx: ScriptSession, table: string): Promise<void> {
    await tx.execute('DELETE FROM _dirty_whole WHERE table_name = $1', [table])
  }

  async beginApply(tx: ScriptSession, unit: string): Promise<void> {
    await tx.execute(pgApplying(unit).begin)
  }

  /** The setting ends with the transaction. */
  async endApply(): Promise<void> {}

  /** Waits for transactions that have written, and keeps others from writing until this one ends. */
  async #keepWritersOut(tx: ScriptSession, unit: string, patienceMs: number): Promise<void> {
    try {
      await tx.execScript(
        `SET LOCAL lock_timeout = ${patienceMs};
         SELECT pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(current_schema() || ${literal(`.${unit}`)}))`,
      )
    } catch (error) {
      // Not as `busy`: that would be tried again within a pause that has no time for it.
      if (isDbError(error, 'busy')) throw new WritersError(unit, error)
      throw error
    }
  }

  async #hasBacklog(session: ScriptSession, tables: readonly CapturedTable[]): Promise<boolean> {
    const waiting = await waitingTables(session, tables)
    return waiting.tables.length > 0 || waiting.whole.length > 0
  }
}

async function waitingTables<Table extends CapturedTable>(session: ScriptSession, tables: readonly Table[]) {
  const parts = tables.map(
    (table, i) => `SELECT ${i} AS place, NULL AS whole WHERE EXISTS (SELECT 1 FROM ${queueOf(table)})`,
  )
  const rows = await session.query<{ place: number | null; whole: string | null }>(
    [...parts, 'SELECT DISTINCT NULL::INTEGER, table_name FROM _dirty_whole'].join(' UNION ALL '),
  )
  const marked = new Set(rows.map((row) => row.whole))
  const places = new Set(rows.map((row) => row.place))
  return {
    tables: tables.filter((_, i) => places.has(i)),
    whole: tables.map(({ table }) => table).filter((table) => marked.has(table)),
  }
}

async function hasRoles(session: ScriptSession): Promise<boolean> {
  const row = await session.queryOne<{ found: boolean }>(
    `SELECT to_regclass(quote_ident(current_schema()) || '._roles') IS NOT NULL AS found`,
  )
  return row?.found ?? false
}

async function currentSchema(session: ScriptSession): Promise<string> {
  const row = await session.queryOne<{ name: string }>('SELECT current_schema() AS name')
  return row?.name ?? 'public'
}

/** TimescaleDB has no triggers with the deleted rows of a statement: there they fire for each row. */
async function hypertablesOf(session: ScriptSession, schema: string): Promise<ReadonlySet<string>> {
  const catalog = await session.queryOne<{ there: boolean }>(
    `SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL AS there`,
  )
  if (!catalog?.there) return new Set()
  const rows = await session.query<{ name: string }>(
    'SELECT hypertable_name AS name FROM timescaledb_information.hypertables WHERE hypertable_schema = $1',
    [schema],
  )
  return new Set(rows.map(({ name }) => name))
}

interface FoundTrigger {
  readonly table: string
  readonly name: string
  readonly enabled: string
  readonly type: number
  readonly old_rows: string | null
  readonly new_rows: string | null
  readonly body: string
}

const isMadeFor = (trigger: FoundTrigger, event: Event, seen: ReturnType<typeof seenBy>) =>
  trigger.type === (seen.each ? EVENTS[event] | EACH_ROW : EVENTS[event]) &&
  trigger.old_rows === (seen.old ? 'old_rows' : null) &&
  trigger.new_rows === (seen.new ? 'new_rows' : null)

/** What is missing or not as it must be, by table. */
async function wrongTables(
  session: ScriptSession,
  schema: string,
  unit: string,
  tables: readonly CapturedTable[],
  triggers: Triggers,
): Promise<Map<string, string[]>> {
  const rows = await session.query<FoundTrigger>(
    `SELECT c.relname AS table, t.tgname AS name, t.tgenabled AS enabled, t.tgtype AS type, t.tgoldtable AS old_rows,
       t.tgnewtable AS new_rows, p.prosrc AS body
     FROM pg_trigger AS t
     JOIN pg_class AS c ON c.oid = t.tgrelid
     JOIN pg_namespace AS n ON n.oid = c.relnamespace
     JOIN pg_proc AS p ON p.oid = t.tgfoid
     WHERE n.nspname = $1 AND NOT t.tgisinternal AND c.relname = ANY ($2::TEXT[])`,
    [schema, textArray(tables.map(({ table }) => table))],
  )
  const queues = await session.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename LIKE '\\_dirty\\_%'`,
    [schema],
  )
  const hypertables = await hypertablesOf(session, schema)
  const found = new Map(rows.map((row) => [`${row.table} ${row.name}`, row]))
  const wrong = new Map<string, string[]>()
  for (const table of tables) {
    const body = functionBody(schema, unit, table)
    const what = events.flatMap((event) => {
      const trigger = found.get(`${table.table} ${triggerOf(event)}`)
      if (!trigger) return [`trigger ${triggerOf(event)} is missing`]
      const isHypertable = hypertables.has(table.table)
      const kinds: readonly Triggers[] = triggers === 'logging' ? ['logging'] : ['guarding', 'logging']
      const asMade =
        trigger.body === body &&
        trigger.enabled === 'O' &&
        kinds.some((each) => isMadeFor(trigger, event, seenBy(event, each, isHypertable)))
      return asMade ? [] : [`trigger ${triggerOf(event)} is changed`]
    })
    const queue = `_dirty_${table.table}`
    if (!queues.some(({ name }) => name === queue)) what.push(`table ${queue} is missing`)
    if (what.length > 0) wrong.set(table.table, what)
  }
  return wrong
}

/** An array literal of texts. */
function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
