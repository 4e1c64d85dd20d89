import type { AppDbSession } from '../db/app-db.ts'
import type { RawValue, ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import {
  type Codec,
  codecs,
  decodeKey,
  encodeRow,
  InvalidText,
  isReject,
  keyColumns,
  type SourceValue,
} from '../db/transfer/codecs.ts'
import type { Key, Reject, TableShape } from '../db/transfer/index.ts'
import { Rejection } from '../db/transfer/rejection.ts'
import type { Capture, CapturedTable, QueueBatch, Role } from './capture.ts'
import { BacklogError } from './capture-errors.ts'

/** How writes of the applier are told from others: text for connections that are not the store's. */
export function sqliteApplying(unit: string): { begin: string; end: string } {
  const set = (applying: 0 | 1) => `UPDATE _roles SET applying = ${applying} WHERE unit = ${literal(unit)}`
  return { begin: set(1), end: set(0) }
}

const CREATE_SHARED = `
  CREATE TABLE IF NOT EXISTS _roles (
    unit TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('authority', 'mirror', 'retired')),
    tables TEXT NOT NULL,
    applying INTEGER NOT NULL DEFAULT 0
  );
  CREATE TRIGGER IF NOT EXISTS _roles_no_applier BEFORE UPDATE OF applying ON _roles
    WHEN NEW.applying = 1 AND OLD.role = 'authority'
    BEGIN SELECT RAISE(ABORT, 'This store holds the truth now: nothing is applied to it'); END;
  CREATE TABLE IF NOT EXISTS _dirty_whole (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, at_ms INTEGER NOT NULL
  );
`
/** Triggers also run in an operator's older sqlite3, which has no `unixepoch('subsec')`. */
const NOW_MS = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
const ACTIONS = ['insert', 'update', 'delete'] as const

/**
 * Triggers stand for the role: those that log on the authority, those that refuse on a mirror or a retired store.
 * They are changed in the transaction that changes the role, so that logging costs no look at it.
 */
export class SqliteCapture implements Capture {
  readonly #applying = new WeakSet<ScriptSession>()

  async install(tx: ScriptSession, unit: string, tables: readonly TableShape[], role: Role): Promise<void> {
    await tx.execScript(CREATE_SHARED)
    if (role === 'none') return this.remove(tx, unit, tables)
    if ((await this.role(tx, unit)) === role && (await this.check(tx, unit, tables)).length === 0) return
    await this.setRole(tx, unit, tables, role)
  }

  async setRole(
    tx: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    role: Exclude<Role, 'none'>,
    options: { readonly discard?: boolean } = {},
  ): Promise<void> {
    // One script and one look: this is part of the write pause, and every call crosses to the store's thread and back.
    const name = literal(unit)
    const names = tables.map(({ table }) => literal(table)).join(', ')
    const before = `(SELECT role FROM _roles WHERE unit = ${name})`
    const isVoid = options.discard
      ? `NOT (${before} IS 'authority' AND ${literal(role)} = 'authority')`
      : `${before} IS NOT 'authority'`
    const queued = tables.map((table) => `EXISTS (SELECT 1 FROM ${queueOf(table)})`)
    const marked = `EXISTS (SELECT 1 FROM _dirty_whole WHERE table_name IN (${names}))`
    const described = literal(JSON.stringify(tables.map(({ table, key }) => ({ table, key }))))
    const script = [
      ...tables.flatMap((table) => [createQueue(table), ...dropTriggers(table)]),
      ...tables.flatMap((table) => triggersOf(unit, table, role).map(({ sql }) => sql)),
      ...tables.map((table) => `DELETE FROM ${queueOf(table)} WHERE ${isVoid}`),
      `DELETE FROM _dirty_whole WHERE table_name IN (${names}) AND ${isVoid}`,
      `INSERT INTO _roles (unit, role, tables)
       SELECT ${name}, ${literal(role)}, ${described}
       WHERE ${literal(role)} = 'authority' OR NOT (${[...queued, marked].join(' OR ')})
       ON CONFLICT (unit) DO UPDATE SET role = excluded.role, tables = excluded.tables, applying = 0`,
    ]
    await tx.execScript(`${script.join(';\n')};`)
    const now = await tx.queryOne<{ role: Role }>('SELECT role FROM _roles WHERE unit = $1', [unit])
    if (now?.role !== role) throw new BacklogError(unit)
  }

  async remove(tx: ScriptSession, unit: string, tables: readonly CapturedTable[]): Promise<void> {
    if (!(await hasRoles(tx))) return
    const script = tables.flatMap((table) => [
      ...dropTriggers(table),
      `DROP TABLE IF EXISTS ${queueOf(table)}`,
    ])
    await tx.execScript(`${script.join(';\n')};`)
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

  async check(session: ScriptSession, unit: string, tables: readonly CapturedTable[]): Promise<string[]> {
    const role = await this.role(session, unit)
    const rows = await session.query<{ name: string; sql: string }>(
      `SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')`,
    )
    const known = new Map(rows.map((row) => [row.name, row.sql]))
    return tables.flatMap((table) => {
      const wrong = triggersOf(unit, table, role).flatMap(({ name, sql }) =>
        known.get(name) === sql
          ? []
          : [`${table.table}: trigger ${name} is ${known.has(name) ? 'changed' : 'missing'}`],
      )
      const queue = `_dirty_${table.table}`
      return role === 'none' || known.has(queue)
        ? wrong
        : [...wrong, `${table.table}: table ${queue} is missing`]
    })
  }

  async read(session: ScriptSession, shapes: readonly TableShape[], limit: number): Promise<QueueBatch> {
    const waiting = await this.#waiting(session, shapes)
    const tables = new Map<string, { keys: readonly Key[]; upTo: unknown }>()
    const rejects: Reject[] = []
    let size = 0
    let oldestAtMs: number | null = null
    for (const shape of waiting.tables) {
      const columns = shape.key.map((_, i) => `k${i + 1}`).join(', ')
      const entries = await session.rawQuery(
        `SELECT seq, at_ms, ${columns} FROM ${queueOf(shape)} ORDER BY seq LIMIT $1`,
        [BigInt(limit)],
      )
      const first = Number(entries[0]?.[1] ?? Number.POSITIVE_INFINITY)
      oldestAtMs = Math.min(oldestAtMs ?? first, first)
      size += entries.length
      const { keys, odd } = keysOf(shape, entries)
      for (const seq of odd) {
        const found = await lookAgain(session, shape, seq)
        if (found.key) keys.set(JSON.stringify(found.key), found.key)
        rejects.push(...found.rejects)
      }
      tables.set(shape.table, { keys: [...keys.values()], upTo: entries.at(-1)?.[0] })
    }
    return { tables, whole: waiting.whole, rejects, size, oldestAtMs }
  }

  async acknowledge(session: AppDbSession, batch: QueueBatch): Promise<void> {
    for (const [table, { upTo }] of batch.tables) {
      if (typeof upTo !== 'bigint') continue
      // One writer at a time and numbers that are never used again: what is lower has been seen.
      await session.execute(`DELETE FROM ${queueOf({ table })} WHERE seq <= $1`, [upTo])
    }
  }

  async depth(
    session: ScriptSession,
    tables: readonly CapturedTable[],
  ): Promise<{ changes: number; oldestAtMs: number | null }> {
    const parts = tables.map((table) => {
      const queue = queueOf(table)
      return `SELECT (SELECT max(seq) FROM ${queue}) - (SELECT min(seq) FROM ${queue}) + 1 AS changes,
        (SELECT at_ms FROM ${queue} ORDER BY seq LIMIT 1) AS oldest`
    })
    const names = tables.map(({ table }) => literal(table)).join(', ')
    parts.push(`SELECT count(*), min(at_ms) FROM _dirty_whole WHERE table_name IN (${names})`)
    const row = await session.queryOne<{ changes: number | null; oldest: number | null }>(
      `SELECT sum(changes) AS changes, min(oldest) AS oldest FROM (${parts.join(' UNION ALL ')})`,
    )
    return { changes: row?.changes ?? 0, oldestAtMs: row?.oldest ?? null }
  }

  async enqueue(tx: ScriptSession, shape: TableShape, keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return
    const places = shape.key.map((_, i) => `k${i + 1}`).join(', ')
    const values = shape.key.map(() => '?').join(', ')
    await tx.rawMany(
      `INSERT INTO ${queueOf(shape)} (at_ms, ${places}) VALUES (${NOW_MS}, ${values})`,
      keys.map((key) => decodeKey(shape, key)),
    )
  }

  async markWhole(tx: ScriptSession, table: string): Promise<void> {
    await tx.execute(`INSERT INTO _dirty_whole (table_name, at_ms) VALUES ($1, ${NOW_MS})`, [table])
  }

  async coarsen(tx: ScriptSession, table: CapturedTable): Promise<void> {
    await tx.execute(
      `INSERT INTO _dirty_whole (table_name, at_ms) SELECT $1, at_ms FROM ${queueOf(table)} ORDER BY seq LIMIT 1`,
      [table.table],
    )
    await tx.execute(`DELETE FROM ${queueOf(table)}`)
  }

  async clearWhole(tx: ScriptSession, table: string): Promise<void> {
    await tx.execute('DELETE FROM _dirty_whole WHERE table_name = $1', [table])
  }

  async beginApply(tx: ScriptSession, unit: string): Promise<void> {
    if (!(await hasRoles(tx))) return
    await tx.execute(sqliteApplying(unit).begin)
    this.#applying.add(tx)
  }

  async endApply(tx: ScriptSession, unit: string): Promise<void> {
    if (this.#applying.delete(tx)) await tx.execute(sqliteApplying(unit).end)
  }

  async #waiting(session: ScriptSession, shapes: readonly TableShape[]) {
    const parts = shapes.map(
      (shape, i) => `SELECT ${i} AS place, NULL AS whole WHERE EXISTS (SELECT 1 FROM ${queueOf(shape)})`,
    )
    const rows = await session.query<{ place: number | null; whole: string | null }>(
      [...parts, 'SELECT DISTINCT NULL, table_name FROM _dirty_whole'].join(' UNION ALL '),
    )
    const marked = new Set(rows.map((row) => row.whole))
    const places = new Set(rows.map((row) => row.place))
    return {
      tables: shapes.filter((_, i) => places.has(i)),
      whole: shapes.map(({ table }) => table).filter((table) => marked.has(table)),
    }
  }
}

async function hasRoles(session: ScriptSession): Promise<boolean> {
  const row = await session.queryOne(`SELECT 1 AS found FROM sqlite_master WHERE name = '_roles'`)
  return row !== undefined
}

/** Distinct keys of queue entries by their JSON; `odd` are the numbers of those to look at again. */
function keysOf(shape: TableShape, entries: readonly (readonly RawValue[])[]) {
  const keyCodecs = codecsOfKey(shape)
  const keys = new Map<string, Key>()
  const odd: RawValue[] = []
  for (const [seq, , ...values] of entries) {
    // Bytes that are no UTF-8 come as U+FFFD, which may also be what was written.
    const isPlain = !values.some((value) => typeof value === 'string' && value.includes('\ufffd'))
    const key = isPlain ? canonicalKey(keyCodecs, values) : undefined
    if (key) keys.set(JSON.stringify(key), key)
    else odd.push(seq ?? null)
  }
  return { keys, odd }
}

function codecsOfKey(shape: TableShape): Codec[] {
  const all = codecs(shape)
  return keyColumns(shape).flatMap((position) => all[position] ?? [])
}

/** Undefined for a key that the other store cannot hold. */
function canonicalKey(keyCodecs: readonly Codec[], values: readonly SourceValue[]): Key | undefined {
  try {
    const key = keyCodecs.map((codec, i) => codec.encode(values[i] ?? null))
    return key.every((text) => text !== null) ? key : undefined
  } catch (error) {
    if (error instanceof Rejection) return undefined
    throw error
  }
}

/** The key of one entry, or its row for quarantine. A row that is gone was never in the mirror. */
async function lookAgain(
  session: ScriptSession,
  shape: TableShape,
  seq: RawValue,
): Promise<{ key?: Key; rejects: Reject[] }> {
  const places = shape.key.map((_, i) => `k${i + 1}`)
  const [entry = []] = await session.rawQuery(
    `SELECT ${withBytes(places)} FROM ${queueOf(shape)} WHERE seq = $1`,
    [seq],
  )
  const key = canonicalKey(codecsOfKey(shape), exactly(entry))
  if (key) return { key, rejects: [] }
  const on = shape.key.map((name, i) => `t.${quoteName(name)} IS q.k${i + 1}`).join(' AND ')
  const rows = await session.rawQuery(
    `SELECT ${withBytes(shape.columns.map(({ name }) => `t.${quoteName(name)}`))}
     FROM ${queueOf(shape)} AS q JOIN ${quoteName(shape.table)} AS t ON ${on} WHERE q.seq = $1`,
    [seq],
  )
  return { rejects: rows.map((row) => encodeRow(shape, exactly(row))).filter(isReject) }
}

const withBytes = (columns: readonly string[]) =>
  [...columns, ...columns.map((column) => `CAST(${column} AS BLOB)`)].join(', ')

/** Values that were read {@link withBytes}, with text that is no UTF-8 as its bytes. */
function exactly(values: readonly RawValue[]): SourceValue[] {
  const width = values.length / 2
  return values.slice(0, width).map((value, i) => {
    const bytes = values[width + i]
    const isText = typeof value === 'string' && bytes instanceof Uint8Array
    return isText && !Buffer.from(value).equals(bytes) ? new InvalidText(bytes) : value
  })
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
const queueOf = ({ table }: Pick<CapturedTable, 'table'>) => quoteName(`_dirty_${table}`)

/** The key columns have no type, so that they keep the value as it is. */
function createQueue(table: CapturedTable): string {
  const keys = table.key.map((_, i) => `k${i + 1}`).join(', ')
  return `CREATE TABLE IF NOT EXISTS ${queueOf(table)} (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, ${keys})`
}

function dropTriggers({ table }: CapturedTable): string[] {
  return ACTIONS.flatMap((action) =>
    ['capture', 'guard'].map((kind) => `DROP TRIGGER IF EXISTS ${quoteName(`_${kind}_${table}_${action}`)}`),
  )
}

function triggersOf(unit: string, table: CapturedTable, role: Role): { name: string; sql: string }[] {
  if (role === 'none') return []
  return ACTIONS.map((action) => {
    const name = `_${role === 'authority' ? 'capture' : 'guard'}_${table.table}_${action}`
    const timing = role === 'authority' ? 'AFTER' : 'BEFORE'
    const head = `CREATE TRIGGER ${quoteName(name)} ${timing} ${action.toUpperCase()} ON ${quoteName(table.table)}`
    const body = role === 'authority' ? logging(table, action) : refusal(unit)
    return { name, sql: `${head} ${body}` }
  })
}

function logging(table: CapturedTable, action: (typeof ACTIONS)[number]): string {
  const places = table.key.map((_, i) => `k${i + 1}`).join(', ')
  const values = (row: 'OLD' | 'NEW') => table.key.map((name) => `${row}.${quoteName(name)}`)
  const log = (row: 'OLD' | 'NEW', where = '') =>
    `INSERT INTO ${queueOf(table)} (at_ms, ${places}) SELECT ${NOW_MS}, ${values(row).join(', ')}${where};`
  if (action !== 'update') return `BEGIN ${log(action === 'insert' ? 'NEW' : 'OLD')} END`
  const changed = table.key.map(
    (name) => `OLD.${quoteName(name)} IS NOT NEW.${quoteName(name)} COLLATE BINARY`,
  )
  return `BEGIN ${log('NEW')} ${log('OLD', ` WHERE ${changed.join(' OR ')}`)} END`
}

function refusal(unit: string): string {
  const text = `The rows of ${unit} are kept in the other store now: this writer is out of date`
  return (
    `WHEN (SELECT applying FROM _roles WHERE unit = ${literal(unit)}) IS NOT 1 ` +
    `BEGIN SELECT RAISE(ABORT, ${literal(text)}); END`
  )
}
