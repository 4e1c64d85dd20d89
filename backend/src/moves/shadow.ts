import { AsyncResource } from 'node:async_hooks'
import { Tally, type TallyFigures } from '../core/tally.ts'
import { isDbError } from '../db/db-errors.ts'
import type { ObservedRead } from '../db/observed-read.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { isPaused, type Move } from './move-state.ts'
import { type AnswerDifference, differenceOf, isComparable, isOrdered, shapeOf } from './shadow-compare.ts'
import type { Sides, Unit } from './unit.ts'

/** Reads of one unit that run on its mirror at the same time. What comes meanwhile is left out. */
const AT_ONCE = 2
/** Larger answers are left out: to compare them would keep the event loop busy. */
const MAX_ROWS = 1_000
/** How often an answer that differs is asked for again before it is left undecided, because writes do not end. */
const ATTEMPTS = 5
const STATEMENTS_KEPT = 20
const KNOWN_TEXTS = 2_000
const BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500]

/** A statement to which the mirror gives another answer, or none. */
export interface ShadowMismatch extends AnswerDifference {
  /** Without values: those are parameters. */
  readonly statement: string
  readonly kind: 'differs' | 'fails'
  /** How often, since the start. */
  readonly count: number
  /** The last time. */
  readonly at: string
}

/** Since the start, or since the share was set. */
export interface ShadowFigures {
  /** Reads that ran on the mirror too and were compared. */
  readonly compared: number
  readonly mismatches: number
  /** Answers that differed while the rows kept changing: nobody can tell. */
  readonly undecided: number
  /** Chosen, and left out: too many at once, the product was busy, the mirror was away, an answer too large. */
  readonly left: number
  readonly latency: Readonly<Record<'source' | 'mirror', TallyFigures>>
}

export interface ShadowDeps {
  readonly control: StorageControl
  readonly clock: () => Date
  readonly sides: () => Sides | undefined
  /** True while the product needs the machine for itself. */
  readonly isBusy: () => boolean
  /** Runs `work` when all that is queued was applied and nothing is being applied; undefined when there is no mirror now. */
  readonly settled: <T>(
    work: (sides: Sides, shapes: readonly TableShape[]) => Promise<T>,
  ) => Promise<T | undefined>
  /** Writes a mismatch down. May fail: it is counted all the same. */
  readonly record: (mismatch: ShadowMismatch) => Promise<void>
}

/**
 * Runs a share of the reads of a mirrored unit on the mirror as well, after they were answered, and compares. A
 * caller never waits for it and never sees its errors. An answer that differs is asked for again from both stores
 * at an instant at which nothing is queued: a mirror that is merely behind raises no alarm.
 */
export class Shadow {
  readonly #unit: Unit
  readonly #deps: ShadowDeps
  /** The context of no caller: some are within a transaction of another domain. */
  readonly #outside = new AsyncResource('shadow')
  readonly #comparable = new Map<ObservedRead['sql'], boolean>()
  readonly #mismatches = new Map<string, ShadowMismatch>()
  readonly #running = new Set<Promise<void>>()
  readonly #latency = { source: new Tally(BOUNDS_MS), mirror: new Tally(BOUNDS_MS) }
  #share = 0
  #compared = 0
  #undecided = 0
  #left = 0
  #mismatched = 0

  constructor(unit: Unit, deps: ShadowDeps) {
    this.#unit = unit
    this.#deps = deps
  }

  /** Looks at as many reads as the move says, as long as there is a complete mirror. */
  follow(move: Move | undefined): void {
    const isMirrored = move?.state === 'mirroring' && !isPaused(move)
    const share = isMirrored ? (move.details.shadow?.share ?? 0) : 0
    if (share === this.#share) return
    this.#share = share
    const listener = share > 0 ? (read: ObservedRead) => this.#heard(read) : undefined
    this.#deps.control.observeReads(this.#unit.domains, listener)
  }

  /** What was found is of no interest any more: the share was set anew, or the mirror is another one. */
  forget(): void {
    this.#mismatches.clear()
  }

  async stop(): Promise<void> {
    this.follow(undefined)
    await Promise.all(this.#running)
  }

  /** Newest first. */
  mismatches(): ShadowMismatch[] {
    return [...this.#mismatches.values()].toSorted((a, b) => (a.at < b.at ? 1 : -1))
  }

  /** The time, in milliseconds, below which 95 of 100 of the compared reads were answered. */
  p95Ms(): Readonly<Record<'source' | 'mirror', number | null>> {
    return { source: this.#latency.source.bound(0.95), mirror: this.#latency.mirror.bound(0.95) }
  }

  figures(): ShadowFigures {
    return {
      compared: this.#compared,
      mismatches: this.#mismatched,
      undecided: this.#undecided,
      left: this.#left,
      latency: { source: this.#latency.source.figures(), mirror: this.#latency.mirror.figures() },
    }
  }

  #heard(read: ObservedRead): void {
    if (Math.random() * 100 >= this.#share || !this.#isComparable(read)) return
    if (this.#running.size >= AT_ONCE || read.rows.length > MAX_ROWS || this.#deps.isBusy()) {
      this.#left++
      return
    }
    const done = this.#outside
      .runInAsyncScope(() => this.#compare(read))
      .catch(() => {
        this.#left++ // the mirror is away, or its pool is full: nothing was compared
      })
      .finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  #isComparable({ sql }: ObservedRead): boolean {
    let known = this.#comparable.get(sql)
    if (known === undefined) {
      known = isComparable(sql)
      if (this.#comparable.size === KNOWN_TEXTS) this.#comparable.clear()
      this.#comparable.set(sql, known)
    }
    return known
  }

  async #compare(read: ObservedRead): Promise<void> {
    await nextTurn() // the caller gets its answer first
    const sides = this.#deps.sides()
    if (sides?.source.name !== read.from) throw new Error('The stores have changed places')
    const startedMs = performance.now()
    const mirror = await answerOf(sides, read).catch(refusalOf)
    const tookMs = performance.now() - startedMs
    if (mirror !== 'refused') {
      this.#latency.source.add(read.tookMs)
      this.#latency.mirror.add(tookMs)
      if (!differenceOf(read.rows, mirror)) {
        this.#compared++
        return
      }
    }
    await this.#recheck(read)
  }

  /** The truth about an answer that differed: both stores at an instant at which they must hold the same. */
  async #recheck(read: ObservedRead): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#deps.settled((sides, shapes) => settledDifference(sides, shapes, read))
      if (found === undefined || found === 'moving') continue
      this.#compared++
      if (found !== 'equal') await this.#mismatch(read, found)
      return
    }
    this.#undecided++
  }

  async #mismatch(read: ObservedRead, found: Found): Promise<void> {
    this.#mismatched++
    const statement = shapeOf(read.sql)
    const known = this.#mismatches.get(statement)
    const at = this.#deps.clock().toISOString()
    const mismatch = { ...found, statement, count: (known?.count ?? 0) + 1, at }
    this.#mismatches.delete(statement)
    this.#mismatches.set(statement, mismatch)
    const [oldest] = this.#mismatches.keys()
    if (this.#mismatches.size > STATEMENTS_KEPT && oldest !== undefined) this.#mismatches.delete(oldest)
    await this.#deps.record(mismatch)
  }
}

type Found = AnswerDifference & Pick<ShadowMismatch, 'kind'>

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

function answerOf({ target }: Sides, { sql, params, codecs, first }: ObservedRead): Promise<unknown[]> {
  const { db } = target.store
  if (!first) return db.query(sql, params, { codecs })
  return db.queryOne(sql, params, { codecs }).then((row) => (row === undefined ? [] : [row]))
}

/** An engine that cannot answer is a finding; one that is away or busy is none. */
function refusalOf(error: unknown): 'refused' {
  if (isDbError(error, 'other') || isDbError(error, 'invalid-value')) return 'refused'
  throw error
}

/** With nothing queued in the very snapshot that the source answers from, the mirror must answer the same. */
async function settledDifference(
  sides: Sides,
  shapes: readonly TableShape[],
  read: ObservedRead,
): Promise<Found | 'equal' | 'moving'> {
  if (sides.source.name !== read.from) throw new Error('The stores have changed places')
  // Without an order, which row comes first is for the engine to say.
  const first = read.first && isOrdered(read.sql)
  const mirror = await answerOf(sides, { ...read, first }).catch(refusalOf)
  const { store, capture } = sides.source
  const { source, queue } = await store.snapshot(async (session) => ({
    source: await session.query(read.sql, read.params, { codecs: read.codecs }),
    queue: await capture.read(session, shapes, 1),
  }))
  if (queue.size > 0 || queue.whole.length > 0) return 'moving'
  const rows = first ? source.slice(0, 1) : source
  if (mirror === 'refused') return { kind: 'fails', sourceRows: rows.length, mirrorRows: 0, columns: [] }
  const difference = differenceOf(rows, mirror)
  return difference ? { kind: 'differs', ...difference } : 'equal'
}
