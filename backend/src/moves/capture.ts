import type { AppDbSession } from '../db/app-db.ts'
import type { Placement } from '../db/placement-store.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import type { Key, Reject, TableShape } from '../db/transfer/index.ts'
import { PgCapture } from './capture-postgres.ts'
import { pgApplying } from './capture-postgres-sql.ts'
import { SqliteCapture, sqliteApplying } from './capture-sqlite.ts'

/**
 * What a store does with the rows of a unit. `authority`: it holds the truth, every write is logged for the mirror.
 * `mirror`: only the applier may write. `retired`: nobody may. `none`: as if there were no moves.
 */
export type Role = 'none' | 'authority' | 'mirror' | 'retired'

/**
 * What the triggers of PostgreSQL are made for: `logging` ones take over at a flip as they are, `guarding` ones keep
 * writers out of a mirror and no more. They collect no rows, which costs a large copy a tenth of its time. Where the store
 * became the authority under them, every write would fail: none goes unlogged. SQLite's triggers are of one kind.
 */
export type Triggers = 'logging' | 'guarding'

/** What roles and queues must know of a table. */
export type CapturedTable = Pick<TableShape, 'table' | 'key'>

export interface QueueBatch {
  /** Changed keys by table, each once; a table without changes is missing. */
  readonly tables: ReadonlyMap<string, { readonly keys: readonly Key[]; readonly upTo: unknown }>
  /** Tables whose changes were not logged one by one: TRUNCATE, or a trigger that was missing for a while. */
  readonly whole: readonly string[]
  /** Changed rows whose very key has no form in the other store. */
  readonly rejects: readonly Reject[]
  /** Changes in this batch, repeated ones counted. */
  readonly size: number
  /** When the oldest of them was written; epoch milliseconds. */
  readonly oldestAtMs: number | null
}

/**
 * Roles and change queues within one store. Keys of changed rows are logged by triggers, in the transaction of the
 * change; whoever applies them reads the rows as they are then. In PostgreSQL the applier's transactions are known by
 * a setting of theirs, in SQLite by a flag that only their transaction can see.
 */
export interface Capture {
  /**
   * Makes queues and triggers where they are missing or differ, and gives the unit its role. In PostgreSQL a new
   * trigger waits for transactions that write to its table; writers wait behind it for two seconds at most. Logging
   * triggers, the default, are guards too, and stay.
   *
   * @throws DbError `busy` when they did not end, BacklogError, WritersError.
   */
  install(
    tx: ScriptSession,
    unit: string,
    tables: readonly TableShape[],
    role: Role,
    triggers?: Triggers,
  ): Promise<void>
  /**
   * Changes the role and nothing else that takes time. A store that was the authority must have an empty queue,
   * unless `discard` says that it is void.
   *
   * @throws BacklogError, or WritersError when a transaction outside of the product writes for over 250 ms.
   */
  setRole(
    tx: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    role: Exclude<Role, 'none'>,
    options?: { readonly discard?: boolean },
  ): Promise<void>
  /** Takes triggers, queues and role away. */
  remove(tx: ScriptSession, unit: string, tables: readonly CapturedTable[]): Promise<void>
  role(session: ScriptSession, unit: string): Promise<Role>
  /** Units that have a role here, with the tables that were installed. */
  units(session: ScriptSession): Promise<{ unit: string; role: Role; tables: CapturedTable[] }[]>
  /** Triggers and queues that are missing or not what they must be, each as a sentence. */
  check(
    session: ScriptSession,
    unit: string,
    tables: readonly CapturedTable[],
    triggers?: Triggers,
  ): Promise<string[]>
  /** The oldest changes, at most `limit` of each table. `session` should see one instant: all that it reads belongs together. */
  read(session: ScriptSession, tables: readonly TableShape[], limit: number): Promise<QueueBatch>
  /** Forgets the changes of a batch that has been applied, table by table; marks of whole tables stay. */
  acknowledge(session: AppDbSession, batch: QueueBatch): Promise<void>
  /** A table that is marked as a whole counts as one change. In SQLite `changes` is an estimate that is 0 only when there are none. */
  depth(
    session: ScriptSession,
    tables: readonly CapturedTable[],
  ): Promise<{ changes: number; oldestAtMs: number | null }>
  /** Logs keys as if their rows had been written: for rows that shall be tried again. */
  enqueue(tx: ScriptSession, table: TableShape, keys: readonly Key[]): Promise<void>
  markWhole(tx: ScriptSession, table: string): Promise<void>
  /** Marks the table as a whole instead of the changes that are logged one by one. */
  coarsen(tx: ScriptSession, table: CapturedTable): Promise<void>
  clearWhole(tx: ScriptSession, table: string): Promise<void>
  /**
   * From here on the transaction is the applier's: guards let it pass and nothing is logged.
   *
   * @throws DbError when this store is the unit's authority, where an applier has no business.
   */
  beginApply(tx: ScriptSession, unit: string): Promise<void>
  /** To be called before the commit, with nothing written after it. */
  endApply(tx: ScriptSession, unit: string): Promise<void>
}

export function createCapture(store: Placement): Capture {
  return store === 'sqlite' ? new SqliteCapture() : new PgCapture()
}

/** {@link Capture.beginApply} and {@link Capture.endApply} as text, for connections that are not the store's. */
export function applyingSql(
  store: Placement,
  unit: string,
): { readonly begin: string; readonly end: string } {
  return store === 'sqlite' ? sqliteApplying(unit) : pgApplying(unit)
}
