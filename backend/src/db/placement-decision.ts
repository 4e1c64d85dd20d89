import type { Placement, PlacementRow } from './placement-store.ts'

/**
 * What is known of one store when a domain's placement is decided: `absent` when it is not configured (or
 * SQLite has no file), `away` when it is but cannot be asked, else its row, if it has one.
 */
export type Side = 'absent' | 'away' | { readonly row: PlacementRow | undefined }

export interface Decision {
  /** Undefined while it is not decided. */
  readonly placement: Placement | undefined
  readonly epoch: number
  /** Why the domain must not be used; undefined when it may. */
  readonly fence: string | undefined
}

export interface DecisionInput {
  readonly sqlite: Side
  readonly postgres: Side
  /** Where the domain goes when it is new. */
  readonly initial: Placement
}

const SIDES = ['sqlite', 'postgres'] as const
const NAMES: Readonly<Record<Placement, string>> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }
const OTHER: Readonly<Record<Placement, Placement>> = { sqlite: 'postgres', postgres: 'sqlite' }

/**
 * Where the truth of a domain is, from what both stores say: of two complete rows the higher epoch is right. What
 * cannot be decided is fenced: using the wrong store would split the domain in two.
 */
export function decidePlacement(input: DecisionInput): Decision {
  const rows = SIDES.map((side) => rowOf(input[side])).filter((row) => row !== undefined)
  const highest = Math.max(0, ...rows.map((row) => row.epoch))
  const complete = rows.filter((row) => row.state === 'complete')
  const winner = complete.toSorted((a, b) => b.epoch - a.epoch)[0]

  const [leaving, another] = SIDES.filter((side) => announces(rowOf(input[side]), side, highest))
  if (another) return fenced(undefined, highest, rivalry(highest))
  if (leaving && (winner?.epoch ?? 0) < highest) {
    // Only the store that holds a domain announces that it leaves: it still does, unless the other has taken it.
    const other = OTHER[leaving]
    if (typeof input[other] === 'string') return fenced(undefined, highest, interruption(other))
    return { placement: leaving, epoch: highest + 1, fence: undefined }
  }
  if (!winner) return withoutRows(input, highest)

  const { placement } = winner
  const rival = complete.find((row) => row.epoch === winner.epoch && row.placement !== placement)
  if (rival) return fenced(undefined, winner.epoch, rivalry(winner.epoch))
  const authority = input[placement]
  if (authority === 'absent') return fenced(placement, winner.epoch, absence(placement))
  if (typeof authority === 'object' && !authority.row) {
    return fenced(placement, winner.epoch, emptiness(placement))
  }
  return { placement, epoch: winner.epoch < highest ? highest + 1 : winner.epoch, fence: undefined }
}

function announces(row: PlacementRow | undefined, side: Placement, epoch: number): boolean {
  return row?.state === 'pending' && row.epoch === epoch && row.placement !== side
}

function withoutRows(input: DecisionInput, highest: number): Decision {
  const { initial } = input
  const away = SIDES.find((side) => input[side] === 'away')
  if (away) {
    // The store that is away may hold the domain already.
    const text = `The domain is new here, and ${NAMES[away]} must be reachable once to place it`
    return fenced(undefined, highest, text)
  }
  if (input[initial] === 'absent') return fenced(undefined, highest, absence(initial))
  return { placement: initial, epoch: highest + 1, fence: undefined }
}

const rowOf = (side: Side) => (typeof side === 'object' ? side.row : undefined)

function fenced(placement: Placement | undefined, epoch: number, fence: string): Decision {
  return { placement, epoch, fence }
}

function interruption(other: Placement): string {
  return (
    'A change of placement was begun and not finished; ' +
    `${NAMES[other]} must be ${other === 'postgres' ? 'configured and ' : ''}reachable to tell how it ended`
  )
}

function rivalry(epoch: number): string {
  return (
    `Both stores claim to hold the domain since epoch ${epoch}: one of them was restored or copied. ` +
    'Find out which holds the rows you want, delete the row of the domain from _placement in the other, and start again'
  )
}

function absence(placement: Placement): string {
  return placement === 'postgres'
    ? 'The domain is placed in PostgreSQL, but POSTGRES_APP_URL is not set'
    : 'The domain is placed in SQLite, but DATA_DIR holds no holdfast.db: restore the file or correct DATA_DIR. ' +
        'To give its rows up, delete the row of the domain from _placement in PostgreSQL, and start again'
}

function emptiness(placement: Placement): string {
  const other = NAMES[OTHER[placement]]
  return (
    `${other} says that the domain is in ${NAMES[placement]}, which knows nothing of it: it was emptied, or it is ` +
    'the wrong one. Restore it or correct its address. To give the rows up, delete the row of the domain from ' +
    `_placement in ${other}, and start again`
  )
}
