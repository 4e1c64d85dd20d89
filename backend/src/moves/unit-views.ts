import type { StorageStatus } from '../db/app-db-router.ts'
import { domains } from '../db/domains.ts'
import type { Placement } from '../db/placement-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { TableProgress } from '../db/transfer/ledger.ts'
import { createTableSizesStore, type TableSize } from '../storage/index.ts'
import { type GateFacts, reasonsAgainst } from './gates.ts'
import type { KnownMove } from './last-known.ts'
import { isPaused } from './move-state.ts'
import { moveActionSchema, type StorageUnit } from './moves.schema.ts'
import { otherPlacement, phaseOf, type Sides, tieOf, type Unit } from './unit.ts'
import type { UnitMover } from './unit-mover.ts'

const SIZES_KEPT_MS = 30_000
/** SQLite finds sizes and numbers of rows by reading the file: beyond this they are left out. */
const SQLITE_READ_UP_TO_BYTES = 256 * 1024 * 1024

/** What people see of a unit. */
export function createUnitViews(deps: { status: () => StorageStatus; control: StorageControl }) {
  const kept = new Map<Placement, { atMs: number; sizes: Promise<ReadonlyMap<string, TableSize>> }>()

  /** Sizes and numbers of rows of one store, at most half a minute old and not older than `sinceMs`. */
  function sizesOf(placement: Placement, sinceMs: number): Promise<ReadonlyMap<string, TableSize>> {
    const known = kept.get(placement)
    const nowMs = Date.now()
    if (known && nowMs - known.atMs < SIZES_KEPT_MS && known.atMs >= sinceMs) return known.sizes
    const sizes = readSizes(placement)
    kept.set(placement, { atMs: nowMs, sizes })
    return sizes
  }

  async function readSizes(placement: Placement): Promise<ReadonlyMap<string, TableSize>> {
    const db = deps.control.store(placement)?.db
    const status = deps.status().stores.find((store) => store.name === placement)
    if (!db) return new Map()
    if (placement === 'sqlite' && (status?.sizeBytes ?? 0) > SQLITE_READ_UP_TO_BYTES) return new Map()
    try {
      const sizes = await createTableSizesStore(db).list()
      const counted = sizes.map(async (size): Promise<TableSize> => {
        // PostgreSQL estimates large tables well; small ones, and those of SQLite, are counted.
        if (size.rows !== undefined && size.rows > 10_000) return size
        if (size.name.startsWith('_')) return size
        const row = await db.queryOne<{ rows: number }>(
          `SELECT count(*) AS rows FROM ${quoteName(size.name)}`,
        )
        return { ...size, rows: row?.rows ?? 0 }
      })
      return new Map((await Promise.all(counted)).map((size) => [size.name, size]))
    } catch {
      return new Map() // sizes are extra: while the store is away, or without rights, the page does without
    }
  }

  async function view(mover: UnitMover, sides: Sides | undefined, facts: GateFacts): Promise<StorageUnit> {
    const { unit, applier, copying, books } = mover
    const { move, away } = facts
    const decision = deps.control.decision(unit.domains[0] ?? 'settings')
    const placement = decision?.placement ?? null
    const mirrored = move !== undefined && move.state !== 'finished'
    const mirror = mirrored && placement ? otherPlacement(placement) : null
    const progress = move && sides ? await books.tables(sides) : []
    const quarantine = move && sides ? await books.quarantine(sides) : { open: 0, acknowledged: 0 }
    const verify = move?.details.verify
    return {
      unit: unit.name,
      domains: unit.domains.map((domain) => ({ domain, title: domains[domain].title })),
      tie: tieOf(unit),
      phase: phaseOf(unit),
      placement,
      epoch: decision?.epoch ?? 0,
      mirror,
      source: mirrored ? move.source : null,
      state: facts.flipping ? 'fenced' : stateOf(move),
      paused: isPaused(move),
      archived: move?.state === 'finished',
      tables: await tablesOf(unit, placement, mirror ?? archiveOf(move, placement), progress),
      progress: sides && move?.state === 'copying' ? copying.progress() : null,
      lag: (sides || facts.isAlone) && move?.state === 'mirroring' ? { ...applier.lag } : null,
      throttle: copying.throttled,
      verify:
        verify || facts.verifying
          ? {
              running: facts.verifying,
              at: verify?.at ?? null,
              rows: verify?.rows ?? mover.verifies.running?.rows ?? 0,
              differences: verify?.differences ?? 0,
              clean: verify?.differences === 0,
            }
          : null,
      shadow: books.lastKnown?.state === 'mirroring' ? shadowOf(mover, books.lastKnown) : null,
      quarantine,
      lastFlip: lastFlipOf(move),
      // That a store is away explains whatever went wrong last.
      error: move ? ((mirrored ? away : undefined) ?? facts.error) : null,
      actions: moveActionSchema.options.map((action) => {
        const reasons = reasonsAgainst(action, facts)
        return { action, possible: reasons.length === 0, reasons }
      }),
    }
  }

  async function tablesOf(
    unit: Unit,
    placement: Placement | null,
    other: Placement | null,
    progress: readonly TableProgress[],
  ): Promise<StorageUnit['tables']> {
    // "0 rows" beside "7 rows equal" would look wrong: what was copied and compared since is counted anew.
    const sinceMs = Math.max(
      0,
      ...progress.map(({ verifiedAt }) => (verifiedAt ? Date.parse(verifiedAt) : 0)),
    )
    const here = placement ? await sizesOf(placement, sinceMs) : new Map<string, TableSize>()
    const there = other ? await sizesOf(other, sinceMs) : new Map<string, TableSize>()
    return unit.domains
      .flatMap((domain) => Object.keys(domains[domain].tables))
      .map((table) => {
        const known = progress.find((each) => each.table === table)
        return {
          table,
          rows: here.get(table)?.rows ?? known?.verifiedRows ?? known?.totalRows ?? null,
          mirrorRows: other
            ? (there.get(table)?.rows ?? known?.verifiedRows ?? known?.copiedRows ?? null)
            : null,
          bytes: here.get(table)?.sizeBytes ?? null,
          mirrorBytes: there.get(table)?.sizeBytes ?? null,
          digest: known?.sourceDigest ?? null,
          state: known?.state ?? 'settled',
          copiedRows: known?.copiedRows ?? 0,
        }
      })
  }

  return { view }
}

function shadowOf({ shadow }: UnitMover, { details }: KnownMove): StorageUnit['shadow'] {
  const share = details.shadow?.share ?? 0
  const { compared, mismatches, undecided, left } = shadow.figures()
  const statements = shadow.mismatches().map((each) => ({ ...each, columns: [...each.columns] }))
  return { share, compared, mismatches, undecided, left, p95Ms: shadow.p95Ms(), statements }
}

function lastFlipOf(move: KnownMove | undefined): StorageUnit['lastFlip'] {
  const flip = move?.details.lastFlip
  return flip ? { ...flip, confirmed: flip.confirmed ?? true } : null
}

function archiveOf(move: KnownMove | undefined, placement: Placement | null): Placement | null {
  return move?.state === 'finished' && placement ? otherPlacement(placement) : null
}

function stateOf(move: KnownMove | undefined): StorageUnit['state'] {
  switch (move?.state) {
    case 'starting':
    case 'copying':
      return 'copying'
    case 'mirroring':
    case 'aborting':
    case 'finishing':
      return 'mirroring'
    default:
      return 'settled'
  }
}
