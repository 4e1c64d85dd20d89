import { DbError } from './db-errors.ts'
import { hasOwnData } from './domain-data.ts'
import { type Domain, domainNames, domains, placementVariable, unitOf, units } from './domains.ts'
import { type Decision, decidePlacement, type Side } from './placement-decision.ts'
import {
  isSameRow,
  joinInstallation,
  type Placement,
  type PlacementRow,
  readInstallation,
  readPlacements,
  writePlacements,
} from './placement-store.ts'
import type { SqlStore } from './sql-store.ts'

/** A store as the placements see it: see {@link Side}. */
export type StoreAccess = 'absent' | 'away' | SqlStore
export type Stores = Readonly<Record<Placement, StoreAccess>>

export interface Wishes {
  /** Where the operator wants a domain, if they said so. */
  readonly placementOf: (domain: Domain) => Placement | undefined
  /** Where a new domain goes that they said nothing about. */
  readonly initial: Placement
}

export interface Settlement {
  readonly decisions: ReadonlyMap<Domain, Decision>
  /** Why wishes are refused: rows would stay behind, or a unit be torn apart. Nothing was changed then. */
  readonly refusals: readonly string[]
}

type Rows = 'absent' | 'away' | ReadonlyMap<string, PlacementRow>

const SIDES = ['sqlite', 'postgres'] as const
/** Another process may settle the same stores at once; what it wrote is read again. */
const MAX_ROUNDS = 5

/**
 * Finds the placement of every domain, creates what is new, repairs a store that lags behind, and follows a
 * changed wish where no rows are at stake.
 */
export async function settlePlacements(
  stores: Stores,
  wishes: Wishes,
  clock: () => Date,
): Promise<Settlement> {
  let settlement: Settlement = { decisions: new Map(), refusals: [] }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const rows = { sqlite: await rowsOf(stores.sqlite), postgres: await rowsOf(stores.postgres) }
    const decisions = new Map(domainNames.map((domain) => [domain, decide(domain, rows, wishes)]))
    const torn = unitProblems(
      (domain) => wishOf(domain, wishes, decisions.get(domain)) ?? decisions.get(domain)?.placement,
    )
    if (torn.length > 0) {
      for (const { unit, problem } of torn) {
        for (const domain of unit) decisions.set(domain, fencedBy(problem, decisions.get(domain)))
      }
      return { decisions, refusals: torn.map(({ problem }) => problem) }
    }
    const changes = await plannedChanges(stores, wishes, decisions)
    for (const [domain, fence] of changes.fences) {
      decisions.set(domain, fencedBy(fence, decisions.get(domain)))
    }
    settlement = { decisions, refusals: changes.refusals }
    if (changes.refusals.length > 0) return settlement
    for (const [domain, placement] of changes.allowed) {
      await change(stores, domain, placement, (decisions.get(domain)?.epoch ?? 0) + 1, clock)
    }
    const recorded = await record(stores, decisions, rows, clock, new Set(changes.allowed.keys()))
    if (!recorded && changes.allowed.size === 0) return settlement
  }
  return settlement
}

/**
 * Wishes say where a domain begins. One that was placed anew since stays there: a move must not be undone, nor the
 * start refused, because of a setting that is older than the move.
 */
function wishOf(domain: Domain, wishes: Wishes, decision: Decision | undefined): Placement | undefined {
  return decision && decision.epoch > 1 ? undefined : wishes.placementOf(domain)
}

function fencedBy(fence: string, decision: Decision | undefined): Decision {
  return { placement: decision?.placement, epoch: decision?.epoch ?? 0, fence }
}

async function rowsOf(store: StoreAccess): Promise<Rows> {
  return typeof store === 'string' ? store : readPlacements(store.db)
}

function decide(domain: Domain, rows: Readonly<Record<Placement, Rows>>, wishes: Wishes): Decision {
  const sideOf = (side: Rows): Side => (typeof side === 'string' ? side : { row: side.get(domain) })
  return decidePlacement({
    sqlite: sideOf(rows.sqlite),
    postgres: sideOf(rows.postgres),
    initial: wishes.placementOf(domain) ?? wishes.initial,
  })
}

/** Compares wishes with decisions. A domain whose wish cannot be followed, or not now, is fenced. */
async function plannedChanges(stores: Stores, wishes: Wishes, decisions: ReadonlyMap<Domain, Decision>) {
  const allowed = new Map<Domain, Placement>()
  const fences = new Map<Domain, string>()
  const refusals: string[] = []
  for (const [domain, decision] of decisions) {
    const { placement, fence } = decision
    const wish = wishOf(domain, wishes, decision)
    if (fence !== undefined || !wish || !placement || wish === placement) continue
    const from = stores[placement]
    const to = stores[wish]
    const target = typeof to === 'string' ? undefined : to.db
    if (typeof from !== 'string' && (await hasOwnData(from.db, target, domain))) {
      refusals.push(refusal(domain, placement, wish))
      fences.set(domain, refusal(domain, placement, wish))
    } else if (typeof from === 'string' || !target) {
      fences.set(domain, 'Both stores must be reachable once to change the placement of the domain')
    } else allowed.set(domain, wish)
  }
  return { allowed, fences, refusals }
}

/** Re-places a domain without rows: announced in the old store, made in the new one; then the old one is repaired. */
async function change(
  stores: Stores,
  domain: Domain,
  placement: Placement,
  epoch: number,
  clock: () => Date,
): Promise<void> {
  const from = stores[placement === 'sqlite' ? 'postgres' : 'sqlite']
  const to = stores[placement]
  if (typeof from === 'string' || typeof to === 'string') return
  const now = clock().toISOString()
  await writePlacements(from, [{ domain, placement, epoch, state: 'pending' }], now)
  await writePlacements(to, [{ domain, placement, epoch, state: 'complete' }], now)
}

/**
 * Writes what was decided into both stores, where they do not say it yet: first into the store that holds the
 * domain, so that no store ever points to one that knows nothing.
 *
 * @returns true when anything was missing.
 */
async function record(
  stores: Stores,
  decisions: ReadonlyMap<Domain, Decision>,
  known: Readonly<Record<Placement, Rows>>,
  clock: () => Date,
  changed: ReadonlySet<Domain>,
): Promise<boolean> {
  const now = clock().toISOString()
  const wanted = [...decisions].flatMap(([domain, { placement, epoch, fence }]) =>
    placement && fence === undefined && !changed.has(domain)
      ? [{ domain, placement, epoch, state: 'complete' } as const]
      : [],
  )
  let recorded = false
  for (const holds of [true, false]) {
    for (const side of SIDES) {
      const store = stores[side]
      const rows = known[side]
      if (typeof store === 'string' || typeof rows === 'string') continue
      const missing = wanted.filter(
        (row) => (row.placement === side) === holds && !isSameRow(rows.get(row.domain), row),
      )
      await writePlacements(store, missing, now)
      recorded ||= missing.length > 0
    }
  }
  return recorded
}

/** Makes new stores members of the installation of the others, or of a new one. */
export async function joinStores(stores: Stores): Promise<void> {
  // While a store is away, nobody knows which installation it belongs to.
  if (SIDES.some((side) => stores[side] === 'away')) return
  const present = SIDES.map((side) => stores[side]).filter((store) => typeof store !== 'string')
  let id = await assertSameInstallation(present)
  for (const store of present) id = await joinInstallation(store.db, id)
}

/**
 * @returns the installation of these stores; undefined when all of them are new.
 * @throws DbError `unavailable` when they belong to different ones.
 */
export async function assertSameInstallation(
  stores: readonly (SqlStore | undefined)[],
): Promise<string | undefined> {
  const ids = await Promise.all(stores.map((store) => store && readInstallation(store.db)))
  const known = new Set(ids.filter((id) => id !== undefined))
  if (known.size > 1) {
    throw new DbError(
      'unavailable',
      'This PostgreSQL database belongs to another installation than the SQLite file in DATA_DIR. ' +
        'Give this one a database of its own in POSTGRES_APP_URL, or correct DATA_DIR.',
    )
  }
  return [...known][0]
}

/** Units that `placementOf` would tear apart, each as a problem of the configuration. */
export function unitProblems(placementOf: (domain: Domain) => Placement | undefined) {
  return units
    .filter((unit) => new Set(unit.map(placementOf).filter((each) => each !== undefined)).size > 1)
    .map((unit) => {
      const variables = unit.map(placementVariable).join(', ')
      const problem =
        `${unit.join(', ')} are tied by foreign keys and must be in the same store: ` +
        `give ${variables} the same value`
      return { unit, problem }
    })
}

function refusal(domain: Domain, from: Placement, to: Placement): string {
  const [unit = domain] = unitOf(domain)
  return (
    `${domain} (${domains[domain].title}) is to be placed in ${to}, but it has rows in ${from}. ` +
    `STORAGE_PLACEMENT and ${placementVariable(domain)} say where a new domain begins: set it to ${from}. ` +
    `Rows are moved by "holdfast storage mirror ${unit}" and "holdfast storage cutover ${unit}"`
  )
}
