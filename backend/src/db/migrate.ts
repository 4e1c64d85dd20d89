import { setTimeout as sleep } from 'node:timers/promises'
import type { Dialect } from './app-db.ts'
import { isDbError } from './db-errors.ts'
import { MigrationError, noRights, noSchema } from './migration-error.ts'
import { type MigrationFile, readMigrations } from './migration-files.ts'
import { type AppliedMigration, createHistory, pendingOf, readHistory, record } from './migration-history.ts'
import type { ScriptSession, SqlStore } from './sql-store.ts'
import { assertCatalog, detectTimescale, installTimescale, type TimescaleState } from './timescale.ts'

export interface MigrateOptions {
  /** Reports what would be applied and changes nothing. */
  readonly dryRun?: boolean
  /** How long to wait for another process that migrates the same database. */
  readonly lockTimeoutMs?: number
  /** Folder that holds the three migration folders; the product's own unless given. */
  readonly root?: URL
}

export interface MigrationReport {
  /** Names of the files that this call applied, in order. */
  readonly applied: readonly string[]
  /** Names of the files that are still to apply: empty unless it was a dry run. */
  readonly pending: readonly string[]
  /** Files that the database has now. */
  readonly total: number
  /** PostgreSQL only. `active`: the metrics are hypertables. */
  readonly timescale: (TimescaleState & { readonly active: boolean }) | undefined
}

/** Any number, the same in every version: the class of the advisory lock. The object is the schema. */
const LOCK_CLASS = 1_212_370_246

/**
 * Brings a database to the schema of this version: each missing file in a transaction of its own, together
 * with its record and with what TimescaleDB adds to it. Processes that start at once take turns.
 *
 * @throws MigrationError when the history does not fit the files, a file fails, or the lock is not to be had;
 *   DbError when the database goes away.
 */
export async function migrate(store: SqlStore, options: MigrateOptions = {}): Promise<MigrationReport> {
  const dialect = store.db.dialect
  const plan = readPlan(dialect, options.root)
  const before = await readHistory(store.db)
  if (dialect === 'postgres' && before.length === 0 && !options.dryRun) await installTimescale(store)
  const timescale = dialect === 'postgres' ? await detectTimescale(store.db) : undefined
  const withExtras = timescale?.usable ?? false
  if (!withExtras) assertNoExtras(before, timescale)

  const pending = nextSteps(plan, before, withExtras).flat()
  const names = pending.map((file) => file.name)
  const done = pending.length === 0
  if (options.dryRun) {
    return { applied: [], pending: names, total: before.length, timescale: asReport(timescale, done) }
  }
  const applied = done ? [] : await applyAll(store, plan, withExtras, options.lockTimeoutMs ?? 120_000)
  const active = withExtras && plan.extras.length > 0 && (await assertCatalog(store.db))
  return {
    applied,
    pending: [],
    total: before.length + names.length,
    timescale: asReport(timescale, active),
  }
}

function asReport(state: TimescaleState | undefined, active: boolean): MigrationReport['timescale'] {
  return state && { ...state, active: active && state.usable }
}

interface Plan {
  readonly twins: readonly MigrationFile[]
  readonly extras: readonly MigrationFile[]
}

function readPlan(dialect: Dialect, root: URL | undefined): Plan {
  if (dialect === 'sqlite') return { twins: readMigrations('sqlite', root), extras: [] }
  return { twins: readMigrations('pg', root), extras: readMigrations('timescale', root) }
}

const isExtra = (applied: AppliedMigration) => applied.name.startsWith('timescale/')
const twinsIn = (history: readonly AppliedMigration[]) => history.filter((each) => !isExtra(each))
const extrasIn = (history: readonly AppliedMigration[]) => history.filter(isExtra)

/** The files to apply, grouped by transaction: a twin with its extra, or an extra whose twin is there already. */
function nextSteps(plan: Plan, history: readonly AppliedMigration[], withExtras: boolean): MigrationFile[][] {
  const twins = pendingOf(twinsIn(history), plan.twins)
  const extras = pendingOf(extrasIn(history), plan.extras)
  if (!withExtras) return twins.map((twin) => [twin])
  const alone = extras.filter((extra) => !twins.some((twin) => twin.number === extra.number))
  const together = twins.map((twin) => [twin, ...extras.filter((extra) => extra.number === twin.number)])
  return [...alone.map((extra) => [extra]), ...together]
}

function assertNoExtras(
  history: readonly AppliedMigration[],
  timescale: { reason: string | undefined } | undefined,
) {
  const extra = extrasIn(history)[0]
  if (!extra) return
  throw new MigrationError(
    'timescale',
    extra.name,
    `This database was set up with TimescaleDB, which cannot be used now: ${timescale?.reason ?? 'unknown reason'}.`,
  )
}

async function applyAll(
  store: SqlStore,
  plan: Plan,
  withExtras: boolean,
  lockTimeoutMs: number,
): Promise<string[]> {
  const deadline = performance.now() + lockTimeoutMs
  const applied: string[] = []
  for (;;) {
    const names = await locked(store, deadline, (tx) => applyNext(tx, plan, withExtras))
    if (names.length === 0) return applied
    applied.push(...names)
  }
}

/** Applies one step. What other processes did meanwhile is read again under the lock. */
async function applyNext(tx: ScriptSession, plan: Plan, withExtras: boolean): Promise<string[]> {
  await createHistory(tx)
  const history = await readHistory(tx)
  const step = nextSteps(plan, history, withExtras)[0] ?? []
  if (step.length > 0) await passGuards(tx, true)
  for (const file of step) {
    await run(tx, file)
    const own = file.name.startsWith('timescale/') ? extrasIn(history) : twinsIn(history)
    await record(tx, own, file)
  }
  if (step.length > 0) await passGuards(tx, false)
  return step.map((file) => file.name)
}

/** Stores refuse writers of rows that the other store holds; a migration changes the rows of both alike. */
async function passGuards(tx: ScriptSession, passing: boolean): Promise<void> {
  if (tx.dialect === 'postgres') {
    await tx.execute(`SET LOCAL holdfast.migrating = '${passing ? 'on' : 'off'}'`)
    return
  }
  const roles = await tx.queryOne(`SELECT 1 AS found FROM sqlite_schema WHERE name = '_roles'`)
  if (roles) {
    await tx.execute(`UPDATE _roles SET applying = ${passing ? 1 : 0} WHERE role <> 'authority'`)
  }
}

async function run(tx: ScriptSession, file: MigrationFile): Promise<void> {
  try {
    await tx.execScript(file.sql)
  } catch (cause) {
    if (isDbError(cause, 'unavailable') || (isDbError(cause) && cause.retryable)) throw cause
    if (isDbError(cause) && cause.engineCode === '42501') throw noRights(cause, file.name)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MigrationError('failed', file.name, `${file.name} failed and left nothing behind: ${reason}`, {
      cause,
    })
  }
}

/** A transaction that holds the migration lock; waits for it until `deadline`. */
async function locked<T>(
  store: SqlStore,
  deadline: number,
  work: (tx: ScriptSession) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await store.transaction(async (tx) => {
        if (tx.dialect === 'postgres') await takeAdvisoryLock(tx, deadline)
        return work(tx)
      })
    } catch (error) {
      if (isDbError(error) && error.engineCode === '42501') throw noRights(error)
      // SQLite: the lock is the transaction's own, and another process has it.
      if (!isDbError(error, 'busy')) throw error
      if (performance.now() > deadline) throw lockTimeout(error)
    }
  }
}

async function takeAdvisoryLock(tx: ScriptSession, deadline: number): Promise<void> {
  // The limits of the pool are made for requests; a migration may take as long as it needs.
  await tx.execScript('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0')
  for (;;) {
    const row = await tx.queryOne<{ schema: string | null; locked: boolean }>(
      `SELECT current_schema() AS schema,
        pg_try_advisory_xact_lock($1::integer, hashtext(current_schema())) AS locked`,
      [LOCK_CLASS],
    )
    if (!row || row.schema === null) throw noSchema()
    if (row.locked) return
    if (performance.now() > deadline) throw lockTimeout()
    await sleep(50)
  }
}

function lockTimeout(cause?: unknown): MigrationError {
  const text =
    'Another process is migrating this database and has not finished in time. ' +
    'Wait for it, or end it if it hangs, and start again.'
  return new MigrationError('lock-timeout', undefined, text, { cause })
}
