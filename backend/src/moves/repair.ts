import { deleteKeys, type Key, keyOf, rowsByKeys, type TableShape, upsertRows } from '../db/transfer/index.ts'
import type { Sides, Unit } from './unit.ts'

/** Makes the target's rows of `keys` what they are in the source. Called in turn with the applier. */
export async function repairKeys(
  sides: Sides,
  unit: Unit,
  shape: TableShape,
  keys: readonly Key[],
): Promise<void> {
  const { source, target } = sides
  const { rows } = await source.store.snapshot((session) => rowsByKeys(session, shape, keys))
  const present = new Set(rows.map((row) => JSON.stringify(keyOf(shape, row))))
  const gone = keys.filter((key) => !present.has(JSON.stringify(key)))
  await target.store.transaction(async (tx) => {
    await target.capture.beginApply(tx, unit.name)
    await deleteKeys(tx, shape, gone)
    await upsertRows(tx, shape, rows)
    await target.capture.endApply(tx, unit.name)
  })
}
