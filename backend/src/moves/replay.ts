import type { Key, TableShape } from '../db/transfer/index.ts'
import { quarantinedKeys } from '../db/transfer/ledger.ts'
import { repairKeys } from './repair.ts'
import type { Sides, Unit } from './unit.ts'

/**
 * Tries every quarantined row of the unit again, parents first, as it is in the source now: what fits, and what is
 * gone from the source, leaves quarantine.
 */
export async function replayQuarantine(
  unit: Unit,
  sides: Sides,
  shapes: readonly TableShape[],
): Promise<{ replayed: number; left: number }> {
  let replayed = 0
  let left = 0
  for (const shape of shapes) {
    const before = await quarantinedKeys(sides.ledger, shape.table)
    // One by one: a row that is refused again must not keep others back.
    for (const text of before) await repairKeys(sides, unit, shapes, shape.table, [keyOf(text)])
    const after = await quarantinedKeys(sides.ledger, shape.table)
    replayed += before.size - after.size
    left += after.size
  }
  return { replayed, left }
}

function keyOf(text: string): Key {
  const key: unknown = JSON.parse(text)
  if (Array.isArray(key) && key.every((part) => typeof part === 'string')) return key
  throw new TypeError(`Not a key: ${text}`)
}
