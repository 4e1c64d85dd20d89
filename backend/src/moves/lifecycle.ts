import type { ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { forgetTables, listTables } from '../db/transfer/ledger.ts'
import type { Triggers } from './capture.ts'
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

/** Gives the mirror up: nothing is logged any more, and the target is emptied for another try. */
export async function removeMirror(unit: Unit, shapes: readonly TableShape[], sides: Sides): Promise<void> {
  await sides.source.store.transaction((tx) => sides.source.capture.remove(tx, unit.name, shapes))
  await clearSide(unit, shapes, sides.target)
  await forgetTables(sides.ledger, unit.name)
}

/** The source stays alone; the rows of the mirror stay where they are, and nobody can write them any more. */
export async function retireMirror(unit: Unit, shapes: readonly TableShape[], sides: Sides): Promise<void> {
  const { source, target } = sides
  await target.store.transaction((tx) => target.capture.setRole(tx, unit.name, shapes, 'retired'))
  await source.store.transaction((tx) => source.capture.remove(tx, unit.name, shapes))
}

/** Deletes all rows of the unit from a store that does not hold it, and takes guards and triggers away. */
export async function clearSide(unit: Unit, shapes: readonly TableShape[], side: Side): Promise<void> {
  for (const shape of shapes.toReversed()) {
    for (;;) {
      const deleted = await side.store.transaction(async (tx) => {
        await side.capture.beginApply(tx, unit.name)
        const count = await deleteSome(tx, shape)
        await side.capture.endApply(tx, unit.name)
        return count
      })
      if (deleted < ROWS_PER_DELETE) break
    }
  }
  await side.store.transaction((tx) => side.capture.remove(tx, unit.name, shapes))
}

async function deleteSome(tx: ScriptSession, shape: TableShape): Promise<number> {
  const table = quoteName(shape.table)
  if (tx.dialect === 'postgres') {
    const { rowCount } = await tx.execute(`DELETE FROM ${table}`)
    return Math.min(rowCount, ROWS_PER_DELETE - 1)
  }
  const key = shape.key.map(quoteName).join(', ')
  const { rowCount } = await tx.execute(
    `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} LIMIT ${ROWS_PER_DELETE})`,
  )
  return rowCount
}
