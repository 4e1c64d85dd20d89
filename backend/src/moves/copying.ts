import type { AppDb } from '../db/app-db.ts'
import { quoteName } from '../db/sql-text.ts'
import type { TableDigest, TableShape } from '../db/transfer/index.ts'
import { listTables, setTotal } from '../db/transfer/ledger.ts'
import { applyingSql } from './capture.ts'
import { partitionsFor } from './keep-partitions.ts'
import type { Throttle } from './throttle.ts'
import type { MoveDeps, Sides, Unit } from './unit.ts'

const RATE_WINDOW_MS = 10_000

export interface CopyProgress {
  readonly copiedRows: number
  readonly totalRows: number
  readonly rowsPerSecond: number
  readonly etaSeconds: number | null
}

interface CopyingDeps extends MoveDeps {
  readonly throttle: Throttle
  /** Called for each page that was written: whatever stood in the way is over. */
  readonly advanced: () => void
  readonly changed: () => void
}

/** Fills the mirror of one unit, table by table, parents first, from wherever it stopped before. */
export class Copying {
  readonly #unit: Unit
  readonly #deps: CopyingDeps
  readonly #tables = new Map<string, { rows: number; total: number }>()
  readonly #marks: { atMs: number; rows: number }[] = []
  #startedMs = 0
  #waiting: string | null = null
  throttleSeconds = 0

  constructor(unit: Unit, deps: CopyingDeps) {
    this.#unit = unit
    this.#deps = deps
  }

  /** Why it waits right now; null when it does not. */
  get throttled(): string | null {
    return this.#waiting
  }

  get rowsCopied(): number {
    return sum([...this.#tables.values()].map(({ rows }) => rows))
  }

  forget(): void {
    this.#tables.clear()
    this.#marks.length = 0
  }

  progress(): CopyProgress | null {
    if (this.#tables.size === 0) return null
    const tables = [...this.#tables.values()]
    const copiedRows = sum(tables.map(({ rows }) => rows))
    const totalRows = sum(tables.map(({ rows, total }) => Math.max(rows, total)))
    const [first] = this.#marks
    const last = this.#marks.at(-1)
    const elapsedMs = first && last ? last.atMs - first.atMs : 0
    const rowsPerSecond = first && last && elapsedMs > 0 ? ((last.rows - first.rows) / elapsedMs) * 1_000 : 0
    const etaSeconds = rowsPerSecond > 0 ? (totalRows - copiedRows) / rowsPerSecond : null
    return { copiedRows, totalRows, rowsPerSecond: Math.round(rowsPerSecond), etaSeconds }
  }

  /** For the log, once everything is copied. */
  summary(): Record<string, unknown> {
    return { rows: this.rowsCopied, seconds: Math.round((performance.now() - this.#startedMs) / 100) / 10 }
  }

  /**
   * @param catchUp applies what is queued for the tables that are copied already: a page may meet what they left behind.
   * @returns digests of what was read, for the tables that were copied in one go.
   */
  async run(
    sides: Sides,
    shapes: readonly TableShape[],
    signal: AbortSignal,
    catchUp: (copied: readonly TableShape[]) => Promise<void>,
  ): Promise<ReadonlyMap<string, TableDigest>> {
    const digests = new Map<string, TableDigest>()
    this.#startedMs = performance.now()
    await this.#measure(sides, shapes)
    const known = await listTables(sides.ledger, this.#unit.name, [])
    for (const [index, shape] of shapes.entries()) {
      if (known.find(({ table }) => table === shape.table)?.state === 'copied') continue
      if (signal.aborted) return digests
      await partitionsFor(sides, shape)
      const copied = shapes.slice(0, index)
      const { digest } = await this.#deps.transfer.copy({
        ...this.#deps.limits.copy,
        unit: this.#unit.name,
        shape,
        from: sides.source.name,
        signal,
        asApplier: applyingSql(sides.target.name, this.#unit.name),
        beforePage: () => this.pace(signal),
        // What a page collides with was left behind by changes of rows that are copied already.
        onConflict: () => catchUp([...copied, shape]),
        onProgress: ({ rows }) => this.#advance(shape.table, rows),
      })
      if (digest) digests.set(shape.table, digest)
      // Changes of a small table need not wait until the large ones are copied.
      await catchUp([...copied, shape])
    }
    return digests
  }

  /** Waits while the product needs the machine for itself. */
  async pace(signal: AbortSignal): Promise<void> {
    const { throttle } = this.#deps
    const reason = throttle.reason()
    if (reason !== null && this.#waiting !== reason) {
      this.#waiting = reason
      this.#deps.changed()
    }
    const seconds = await throttle.rest(signal)
    if (reason !== null) this.throttleSeconds += seconds
    this.#waiting = null
  }

  async #measure(sides: Sides, shapes: readonly TableShape[]): Promise<void> {
    const known = await listTables(sides.ledger, this.#unit.name, [])
    for (const shape of shapes) {
      const progress = known.find(({ table }) => table === shape.table)
      const total = progress?.totalRows ?? (await countRows(sides.source.store.db, shape))
      if (progress && progress.totalRows === null) {
        await setTotal(sides.ledger, this.#unit.name, shape.table, total)
      }
      this.#tables.set(shape.table, { rows: progress?.copiedRows ?? 0, total })
    }
  }

  #advance(table: string, rows: number): void {
    const known = this.#tables.get(table)
    if (known) known.rows = rows
    const atMs = performance.now()
    this.#marks.push({ atMs, rows: this.rowsCopied })
    while ((this.#marks[0]?.atMs ?? atMs) < atMs - RATE_WINDOW_MS) this.#marks.shift()
    this.#deps.advanced()
    this.#deps.changed()
  }
}

async function countRows(db: AppDb, shape: TableShape): Promise<number> {
  const row = await db.queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM ${quoteName(shape.table)}`)
  return row?.rows ?? 0
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
