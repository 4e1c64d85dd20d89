import { counted } from '../core/counted.ts'
import type { Placement } from '../db/placement-store.ts'
import type { KnownMove } from './last-known.ts'
import type { Lag } from './mirroring.ts'
import { hasFreshBackup, isPaused } from './move-state.ts'
import type { MoveAction } from './moves.schema.ts'
import { type MoveLimits, otherPlacement, storeTitle } from './unit.ts'

/** What decides about the steps of a unit, all as it was at one moment: a verify that has ended has its result. */
export interface GateFacts {
  readonly unit: string
  readonly placement: Placement | undefined
  readonly postgresConfigured: boolean
  /** Why a store cannot be used; undefined when both can. */
  readonly away: string | undefined
  /** Everything is in PostgreSQL, without a SQLite file: the first mirror makes one. */
  readonly lacksFile: boolean
  /** PostgreSQL cannot be used, and SQLite, which holds the unit, can: it may give a mirror up alone. */
  readonly isAlone: boolean
  readonly move: KnownMove | undefined
  readonly verifying: boolean
  readonly flipping: boolean
  readonly error: string | null
  readonly lag: Lag
  readonly calmForMs: number
  /** Expected pause of a flip now. */
  readonly expectedPauseMs: number
  readonly openQuarantine: number
  /** Why the last backup of the SQLite file failed. */
  readonly backupError: string | null
  readonly limits: MoveLimits
  readonly nowMs: number
}

/** Why `action` is not possible now, each with what to do; empty when it is. */
export function reasonsAgainst(action: MoveAction, facts: GateFacts): string[] {
  if (!facts.placement) return ['The placement of the unit is not decided: see the reason at its domains']
  if (action === 'abort' && facts.isAlone && facts.move) return againstAbort(facts)
  if (!facts.postgresConfigured) return ['PostgreSQL is not configured: set POSTGRES_APP_URL and start again']
  const makesFile = action === 'mirror' && facts.lacksFile
  if (facts.away !== undefined && !makesFile) return [facts.away]
  if (facts.flipping) return ['A change of the placement is under way']
  const { move } = facts
  switch (action) {
    case 'mirror':
      return againstMirror(facts)
    case 'verify':
      if (move?.state !== 'mirroring')
        return ['There is no complete mirror to compare: mirror the unit first']
      return facts.verifying ? ['A verify is running'] : []
    case 'cutover':
      return againstFlip(
        facts,
        move?.source === facts.placement,
        'It was cut over already: roll back instead',
        true,
      )
    case 'rollback':
      return againstFlip(
        facts,
        move?.source !== facts.placement,
        'It was not cut over: there is nothing to roll back',
        false,
      )
    case 'abort':
      return againstAbort(facts)
    case 'finish':
      return againstFinish(facts)
    case 'pause':
      if (!move || move.state === 'finished') return ['Nothing is moving']
      return move.paused ? ['It is paused'] : []
    case 'resume':
      return isPaused(move) ? [] : ['It is not paused']
    case 'purge':
      return move?.state === 'finished' ? [] : ['There is no archive: only a finished move leaves one']
  }
}

function againstMirror({ move, placement }: GateFacts): string[] {
  if (!move) return []
  if (move.state === 'finished' && placement) {
    const archive = storeTitle[otherPlacement(placement)]
    return [`The archive of the last move lies in ${archive}: purge it first`]
  }
  return ['It has a mirror already']
}

function againstAbort({ move, placement, isAlone }: GateFacts): string[] {
  if (!move || move.state === 'finished') return ['Nothing is moving']
  // What keeps it from ending, or from going back, may never come back.
  if (isAlone) return []
  if (move.state === 'aborting') return ['It is being given up']
  if (move.source === placement) return []
  return ['It was cut over: roll back first, or finish the move']
}

function againstFinish(facts: GateFacts): string[] {
  const { move, placement } = facts
  if (move?.state === 'finishing') return ['It is being finished']
  if (move?.state !== 'mirroring') return ['There is no complete mirror']
  if (move.source === placement) return ['It was not cut over yet']
  return [...staleVerify(facts), ...quarantined(facts), ...laggard(facts)]
}

function againstFlip(facts: GateFacts, rightWay: boolean, wrongWay: string, strict: boolean): string[] {
  const { move } = facts
  if (!move || move.state === 'finished') return ['There is no mirror: mirror the unit first']
  if (move.state === 'copying' || move.state === 'starting')
    return ['The mirror is not complete: wait for the copy']
  if (move.state !== 'mirroring') return ['The mirror is being given up']
  if (!rightWay) return [wrongWay]
  if (move.paused) return ['It is paused: resume it first']
  const reasons = [...laggard(facts), ...quarantined(facts)]
  if (facts.error !== null) reasons.push(`The mirror does not go on: ${facts.error}`)
  if (strict) reasons.push(...staleVerify(facts), ...shadowed(facts), ...restless(facts), ...unproved(facts))
  if (facts.expectedPauseMs > facts.limits.pauseBudgetMs) {
    reasons.push(
      `Writes would pause for about ${Math.round(facts.expectedPauseMs)} ms, more than the budget of ` +
        `${facts.limits.pauseBudgetMs} ms: wait until fewer changes are queued`,
    )
  }
  return reasons
}

function laggard({ lag, limits }: GateFacts): string[] {
  if (lag.seconds * 1_000 < limits.lagGoalMs) return []
  return [
    `The mirror is ${lag.seconds.toFixed(1)} s behind (${counted(lag.changes, 'change')}): wait until it caught up`,
  ]
}

function restless({ calmForMs, limits }: GateFacts): string[] {
  if (calmForMs >= limits.calmMs) return []
  const left = Math.ceil((limits.calmMs - calmForMs) / 1_000)
  return [`The lag has to stay below ${limits.lagGoalMs / 1_000} s for a minute: ${left} s to go`]
}

function staleVerify({ move, limits, nowMs, verifying }: GateFacts): string[] {
  const verify = move?.details.verify
  const hint = verifying ? 'wait for the verify that runs' : 'verify the unit'
  if (!verify) return [`The mirror was never compared as a whole: ${hint}`]
  if (verify.differences > 0) {
    return [
      `The last verify found and corrected ${counted(verify.differences, 'difference')}: ${hint} once more`,
    ]
  }
  if (nowMs - Date.parse(verify.at) > limits.verifyValidMs)
    return [`The last verify is over an hour old: ${hint}`]
  return []
}

/** What a verify cannot find: the same rows, and another answer. */
function shadowed({ move, unit }: GateFacts): string[] {
  const { shadow, verify } = move?.details ?? {}
  if (!shadow?.mismatch || (verify && verify.at > shadow.mismatch.at)) return []
  return [
    `Since the last verify the mirror gave another answer to a read (${shadow.mismatch.statement}): verify the unit; ` +
      `should it come again, look at it with "holdfast storage shadow ${unit}", or accept it by ending the shadow reads`,
  ]
}

function quarantined({ openQuarantine, unit }: GateFacts): string[] {
  if (openQuarantine === 0) return []
  return [
    `${counted(openQuarantine, 'row')} in quarantine would stay behind: correct and replay, or acknowledge with ` +
      `"holdfast storage quarantine ${unit} --acknowledge ${openQuarantine}"`,
  ]
}

function unproved({ move, placement, backupError, nowMs }: GateFacts): string[] {
  // One that could not be read back is not written down.
  if (placement !== 'sqlite' || (move && hasFreshBackup(move, nowMs))) return []
  if (backupError !== null) {
    return [`No backup of the SQLite file could be taken: ${backupError}. It is tried again by itself`]
  }
  return ['A backup of the SQLite file is being taken and read back: try again in a moment']
}
