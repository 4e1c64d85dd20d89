import { domains } from '../db/domains.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { forgetTables, listSavedIndexes, listTables } from '../db/transfer/ledger.ts'
import { putIndexesBack } from '../db/transfer/pg-indexes.ts'
import type { Capture, CapturedTable, Triggers } from './capture.ts'
import type { Side, Sides, Unit } from './unit.ts'

const ROWS_PER_DELETE = 5_000

/**
 * Sets a mirror up: the target is guarded and emptied of seeds first, then the source logs its changes. Each step
 * may be done twice: what a crash left half-way is done again.
 */
export async function beginMirror(unit: Unit, shapes: readonly TableShape[], sides: Sides): Promise<void> {
  const { source, target } = sides
  await target.store.transaction(async (tx) => {
    // Rows that migrations put there, and those that nobody would miss: the source's own take their place.
    await target.capture.install(tx, unit.name, shapes, 'mirror', 'guarding')
    await target.capture.beginApply(tx, unit.name)
    for (const shape of shapes.toReversed()) {
      if (shape.seeded || shape.transient) await tx.execute(`DELETE FROM ${quoteName(shape.table)}`)
    }
    await target.capture.endApply(tx, unit.name)
  })
  await source.store.transaction((tx) => source.capture.install(tx, unit.name, shapes, 'authority'))
  await listTables(
    sides.ledger,
    unit.name,
    shapes.map((shape) => shape.table),
  )
}

/** After the copy: the target could log from now on, as it must when it becomes the authority. */
export async function completeMirror(
  unit: Unit,
  shapes: readonly TableShape[],
  { target }: Sides,
): Promise<void> {
  await target.store.transaction((tx) => target.capture.install(tx, unit.name, shapes, 'mirror'))
}

/**
 * Puts triggers and queues back that are missing or not what they must be: a table that was rebuilt loses its
 * triggers. What was written meanwhile was not logged, so the tables are compared as a whole.
 *
 * @param triggers those of the target.
 * @returns what was wrong, each as a sentence.
 */
export async function keepCapture(
  unit: Unit,
  shapes: readonly TableShape[],
  { source, target }: Sides,
  triggers: Triggers,
): Promise<string[]> {
  const missed = await source.store.snapshot((session) => source.capture.check(session, unit.name, shapes))
  if (missed.length > 0) {
    await source.store.transaction(async (tx) => {
      await source.capture.install(tx, unit.name, shapes, 'authority')
      for (const { table } of shapes) await source.capture.markWhole(tx, table)
    })
  }
  const unguarded = await target.store.snapshot((session) =>
    target.capture.check(session, unit.name, shapes, triggers),
  )
  if (unguarded.length > 0) {
    await target.store.transaction((tx) => target.capture.install(tx, unit.name, shapes, 'mirror', triggers))
  }
  return [...missed, ...unguarded]
}

/**
 * Gives the mirror up: nothing is logged any more, and the target is emptied for another try. The way out of a move
 * whose tables are not what they must be: it takes those that are there.
 */
export async function removeMirror(unit: Unit, sides: Sides): Promise<void> {
  const { source, target, ledger } = sides
  await source.store.transaction(async (tx) => {
    await source.capture.remove(tx, unit.name, await tablesOf(tx, unit, source.capture))
  })
  await clearSide(unit, target)
  // A copy may have been under way.
  for (const saved of await listSavedIndexes(ledger)) {
    if (saved.unit === unit.name) await putIndexesBack(target.store, saved.texts)
  }
  await forgetTables(ledger, unit.name)
}

/** The source stays alone; the rows of the mirror stay where they are, and nobody can write them any more. */
export async function retireMirror(unit: Unit, shapes: readonly TableShape[], sides: Sides): Promise<void> {
  const { source, target } = sides
  await target.store.transaction((tx) => target.capture.setRole(tx, unit.name, shapes, 'retired'))
  await source.store.transaction((tx) => source.capture.remove(tx, unit.name, shapes))
}

/** Deletes all rows of the unit from a store that does not hold it, and takes guards and triggers away. */
export async function clearSide(unit: Unit, { store, capture }: Side): Promise<void> {
  const tables = await store.snapshot((session) => tablesOf(session, unit, capture))
  for (const { table } of tables.toReversed()) {
    for (;;) {
      const deleted = await store.transaction(async (tx) => {
        await capture.beginApply(tx, unit.name)
        const count = await deleteSome(tx, table)
        await capture.endApply(tx, unit.name)
        return count
      })
      if (deleted < ROWS_PER_DELETE) break
    }
  }
  await store.transaction((tx) => capture.remove(tx, unit.name, tables))
}

/** Every table that the unit has or had when it got its role, parents first. */
export async function tablesOf(
  session: ScriptSession,
  unit: Unit,
  capture: Capture,
): Promise<readonly CapturedTable[]> {
  const known = (await capture.units(session)).find((each) => each.unit === unit.name)?.tables ?? []
  const others = unit.domains
    .flatMap((domain) => Object.entries(domains[domain].tables))
    .filter(([table]) => !known.some((each) => each.table === table))
  return [...known, ...others.map(([table, { key }]) => ({ table, key }))]
}

/** At most so many rows in SQLite, which has one writer; all of them in PostgreSQL. @returns how many. */
async function deleteSome(tx: ScriptSession, name: string): Promise<number> {
  const table = quoteName(name)
  if (!(await isThere(tx, name))) return 0
  if (tx.dialect === 'postgres') {
    const { rowCount } = await tx.execute(`DELETE FROM ${table}`)
    return Math.min(rowCount, ROWS_PER_DELETE - 1)
  }
  // As the file has it: who changes tables by hand may have given its columns other names.
  const columns = await tx.query<{ name: string }>(
    'SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk LIMIT 100',
    [name],
  )
  const key = columns.length > 0 ? columns.map((column) => quoteName(column.name)).join(', ') : 'rowid'
  const { rowCount } = await tx.execute(
    `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} LIMIT ${ROWS_PER_DELETE})`,
  )
  return rowCount
}

async function isThere(session: ScriptSession, table: string): Promise<boolean> {
  const row = await session.queryOne(
    {
      sqlite: `SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = $1`,
      postgres: 'SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1',
    },
    [table],
  )
  return row !== undefined
}
