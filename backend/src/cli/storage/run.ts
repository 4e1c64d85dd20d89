import { counted } from '../../core/counted.ts'
import type { StorageUnit } from '../../moves/moves.schema.ts'
import { runCommand, terminal } from '../command.ts'
import type { StorageFlags } from '../storage.ts'
import { type ArchiveFlags, runArchive } from './archive.ts'
import { confirm } from './confirm.ts'
import { connect } from './connect.ts'
import { EXIT, UsageError } from './moves.ts'
import type { Output, Printer } from './printer.ts'
import { type Command, selectUnits } from './select.ts'
import { runShadow } from './shadow.ts'
import { type Run, runRehearsals, runStep } from './steps.ts'
import { count, planText, quarantineText, statusText } from './text.ts'

const POLL_MS = 500
const PATIENCE_MS = 180_000
/** Twice the longest time between two tries of a move. */
const STUCK_MS = 60_000
const QUARANTINE_SHOWN = 500

/** Whether the command changes nothing, so that moves that were under way need not go on for it. */
function onlyLooks(command: Command, { acknowledge, replay, share }: StorageFlags): boolean {
  if (command === 'shadow') return share === undefined
  if (command === 'quarantine') return acknowledge === undefined && !replay
  return command === 'status' || command === 'plan'
}

/** Runs one command of `holdfast storage` and resolves to its exit code. */
export async function runStorage(
  command: Command,
  names: readonly string[],
  flags: StorageFlags,
  env: Readonly<Record<string, string | undefined>>,
  output: Output = terminal,
): Promise<number> {
  return runCommand({ json: flags.json, output }, async ({ printer, signal, atEnd }) => {
    const { moves, offline, close } = await connect(flags, env, !onlyLooks(command, flags))
    atEnd(close)
    const units = selectUnits(await moves.units(), command, {
      names,
      phase: flags.phase,
      from: flags.from,
    })
    if (units.length === 0) {
      printer.result('nothing', { command }, 'Nothing to do: no unit of this phase is in a state for it.')
      return EXIT.done
    }
    const run: Run = {
      moves,
      printer,
      wait: Boolean(flags.wait) || units.length > 1 || offline,
      signal,
      pollMs: POLL_MS,
      stuckMs: STUCK_MS,
      patienceMs: flags.wait || offline ? PATIENCE_MS : 0,
      ...(flags.acknowledge === undefined ? {} : { acknowledge: flags.acknowledge }),
      ...(flags.budget === undefined ? {} : { budgetMs: flags.budget }),
    }
    return runStorageCommand(command, units, run, flags)
  })
}

/** Runs `holdfast storage archive` and resolves to its exit code. */
export function runStorageArchive(
  flags: ArchiveFlags,
  env: Readonly<Record<string, string | undefined>>,
  output: Output = terminal,
): Promise<number> {
  return runCommand({ json: flags.json, output }, async ({ printer, atEnd }) => {
    const { moves, close } = await connect(flags, env, !flags.list)
    atEnd(close)
    return runArchive(moves, printer, flags)
  })
}

async function runStorageCommand(
  command: Command,
  units: readonly StorageUnit[],
  run: Run,
  flags: StorageFlags,
): Promise<number> {
  switch (command) {
    case 'status':
      return showStatus(units, run.printer)
    case 'plan':
      return showPlan(units, run)
    case 'rehearse':
      return runRehearsals(run, units)
    case 'quarantine':
      return quarantine(units, run, flags)
    case 'shadow':
      return runShadow(units, run, flags.share)
    case 'finish':
    case 'purge':
      await confirmStep(command, units, flags)
      return runStep(run, command, units)
    default:
      return runStep(run, command, units)
  }
}

function showStatus(units: readonly StorageUnit[], printer: Printer): number {
  if (printer.json) for (const unit of units) printer.result('unit', { unit }, '')
  else printer.say(statusText(units))
  return EXIT.done
}

async function showPlan(units: readonly StorageUnit[], { moves, printer, signal }: Run): Promise<number> {
  const plan = await moves.plan(
    units.map(({ unit }) => unit),
    signal,
  )
  printer.result('plan', { ...plan }, planText(plan))
  return plan.units.some(({ obstacles }) => obstacles.length > 0) ? EXIT.refused : EXIT.done
}

async function quarantine(units: readonly StorageUnit[], run: Run, flags: StorageFlags): Promise<number> {
  const { moves, printer } = run
  if (flags.acknowledge !== undefined || flags.replay) {
    const [only] = units
    if (units.length !== 1 || !only)
      throw new UsageError('--acknowledge and --replay are for one unit: name it.')
    return changeQuarantine(only.unit, run, flags)
  }
  let shown = 0
  for (const { unit, quarantine: held } of units) {
    if (held.open + held.acknowledged === 0) continue
    const rows = await moves.quarantine({ unit, limit: QUARANTINE_SHOWN })
    for (const row of rows) printer.result('row', { ...row }, quarantineText([row]))
    shown += rows.length
  }
  if (shown === 0) printer.say('No row is in quarantine.')
  return EXIT.done
}

async function changeQuarantine(unit: string, { moves, printer }: Run, flags: StorageFlags): Promise<number> {
  const actor = { name: 'cli' }
  if (flags.replay) {
    const result = await moves.replay(unit, actor)
    const text = `${unit}: ${counted(result.replayed, 'row')} went through, ${count(result.left)} left`
    printer.result('replayed', { unit, ...result }, text)
  }
  if (flags.acknowledge !== undefined) {
    const after = await moves.acknowledge(unit, flags.acknowledge, actor)
    printer.result(
      'acknowledged',
      { unit: after },
      `${unit}: ${counted(flags.acknowledge, 'row')} may stay behind`,
    )
  }
  return EXIT.done
}

/** @throws UsageError when nobody can be asked or the answer is no. */
async function confirmStep(
  command: 'finish' | 'purge',
  units: readonly StorageUnit[],
  { yes }: StorageFlags,
): Promise<void> {
  if (yes) return
  const names = units.map(({ unit }) => unit).join(', ')
  const consequence =
    command === 'finish'
      ? 'The mirrors end and there is no rollback any more.'
      : 'The rows that the moves left in the old store are deleted for good.'
  await confirm({
    word: command,
    question: `${command} ${names}. ${consequence}`,
    unasked: `${command} cannot be undone: say --yes to mean ${names}.`,
  })
}
