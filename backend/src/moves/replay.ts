import { isDbError } from '../db/db-errors.ts'
import { type Key, rowsByKeys, type TableShape } from '../db/transfer/index.ts'
import { quarantinedKeys, removeFromQuarantine } from '../db/transfer/ledger.ts'
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
    const keys = [...(await quarantinedKeys(sides.ledger, shape.table))].map(keyOf)
    for (const key of keys) {
      if (await replayRow(unit, sides, shape, key))
        replayed += await removeFromQuarantine(sides.ledger, shape.table, [key])
      else left++
    }
  }
  return { replayed, left }
}

async function replayRow(unit: Unit, sides: Sides, shape: TableShape, key: Key): Promise<boolean> {
  const { rejects } = await sides.source.store.snapshot((session) => rowsByKeys(session, shape, [key]))
  if (rejects.length > 0) return false
  try {
    await repairKeys(sides, unit, shape, [key])
    return true
  } catch (error) {
    // Whatever the store has against the row stands in the ledger since it was put there.
    if (isDbError(error) && error.kind !== 'unavailable') return false
    throw error
  }
}

function keyOf(text: string): Key {
  const key: unknown = JSON.parse(text)
  if (Array.isArray(key) && key.every((part) => typeof part === 'string')) return key
  throw new TypeError(`Not a key: ${text}`)
}
