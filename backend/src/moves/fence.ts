import { AppError } from '../core/errors.ts'
import { putPlacement } from '../db/placement-store.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import type { Gate, StorageControl } from '../db/storage-control.ts'
import { GateTimeoutError } from '../db/storage-control.ts'
import type { TableShape } from '../db/transfer/index.ts'
import { raiseIdentities, readIdentities } from './identities.ts'
import type { Sides, Unit } from './unit.ts'

export interface FlipOptions {
  readonly control: StorageControl
  readonly unit: Unit
  readonly shapes: readonly TableShape[]
  readonly sides: Sides
  readonly pauseLimitMs: number
  readonly clock: () => Date
  /** Applies what is queued until nothing is left. @throws when it takes longer than `deadlineMs` (performance.now). */
  readonly drain: (deadlineMs: number) => Promise<void>
  /** Compares the keys that were applied last on both sides; their names when they differ. */
  readonly compareSettled: (deadlineMs: number) => Promise<readonly string[]>
}

export interface FlipResult {
  readonly epoch: number
  /** From the closing of the gate to its opening. */
  readonly pauseMs: number
}

/** A flip that was given up: everything is as it was, and writes went on where they were. */
export class FlipAbortedError extends AppError {
  readonly pauseMs: number

  constructor(reason: string, pauseMs: number, cause?: unknown) {
    super(409, 'flip_aborted', `${reason}. Everything is as it was; try again`, { cause })
    this.name = 'FlipAbortedError'
    this.pauseMs = pauseMs
  }
}

/**
 * Makes the mirror the truth: a cut over and a rollback are this one procedure. Calls wait meanwhile, none fails.
 * The old store says first that it is retired, then the new one that it holds the domains: a crash between the
 * two is decided at the next start, for the old one.
 *
 * @throws FlipAbortedError when it took too long or something failed; the gate is open again by then.
 */
export async function flip(options: FlipOptions): Promise<FlipResult> {
  const { control, unit, pauseLimitMs } = options
  const gate = await closeGate(control, unit, pauseLimitMs)
  const deadlineMs = gate.closedAtMs + pauseLimitMs
  try {
    const epoch = await pass(options, gate, deadlineMs)
    return { epoch, pauseMs: performance.now() - gate.closedAtMs }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new FlipAbortedError(reason, performance.now() - gate.closedAtMs, error)
  } finally {
    gate.open()
  }
}

async function closeGate(control: StorageControl, unit: Unit, deadlineMs: number): Promise<Gate> {
  try {
    return await control.close(unit.domains, { deadlineMs })
  } catch (error) {
    if (!(error instanceof GateTimeoutError)) throw error
    throw new FlipAbortedError(
      `Calls that were running did not end within ${deadlineMs} ms`,
      deadlineMs,
      error,
    )
  }
}

async function pass(options: FlipOptions, gate: Gate, deadlineMs: number): Promise<number> {
  const { sides, shapes } = options
  await options.drain(deadlineMs)
  const differing = await options.compareSettled(deadlineMs)
  if (differing.length > 0) throw new Error(`The stores differ at ${differing.slice(0, 5).join(', ')}`)
  await carryIdentities(sides, shapes)
  assertInTime(deadlineMs)

  if (!gate.closed) throw new Error('The gate had opened by itself')

  const epoch = sides.epoch + 1
  try {
    await sides.source.store.transaction((tx) => announce(tx, options, epoch))
    // Past this time the flip is given up: the old store has said so, and takes it back below.
    assertInTime(deadlineMs)
    await sides.target.store.transaction(async (tx) => {
      await place(tx, options, 'complete', epoch)
      await sides.target.capture.setRole(tx, options.unit.name, shapes, 'authority')
    })
  } catch (error) {
    // Whether a commit that failed happened is for both stores to say: the old one is right unless the new one is complete.
    await gate.settle()
    const decided = options.control.decision(options.unit.domains[0] ?? 'settings')
    if (decided?.placement === sides.target.name) return decided.epoch
    throw error
  }
  gate.flip(sides.target.name, epoch)
  return epoch
}

/** Numbers that the old store gave are never given again. Most units have none: their pause need not wait for this. */
async function carryIdentities({ source, target }: Sides, shapes: readonly TableShape[]): Promise<void> {
  if (shapes.every(({ identity }) => identity === undefined)) return
  const given = await source.store.snapshot((session) => readIdentities(session, shapes))
  await target.store.transaction((tx) => raiseIdentities(tx, shapes, given))
}

/** From here on the old store takes no writes of anybody; it is refused while a change of somebody else is queued. */
async function announce(tx: ScriptSession, options: FlipOptions, epoch: number): Promise<void> {
  await place(tx, options, 'pending', epoch)
  await options.sides.source.capture.setRole(tx, options.unit.name, options.shapes, 'mirror')
}

async function place(
  tx: ScriptSession,
  { unit, sides, clock }: FlipOptions,
  state: 'pending' | 'complete',
  epoch: number,
): Promise<void> {
  const placement = sides.target.name
  const rows = unit.domains.map((domain) => ({ domain, placement, epoch, state }) as const)
  await putPlacement(tx, rows, clock().toISOString())
}

function assertInTime(deadlineMs: number): void {
  if (performance.now() > deadlineMs) throw new Error('The pause would have become too long')
}
