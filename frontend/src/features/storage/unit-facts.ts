import type { StorageUnit } from '../../lib/api/types.ts'
import type { Tone } from '../../ui/badge.tsx'

export type Action = StorageUnit['actions'][number]['action']
export type Store = NonNullable<StorageUnit['placement']>
export type UnitLook =
  | 'settled'
  | 'copying'
  | 'mirroring'
  | 'live'
  | 'fenced'
  | 'paused'
  | 'stuck'
  | 'archived'
  | 'undecided'

export const STORES: readonly Store[] = ['sqlite', 'postgres']
const LAG_GOAL_SECONDS = 1

export const otherStore = (store: Store): Store => (store === 'sqlite' ? 'postgres' : 'sqlite')

/** Whether the mirror has become the truth, and runs back. */
export const wasCutOver = ({ source, placement }: StorageUnit): boolean =>
  source !== null && source !== placement

/** The one word for how a unit is. */
export function lookOf(unit: StorageUnit): UnitLook {
  if (unit.error !== null) return 'stuck'
  if (unit.placement === null) return 'undecided'
  if (unit.state === 'fenced') return 'fenced'
  if (unit.paused) return 'paused'
  if (unit.state === 'copying') return 'copying'
  if (unit.state === 'mirroring') return wasCutOver(unit) ? 'live' : 'mirroring'
  return unit.archived ? 'archived' : 'settled'
}

export const LOOK_TONE: Record<UnitLook, Tone> = {
  settled: 'unknown',
  copying: 'info',
  mirroring: 'info',
  live: 'ok',
  fenced: 'warn',
  paused: 'warn',
  stuck: 'critical',
  archived: 'ok',
  undecided: 'critical',
}

/** What a unit is called: its domains. */
export const unitTitle = ({ domains }: StorageUnit): string => domains.map(({ title }) => title).join(', ')

/** What a store holds of a unit. */
export function holdingOf(unit: StorageUnit, store: Store): 'truth' | 'mirror' | 'archive' | 'empty' {
  if (unit.placement === store) return 'truth'
  if (unit.mirror === store) return 'mirror'
  return unit.archived ? 'archive' : 'empty'
}

const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

/** Rows and bytes of a unit in a store; null where they are not known. */
export function amountIn(unit: StorageUnit, store: Store): { rows: number | null; bytes: number | null } {
  const holding = holdingOf(unit, store)
  if (holding === 'empty') return { rows: null, bytes: null }
  const isTruth = holding === 'truth'
  // Counts of tables are taken now and then: beside the progress of a copy they would be behind it.
  if (!isTruth && unit.progress) return { rows: unit.progress.copiedRows, bytes: null }
  return {
    rows: sum(unit.tables.map((table) => (isTruth ? table.rows : table.mirrorRows))),
    bytes: sum(unit.tables.map((table) => (isTruth ? table.bytes : table.mirrorBytes))),
  }
}

/** Steps that make sense in the state of the unit, the next one first; some may be refused for now. */
export function stepsOf(unit: StorageUnit): readonly Action[] {
  const hold: Action = unit.paused ? 'resume' : 'pause'
  switch (lookOf(unit)) {
    case 'undecided':
    case 'fenced':
      return []
    case 'archived':
      return ['purge']
    case 'settled':
      return ['mirror']
    default:
      if (unit.state === 'settled') return ['mirror']
      if (unit.state === 'copying') return [hold, 'abort']
      if (wasCutOver(unit)) return ['rollback', 'finish', 'verify', hold]
      return ['cutover', 'verify', hold, 'abort']
  }
}

export function permission(
  unit: StorageUnit,
  action: Action,
): { possible: boolean; reasons: readonly string[] } {
  return unit.actions.find((each) => each.action === action) ?? { possible: false, reasons: [] }
}

/** The step to take next: the one that is emphasised. Undefined when there is nothing to hurry. */
export function nextStep(unit: StorageUnit): Action | undefined {
  if (unit.paused && permission(unit, 'resume').possible) return 'resume'
  if (unit.state !== 'mirroring' || wasCutOver(unit)) return undefined
  if (permission(unit, 'cutover').possible) return 'cutover'
  return !unit.verify?.clean && permission(unit, 'verify').possible ? 'verify' : undefined
}

export type Gate = 'copied' | 'lag' | 'verified' | 'quarantine'

/** The conditions of a cut over that are met; those that are not are the reasons against it. */
export function metGates(unit: StorageUnit): Gate[] {
  const gates: Gate[] = []
  if (unit.state === 'mirroring') gates.push('copied')
  if (unit.lag && unit.lag.seconds < LAG_GOAL_SECONDS) gates.push('lag')
  if (unit.verify?.clean && !unit.verify.running) gates.push('verified')
  if (unit.quarantine.open === 0) gates.push('quarantine')
  return gates
}

export interface BulkStep {
  action: 'mirror' | 'verify' | 'cutover'
  units: StorageUnit[]
}

/** What brings a group of units on: the step closest to the end that is possible for any of them. */
export function bulkStep(units: readonly StorageUnit[]): BulkStep | undefined {
  const towardsPostgres = units.filter((unit) => unit.placement === 'sqlite')
  for (const action of ['cutover', 'verify', 'mirror'] as const) {
    const ready = towardsPostgres.filter(
      (unit) => permission(unit, action).possible && (action !== 'verify' || !unit.verify?.clean),
    )
    if (ready.length > 0) return { action, units: ready }
  }
  return undefined
}
