import type { MoveAction, StorageUnit } from '../../moves/moves.schema.ts'
import { UsageError } from './moves.ts'

export type Placement = NonNullable<StorageUnit['placement']>
export type Command = MoveAction | 'plan' | 'rehearse' | 'status' | 'quarantine' | 'shadow'

export interface Selection {
  /** Domains or units by name. */
  readonly names: readonly string[]
  readonly phase: 1 | 2 | 3 | 4 | 'all' | undefined
  /** For a phase: the store that units are meant to leave. */
  readonly from: Placement
}

/** Commands that look at everything unless told otherwise. */
const LOOKING: readonly Command[] = ['status', 'plan', 'quarantine', 'shadow']

/**
 * The units that a command is about, by phase. A domain stands for its unit. By a phase only those are taken for
 * which the command makes sense, so that a phase can be moved in several goes.
 *
 * @throws UsageError when a name is unknown or nothing is named.
 */
export function selectUnits(
  units: readonly StorageUnit[],
  command: Command,
  { names, phase, from }: Selection,
): StorageUnit[] {
  if (names.length > 0 && phase !== undefined) throw new UsageError('Give domains or --phase, not both.')
  const ordered = units.toSorted((a, b) => a.phase - b.phase)
  if (names.length > 0) {
    const chosen = new Set(names.map((name) => unitOf(units, name)))
    return ordered.filter((unit) => chosen.has(unit))
  }
  if (phase === undefined) {
    if (LOOKING.includes(command)) return ordered
    throw new UsageError(`Say which: holdfast storage ${command} DOMAIN… or --phase 1|2|3|4|all.`)
  }
  const inPhase = ordered.filter((unit) => phase === 'all' || unit.phase === phase)
  return inPhase.filter((unit) => isMeant(unit, command, from))
}

function unitOf(units: readonly StorageUnit[], name: string): StorageUnit {
  const wanted = name.toLowerCase()
  const found = units.find((unit) => unit.domains.some(({ domain }) => domain === wanted))
  if (found) return found
  const known = units.flatMap((unit) => unit.domains.map(({ domain }) => domain)).join(', ')
  throw new UsageError(`There is no domain ${name}. There are: ${known}.`)
}

function isMeant(unit: StorageUnit, command: Command, from: Placement): boolean {
  const { placement, mirror, state, paused, archived } = unit
  switch (command) {
    case 'status':
    case 'quarantine':
      return true
    case 'plan':
    case 'rehearse':
      return placement === from && mirror === null
    case 'mirror':
      return placement === from && (mirror === null || state === 'copying')
    case 'cutover':
      return placement === from
    case 'abort':
      return placement === from && mirror !== null
    case 'rollback':
    case 'finish':
      return placement !== from && mirror !== null
    case 'verify':
    case 'shadow':
      return mirror !== null
    case 'pause':
      return state !== 'settled' && !paused
    case 'resume':
      return paused
    case 'purge':
      return archived
  }
}
