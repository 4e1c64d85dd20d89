import type { ScriptSession, SqlStore } from '../db/sql-store.ts'
import { deleteKeys, type TableShape, upsertRows } from '../db/transfer/index.ts'
import { applyCarefully } from './applier-careful.ts'
import { keysWhere, readReferences } from './applier-relations.ts'
import {
  type BookedJob,
  type Found,
  isAboutRows,
  keepBooks,
  keyText,
  type Outcome,
  quarantinedTables,
  readRows,
  touchesBooks,
  type Wanted,
} from './applier-rows.ts'
import type { Capture, QueueBatch } from './capture.ts'

export interface ApplyJob {
  readonly unit: string
  /** Parents before children. */
  readonly shapes: readonly TableShape[]
  readonly source: SqlStore
  readonly target: SqlStore
  readonly sourceCapture: Capture
  readonly targetCapture: Capture
  readonly batch: QueueBatch
}

export interface Applied {
  /** Rows that were written to the mirror. */
  readonly upserted: number
  /** Rows that were deleted there. */
  readonly deleted: number
  /** Rows that went to quarantine. */
  readonly rejected: number
}

/**
 * Makes the mirror's rows of a batch what they are in the source now, and forgets the batch. The rows are of one
 * instant of the source and are written in one transaction of the target, so the mirror goes from one state that its
 * constraints allow to another. A crash before the batch is forgotten repeats it, which changes nothing.
 *
 * Rows that the target cannot hold are in quarantine afterwards and not in the mirror; what goes through leaves
 * quarantine. Whole tables of the batch are not looked at.
 */
export async function applyBatch(original: ApplyJob): Promise<Applied> {
  const { source, target, sourceCapture, batch, shapes } = original
  const wanted: Wanted = new Map(
    [...batch.tables].map(([table, { keys }]) => [table, new Map(keys.map((key) => [keyText(key), key]))]),
  )
  const [found, held] = await Promise.all([readRows(source, shapes, wanted), quarantinedTables(original)])
  const job: BookedJob = { ...original, held }
  const applied = hasRejects(found)
    ? await applyCarefully(job, wanted)
    : ((await applyPlainly(job, found)) ?? (await applyCarefully(job, wanted)))
  // The books are in PostgreSQL, whichever end of the move that is.
  if (target.db.dialect === 'sqlite' && touchesBooks(job, applied.found))
    await source.transaction((tx) => keepBooks(tx, job, applied.found))
  await sourceCapture.acknowledge(source.db, batch)
  return {
    upserted: applied.upserted,
    deleted: applied.deleted,
    rejected: batch.rejects.length + sum(applied.found.map(({ rejects }) => rejects.size)),
  }
}

/** The usual case. Undefined when a constraint of the target is in the way; nothing was changed then. */
async function applyPlainly(job: BookedJob, found: readonly Found[]): Promise<Outcome | undefined> {
  const { unit, target, targetCapture } = job
  try {
    return await target.transaction(async (tx) => {
      await targetCapture.beginApply(tx, unit)
      if (tx.dialect === 'sqlite') await tx.execute('PRAGMA defer_foreign_keys = ON')
      if (await takesOthersAlong(tx, job, found)) throw new Entangled()
      let deleted = 0
      for (const { shape, gone } of found.toReversed())
        deleted += await deleteKeys(tx, shape, [...gone.values()])
      for (const { shape, rows } of found) await upsertRows(tx, shape, [...rows.values()])
      await targetCapture.endApply(tx, unit)
      if (tx.dialect === 'postgres') await keepBooks(tx, job, found)
      return { upserted: sum(found.map(({ rows }) => rows.size)), deleted, found }
    })
  } catch (error) {
    if (error instanceof Entangled || isAboutRows(error)) return undefined
    throw error
  }
}

/** What goes has children in the target that stay. Undoes the attempt. */
class Entangled extends Error {}

/** True when a row that is gone has children in the target that are not: deleting it would take them along, and theirs. */
async function takesOthersAlong(
  tx: ScriptSession,
  { shapes }: ApplyJob,
  found: readonly Found[],
): Promise<boolean> {
  const goneFrom = (shape: TableShape) => found.find((each) => each.shape.table === shape.table)?.gone
  if (found.every(({ gone }) => gone.size === 0)) return false
  for (const { child, parent, columns } of await readReferences(tx, shapes)) {
    const children = await keysWhere(tx, child, columns, [...(goneFrom(parent)?.values() ?? [])])
    if (children.some(({ key }) => !goneFrom(child)?.has(keyText(key)))) return true
  }
  return false
}

const hasRejects = (found: readonly Found[]) => found.some(({ rejects }) => rejects.size > 0)
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
