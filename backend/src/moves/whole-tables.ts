import { BUCKETS, type TableShape, type Transfer } from '../db/transfer/index.ts'
import type { Books } from './books.ts'
import { repairKeys } from './repair.ts'
import type { Sides, Unit } from './unit.ts'

const KEYS_PER_REPAIR = 500

export interface WholeTablesJob {
  readonly unit: Unit
  readonly books: Books
  readonly sides: Sides
  readonly shapes: readonly TableShape[]
  readonly transfer: Transfer
  readonly signal: AbortSignal
}

/**
 * Tables whose changes were not logged one by one (TRUNCATE, a trigger that was missing) are compared as a whole and
 * made equal. Called in turn with the applier.
 *
 * @param marked by the capture; they are taken over into the books, so that a crash does not lose them.
 * @returns how many tables were compared.
 */
export async function compareWholeTables(job: WholeTablesJob, marked: readonly string[]): Promise<number> {
  if (marked.length > 0) await takeOver(job, marked)
  const tables = job.books.move?.details.whole ?? []
  for (const table of tables) await compareTable(job, table)
  return tables.length
}

async function takeOver({ books, sides }: WholeTablesJob, tables: readonly string[]): Promise<void> {
  const { move } = books
  if (!move) return
  const whole = [...new Set([...(move.details.whole ?? []), ...tables])]
  await books.enter(
    sides,
    { state: move.state, details: { ...move.details, whole } },
    { action: 'untracked', actor: null, details: { tables: [...tables] } },
  )
  await sides.source.store.transaction(async (tx) => {
    for (const table of tables) await sides.source.capture.clearWhole(tx, table)
  })
}

async function compareTable(job: WholeTablesJob, table: string): Promise<void> {
  const { sides, books, unit, signal } = job
  const shape = job.shapes.find((each) => each.table === table)
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket)
  const found = shape
    ? await job.transfer.differences({ shape, buckets, source: sides.source.name, signal })
    : []
  for (let start = 0; shape && start < found.length; start += KEYS_PER_REPAIR) {
    const keys = found.slice(start, start + KEYS_PER_REPAIR).map(({ key }) => key)
    await repairKeys(sides, unit, job.shapes, table, keys)
  }
  const { move } = books
  if (!move) return
  const whole = (move.details.whole ?? []).filter((each) => each !== table)
  await books.enter(
    sides,
    { state: move.state, details: { ...move.details, whole } },
    { action: 'compared', actor: null, details: { table, corrected: found.length } },
  )
}
