import {
  type CanonicalRow,
  compareDigests,
  type Difference,
  digestHex,
  type Key,
  keyOf,
  rowsByKeys,
  type TableDigest,
  type TableShape,
  type Transfer,
} from '../db/transfer/index.ts'
import { quarantinedKeys, recordVerify } from '../db/transfer/ledger.ts'
import type { Sides, Turns, Unit } from './unit.ts'

/** How often a key that keeps changing is looked at again before it is left to the next verify. */
const ATTEMPTS = 5
const KEYS_PER_LOOK = 500
const PENDING_KEYS = 50_000

export interface VerifyJob {
  readonly unit: Unit
  readonly sides: Sides
  readonly shapes: readonly TableShape[]
  readonly transfer: Transfer
  readonly turns: Turns
  readonly clock: () => Date
  readonly signal: AbortSignal
  /** What the copy has read, by table: it need not be read again. */
  readonly sourceDigests: ReadonlyMap<string, TableDigest>
  /** Applies what is queued by now. Called within a turn. */
  readonly catchUp: () => Promise<void>
  /** Makes the target's rows of these keys equal to the source's. Called within a turn. */
  readonly repair: (shape: TableShape, keys: readonly Key[]) => Promise<void>
  readonly beforePage: () => Promise<void>
  readonly onProgress: (rows: number) => void
}

export interface VerifyResult {
  readonly rows: number
  /** Rows that differed although nothing was queued for them. They were made equal. */
  readonly differences: readonly Difference[]
}

/**
 * Compares every row of the unit on both sides while both are in use. A row that was changed meanwhile is looked at
 * again after the queue was drained, so that only true differences are reported.
 */
export async function verifyUnit(job: VerifyJob): Promise<VerifyResult> {
  const differences: Difference[] = []
  let rows = 0
  for (const shape of job.shapes) {
    const { source, target } = await digests(job, shape)
    rows += source.rows
    const found = await differencesOf(job, shape, compareDigests(source, target))
    const repaired = await job.turns.run(() => heal(job, shape, found))
    differences.push(...repaired)
    await recordVerify(job.sides.ledger, {
      unit: job.unit.name,
      table: shape.table,
      rows: source.rows,
      differences: repaired.length,
      sourceDigest: digestHex(source),
      mirrorDigest: digestHex(target),
      at: job.clock().toISOString(),
    })
  }
  return { rows, differences }
}

async function digests(
  job: VerifyJob,
  shape: TableShape,
): Promise<{ source: TableDigest; target: TableDigest }> {
  const { transfer, sides, signal, beforePage } = job
  const known = job.sourceDigests.get(shape.table)
  const onProgress = ({ rows }: { rows: number }) => job.onProgress(rows)
  const [source, target] = await Promise.all([
    known ?? transfer.digest({ side: sides.source.name, shape, signal, beforePage, onProgress }),
    transfer.digest({ side: sides.target.name, shape, signal, beforePage }),
  ])
  return { source, target }
}

async function differencesOf(
  job: VerifyJob,
  shape: TableShape,
  buckets: readonly number[],
): Promise<Difference[]> {
  if (buckets.length === 0) return []
  const { transfer, sides, signal } = job
  const found = await transfer.differences({ shape, buckets, source: sides.source.name, signal })
  const quarantined = await quarantinedKeys(sides.ledger, shape.table)
  let open = found.filter(({ key }) => !quarantined.has(JSON.stringify(key)))
  for (let attempt = 0; attempt < ATTEMPTS && open.length > 0; attempt++) {
    signal.throwIfAborted()
    const looked = await job.turns.run(async () => {
      await job.catchUp()
      return look(job, shape, open)
    })
    if (looked.moving.length === 0) return looked.different
    // What is still being written is looked at once more; after the last time the next verify has to tell.
    open = attempt === ATTEMPTS - 1 ? looked.different : [...looked.different, ...looked.moving]
  }
  return open
}

/** Sorts keys into those that truly differ and those that have a change on its way. */
async function look(
  { sides }: VerifyJob,
  shape: TableShape,
  open: readonly Difference[],
): Promise<{ different: Difference[]; moving: Difference[] }> {
  const different: Difference[] = []
  const moving: Difference[] = []
  for (let start = 0; start < open.length; start += KEYS_PER_LOOK) {
    const part = open.slice(start, start + KEYS_PER_LOOK)
    const keys = part.map(({ key }) => key)
    const target = await sides.target.store.snapshot((session) => rowsByKeys(session, shape, keys))
    // One instant for rows and queue: what differs without being queued then is a difference.
    const { source, queue } = await sides.source.store.snapshot(async (session) => ({
      source: await rowsByKeys(session, shape, keys),
      queue: await sides.source.capture.read(session, [shape], PENDING_KEYS),
    }))
    const pending = new Set((queue.tables.get(shape.table)?.keys ?? []).map((key) => JSON.stringify(key)))
    const texts = (rows: readonly CanonicalRow[]) =>
      new Map(rows.map((row) => [JSON.stringify(keyOf(shape, row)), row]))
    const left = texts(source.rows)
    const right = texts(target.rows)
    for (const difference of part) {
      const name = JSON.stringify(difference.key)
      const a = left.get(name)
      const b = right.get(name)
      if (JSON.stringify(a) === JSON.stringify(b)) continue
      if (pending.has(name) || queue.whole.includes(shape.table)) moving.push(difference)
      else different.push(describe(shape, difference.key, a, b))
    }
  }
  return { different, moving }
}

function describe(
  shape: TableShape,
  key: Key,
  source: CanonicalRow | undefined,
  target: CanonicalRow | undefined,
): Difference {
  if (!target) return { table: shape.table, key, kind: 'missing', columns: [] }
  if (!source) return { table: shape.table, key, kind: 'extra', columns: [] }
  const columns = shape.columns.flatMap(({ name }, i) => (source[i] === target[i] ? [] : [name]))
  return { table: shape.table, key, kind: 'differs', columns }
}

async function heal(job: VerifyJob, shape: TableShape, found: readonly Difference[]): Promise<Difference[]> {
  for (let start = 0; start < found.length; start += KEYS_PER_LOOK) {
    const part = found.slice(start, start + KEYS_PER_LOOK)
    await job.repair(
      shape,
      part.map(({ key }) => key),
    )
  }
  return [...found]
}
