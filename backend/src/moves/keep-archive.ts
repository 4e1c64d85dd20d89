import type { TableShape } from '../db/transfer/index.ts'
import type { Sides, Unit } from './unit.ts'

/** A migration that makes a table anew leaves its guard behind: nobody may write to the rows of a finished move. */
export async function keepArchive(
  unit: Unit,
  shapes: readonly TableShape[],
  { target }: Sides,
): Promise<void> {
  const { store, capture } = target
  const problems = await store.snapshot((session) => capture.check(session, unit.name, shapes))
  if (problems.length === 0) return
  await store.transaction((tx) => capture.install(tx, unit.name, shapes, 'retired'))
}
