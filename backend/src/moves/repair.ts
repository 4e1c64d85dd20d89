import type { Key, TableShape } from '../db/transfer/index.ts'
import { type Applied, applyBatch } from './applier.ts'
import type { Sides, Unit } from './unit.ts'

/**
 * Makes the target's rows of `keys` what they are in the source, as if they had just been changed there. Called in
 * turn with the applier.
 */
export function repairKeys(
  sides: Sides,
  unit: Unit,
  shapes: readonly TableShape[],
  table: string,
  keys: readonly Key[],
): Promise<Applied> {
  return applyBatch({
    unit: unit.name,
    shapes,
    source: sides.source.store,
    target: sides.target.store,
    sourceCapture: sides.source.capture,
    targetCapture: sides.target.capture,
    batch: {
      tables: new Map([[table, { keys, upTo: undefined }]]),
      whole: [],
      rejects: [],
      size: keys.length,
      oldestAtMs: null,
    },
  })
}
