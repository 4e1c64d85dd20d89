import { type CanonicalRow, type Key, keyOf, rowsByKeys, type TableShape } from '../db/transfer/index.ts'
import { type Applied, applyBatch } from './applier.ts'
import type { Capture, QueueBatch } from './capture.ts'
import { partitionsForKeys } from './keep-partitions.ts'
import type { Side, Sides, Unit } from './unit.ts'

/** Keys that were applied last, for the comparison inside the pause of a flip. */
const SETTLED_KEYS = 50

export interface Lag {
  readonly changes: number
  /** Age of the oldest change that is not applied, at the time of asking. */
  readonly seconds: number
}

/** Keeps the target of one unit equal, a batch at a time. Every call is made in turn with copies and flips. */
export class Applier {
  readonly #unit: Unit
  readonly #batch: number
  readonly #clock: () => Date
  readonly #settled = new Map<string, { shape: TableShape; keys: Map<string, Key> }>()
  readonly #partitions = new Set<string>()
  #lag: Lag = { changes: 0, seconds: 0 }
  #laggedAtMs: number
  rowsApplied = 0
  /** Rows that the last batches put into quarantine, since the start. */
  quarantined = 0
  readonly writes = { sqlite: 0, postgres: 0 }
  readonly writeFailures = { sqlite: 0, postgres: 0 }
  /** Rows a second, of the last batches that were worth timing. */
  #rate = 5_000

  constructor(unit: Unit, options: { readonly batch: number; readonly clock: () => Date }) {
    this.#unit = unit
    this.#batch = options.batch
    this.#clock = options.clock
    this.#laggedAtMs = options.clock().getTime()
  }

  get lag(): Lag {
    return this.#lag
  }

  get rate(): number {
    return this.#rate
  }

  /** Since when the lag has been below `goalMs`, in milliseconds. */
  calmForMs(): number {
    return this.#clock().getTime() - this.#laggedAtMs
  }

  /** Starts the calm anew: a copy has ended, or the direction has changed. */
  disturb(): void {
    this.#laggedAtMs = this.#clock().getTime()
  }

  /**
   * Applies one batch of `shapes`. Tables that have lost track (TRUNCATE, a missing trigger) are left to the caller.
   *
   * @returns what was queued, and the tables that have to be compared as a whole.
   */
  async apply(
    sides: Sides,
    shapes: readonly TableShape[],
    lagGoalMs: number,
  ): Promise<{ size: number; whole: readonly string[] }> {
    const batch = await sides.source.store.snapshot((session) =>
      sides.source.capture.read(session, shapes, this.#batch),
    )
    await this.#measure(sides, shapes, batch, lagGoalMs)
    if (batch.size === 0) return { size: 0, whole: batch.whole }
    await partitionsForKeys(sides, shapes, batch, this.#partitions)
    const started = performance.now()
    const applied = await this.#counted(
      sides,
      applyBatch({
        unit: this.#unit.name,
        shapes,
        source: sides.source.store,
        target: sides.target.store,
        sourceCapture: sides.source.capture,
        targetCapture: sides.target.capture,
        batch,
      }),
    )
    this.#count(applied, batch.size, performance.now() - started)
    this.#remember(shapes, batch)
    return { size: batch.size, whole: batch.whole }
  }

  /** Labels of the rows that differ among those that were applied last. */
  async compareSettled(sides: Sides): Promise<string[]> {
    const settled = [...this.#settled.values()].map(({ shape, keys }) => ({
      shape,
      keys: [...keys.values()],
    }))
    if (settled.length === 0) return []
    const read = ({ store }: Side) =>
      store.snapshot(async (session) => {
        const tables: (readonly CanonicalRow[])[] = []
        for (const { shape, keys } of settled) tables.push((await rowsByKeys(session, shape, keys)).rows)
        return tables
      })
    const [source, target] = await Promise.all([read(sides.source), read(sides.target)])
    return settled.flatMap(({ shape }, i) => differing(shape, source[i] ?? [], target[i] ?? []))
  }

  async #counted(sides: Sides, applying: Promise<Applied>): Promise<Applied> {
    try {
      const applied = await applying
      this.writes[sides.target.name] += applied.upserted + applied.deleted
      this.quarantined += applied.rejected
      return applied
    } catch (error) {
      this.writeFailures[sides.target.name]++
      throw error
    }
  }

  #count(applied: Applied, size: number, tookMs: number): void {
    this.rowsApplied += applied.upserted + applied.deleted
    if (size >= 50) this.#rate = this.#rate * 0.7 + (size / Math.max(tookMs, 1)) * 1_000 * 0.3
  }

  async #measure(
    sides: Sides,
    shapes: readonly TableShape[],
    batch: QueueBatch,
    lagGoalMs: number,
  ): Promise<void> {
    // A full batch may not be all there is.
    const queued =
      batch.size < this.#batch
        ? { changes: batch.size, oldestAtMs: batch.oldestAtMs }
        : await sides.source.store.snapshot((session) => sides.source.capture.depth(session, shapes))
    this.isBehind(queued, lagGoalMs)
  }

  /** Notes what waits in the queue: of whoever looked at it. */
  isBehind(queued: Awaited<ReturnType<Capture['depth']>>, lagGoalMs: number): void {
    const nowMs = this.#clock().getTime()
    const ageMs = queued.oldestAtMs === null ? 0 : Math.max(0, nowMs - queued.oldestAtMs)
    this.#lag = { changes: queued.changes, seconds: ageMs / 1000 }
    if (ageMs >= lagGoalMs) this.#laggedAtMs = nowMs
  }

  #remember(shapes: readonly TableShape[], batch: QueueBatch): void {
    for (const shape of shapes) {
      const keys = batch.tables.get(shape.table)?.keys ?? []
      if (keys.length === 0) continue
      const known = this.#settled.get(shape.table)?.keys ?? new Map<string, Key>()
      for (const key of keys.slice(-SETTLED_KEYS)) {
        const name = JSON.stringify(key)
        known.delete(name)
        known.set(name, key)
      }
      for (const name of [...known.keys()].slice(0, Math.max(0, known.size - SETTLED_KEYS)))
        known.delete(name)
      this.#settled.set(shape.table, { shape, keys: known })
    }
  }

  /** What was applied in the other direction says nothing. */
  forget(): void {
    this.#settled.clear()
    this.#partitions.clear()
  }
}

function differing(
  shape: TableShape,
  source: readonly CanonicalRow[],
  target: readonly CanonicalRow[],
): string[] {
  const byKey = (rows: readonly CanonicalRow[]) =>
    new Map(rows.map((row) => [JSON.stringify(keyOf(shape, row)), JSON.stringify(row)]))
  const left = byKey(source)
  const right = byKey(target)
  const keys = new Set([...left.keys(), ...right.keys()])
  return [...keys].filter((key) => left.get(key) !== right.get(key)).map((key) => `${shape.table} ${key}`)
}
