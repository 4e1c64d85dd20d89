import { setTimeout as sleep } from 'node:timers/promises'
import { counted } from '../../core/counted.ts'
import type { MoveAction, StorageUnit } from '../../moves/moves.schema.ts'
import { type Failure, failureOf, StuckError, TooEarlyError } from './failure.ts'
import { EXIT, type Moves } from './moves.ts'
import type { Printer } from './printer.ts'
import { duration, flow, rehearsalText } from './text.ts'

/** What every step of a command needs. */
export interface Run {
  readonly moves: Moves
  readonly printer: Printer
  /** Stay until a copy or verify is done. */
  readonly wait: boolean
  readonly signal: AbortSignal
  readonly pollMs: number
  /** How long conditions of a flip that come by themselves are waited for. */
  readonly patienceMs: number
  /** How long an error has to last until it is taken for one that does not pass by itself. */
  readonly stuckMs: number
  /** Rows in quarantine that are accepted to stay behind. */
  readonly acknowledge?: number
  readonly budgetMs?: number
}

const ACTOR = { name: 'cli' }

/** Takes the step with each unit, one after the other; ends at the first that fails. Resolves to the exit code. */
export function runStep(run: Run, action: MoveAction, units: readonly StorageUnit[]): Promise<number> {
  return oneByOne(run, units, (unit) => takeStep(run, action, unit))
}

/** Rehearses each unit, one after the other. Resolves to the exit code. */
export function runRehearsals(run: Run, units: readonly StorageUnit[]): Promise<number> {
  return oneByOne(run, units, async ({ unit }) => {
    run.printer.say(`${unit}: rehearsing`)
    const result = await run.moves.rehearse(unit, ACTOR, run.signal)
    run.printer.result('rehearsal', { ...result }, rehearsalText(result))
    return result.differences === 0 ? EXIT.done : EXIT.differences
  })
}

async function oneByOne(
  run: Run,
  units: readonly StorageUnit[],
  work: (unit: StorageUnit) => Promise<number>,
): Promise<number> {
  for (const [i, unit] of units.entries()) {
    const exit = await attempt(run, unit, work)
    if (exit === EXIT.done) continue
    const left = units.slice(i + 1).map((each) => each.unit)
    if (left.length > 0) run.printer.say(`Not begun: ${left.join(', ')}`)
    return exit
  }
  return EXIT.done
}

async function attempt(
  run: Run,
  unit: StorageUnit,
  work: (unit: StorageUnit) => Promise<number>,
): Promise<number> {
  try {
    return await work(unit)
  } catch (error) {
    const failure = failureOf(error)
    if (!failure) throw error
    run.printer.problem({ ...failure, unit: unit.unit })
    return failure.exit
  }
}

async function takeStep(run: Run, action: MoveAction, before: StorageUnit): Promise<number> {
  switch (action) {
    case 'mirror':
      return mirror(run, before)
    case 'verify':
      return verify(run, before)
    default: {
      const unit = await actPatiently(run, action, before)
      run.printer.result('done', { action, unit }, doneText(action, unit))
      return EXIT.done
    }
  }
}

/** A copy that a start went on with is as good as one that is begun. */
const isCopying = ({ state, source, placement }: StorageUnit) => state === 'copying' && source === placement

async function mirror(run: Run, before: StorageUnit): Promise<number> {
  const startedMs = performance.now()
  let unit = isCopying(before) ? before : await run.moves.act(before.unit, 'mirror', ACTOR)
  if (!run.wait) {
    run.printer.result('begun', { action: 'mirror', unit }, begunText(unit, 'copying'))
    return EXIT.done
  }
  unit = await follow(run, unit, (now) => {
    if (now.mirror === null) throw new StuckError('The mirror was given up meanwhile')
    return now.state === 'mirroring'
  })
  const rows = unit.tables.reduce((total, table) => total + table.copiedRows, 0)
  const seconds = (performance.now() - startedMs) / 1000
  const text = `${unit.unit}: mirrored, ${flow(unit)}, ${counted(rows, 'row')} copied in ${duration(seconds)}`
  run.printer.result('done', { action: 'mirror', unit }, text)
  return EXIT.done
}

async function verify(run: Run, before: StorageUnit): Promise<number> {
  let unit = await beginVerify(run, before)
  if (!run.wait) {
    run.printer.result('begun', { action: 'verify', unit }, begunText(unit, 'verifying'))
    return EXIT.done
  }
  unit = await follow(run, unit, ({ verify: now }) => now === null || !now.running)
  if (!unit.verify?.at || unit.verify.at === before.verify?.at)
    throw new StuckError(unit.error ?? 'The verify ended without a result: verify again')
  const { rows, differences, clean } = unit.verify
  const text = clean
    ? `${unit.unit}: ${counted(rows, 'row')} equal on both sides`
    : `${unit.unit}: ${counted(differences, 'difference')} in ${counted(rows, 'row')}, made equal: verify again`
  run.printer.result('done', { action: 'verify', unit }, text)
  return clean ? EXIT.done : EXIT.differences
}

/** A mirror is verified by itself once it is complete: a verify that runs is as good as one that is begun. */
async function beginVerify(
  { moves }: Run,
  { unit: name, verify: before }: StorageUnit,
): Promise<StorageUnit> {
  try {
    return await moves.act(name, 'verify', ACTOR)
  } catch (error) {
    const unit = failureOf(error)?.code === 'move_refused' ? await moves.unit(name) : undefined
    const { verify: now } = unit ?? {}
    // It may have ended by now.
    if (!unit || !(now?.running || (now?.at && now.at !== before?.at))) throw error
    return unit
  }
}

/**
 * Resolves with the unit when `isDone`; meanwhile shows how far it is, and what it waits for. A store that was away is
 * tried again before long, and the error of before stands until then.
 *
 * @throws StuckError when it does not go on.
 */
async function follow(
  run: Run,
  begun: StorageUnit,
  isDone: (unit: StorageUnit) => boolean,
): Promise<StorageUnit> {
  let unit = begun
  let said = ''
  let wentOnMs = performance.now()
  while (!isDone(unit)) {
    // A verify that runs has both stores: what stood in the way is over, or it will say so.
    const error = unit.verify?.running ? null : unit.error
    if (error === null) wentOnMs = performance.now()
    else if (performance.now() - wentOnMs >= run.stuckMs) throw new StuckError(error)
    else said = sayWaiting(run, unit.unit, error, said)
    if (unit.paused) throw new StuckError(`It is paused: holdfast storage resume ${unit.unit}`)
    run.printer.progress(unit)
    await sleep(run.pollMs, undefined, { signal: run.signal })
    unit = await run.moves.unit(unit.unit)
  }
  return unit
}

/** Some conditions of a flip come by themselves: a calm minute, a backup that is read back, a verify that runs. */
async function actPatiently(run: Run, action: MoveAction, { unit }: StorageUnit): Promise<StorageUnit> {
  const { acknowledge, budgetMs } = run
  const options = {
    ...(acknowledge === undefined ? {} : { acknowledge }),
    ...(budgetMs === undefined ? {} : { budgetMs }),
  }
  const endMs = performance.now() + run.patienceMs
  for (let refusals = 1; ; refusals++) {
    try {
      return await run.moves.act(unit, action, ACTOR, options)
    } catch (error) {
      const failure = failureOf(error)
      if (failure?.code !== 'move_refused') throw error
      const looks = await untilPossible(run, action, unit, endMs, failure)
      if (looks === 'too early') throw new TooEarlyError(error)
      // What the unit does not show as a reason does not pass, but for the pause where a budget is given.
      const isHidden = looks === 0 && refusals > 1 && budgetMs === undefined
      if (looks === undefined || isHidden) throw error
    }
    await sleep(run.pollMs, undefined, { signal: run.signal })
  }
}

/**
 * Looks, and does not try: every try is written into the audit log.
 *
 * @returns how often it was not possible until it was; `too early` when it would come by itself and
 * nobody wants to wait; undefined when it does not, or not in time.
 */
async function untilPossible(
  run: Run,
  action: MoveAction,
  name: string,
  endMs: number,
  refusal: Failure,
): Promise<number | 'too early' | undefined> {
  let said = ''
  for (let looks = 0; looks === 0 || performance.now() <= endMs; looks++) {
    const unit = await run.moves.unit(name)
    if (!comesByItself(action, unit)) return undefined
    const step = unit.actions.find((each) => each.action === action)
    if (step?.possible) return looks
    if (run.patienceMs === 0) return 'too early'
    const reasons = step?.reasons ?? refusal.reasons
    said = sayWaiting(run, name, reasons.length > 0 ? reasons.join('; ') : refusal.message, said)
    await sleep(run.pollMs, undefined, { signal: run.signal })
  }
  return undefined
}

/** Whether what holds a flip back can pass without anybody doing something. */
function comesByItself(action: MoveAction, unit: StorageUnit): boolean {
  const { state, paused, verify, quarantine, source, placement } = unit
  const rightWay = action === 'cutover' ? source === placement : action === 'rollback' && source !== placement
  const comparable = verify === null || verify.running || verify.clean
  return rightWay && state === 'mirroring' && !paused && comparable && quarantine.open === 0
}

/** Once for the same reasons: figures in them change all the time. */
function sayWaiting(run: Run, unit: string, text: string, said: string): string {
  const shape = text.replace(/\d+/g, '')
  if (shape !== said) run.printer.say(`${unit}: waiting. ${text}`)
  return shape
}

const begunText = (unit: StorageUnit, what: string) =>
  `${unit.unit}: ${what}; "holdfast storage status ${unit.unit}" shows how far it is`

function doneText(action: MoveAction, unit: StorageUnit): string {
  const { unit: name, epoch, lastFlip } = unit
  switch (action) {
    case 'cutover':
    case 'rollback': {
      const pause = lastFlip ? `, writes waited ${Math.round(lastFlip.pauseMs)} ms` : ''
      return `${name}: ${flow(unit)}, epoch ${epoch}${pause}`
    }
    case 'finish':
      return `${name}: finished, ${flow(unit)} alone; the old rows stay until "holdfast storage purge ${name}"`
    case 'abort':
      return `${name}: given up, ${flow(unit)} as before`
    case 'purge':
      return `${name}: the old rows are deleted`
    case 'pause':
      return `${name}: paused, changes are remembered`
    default:
      return `${name}: ${flow(unit)}, goes on`
  }
}
