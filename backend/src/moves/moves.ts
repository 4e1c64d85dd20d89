import { counted } from '../core/counted.ts'
import { AppError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Tally } from '../core/tally.ts'
import type { StorageStatus } from '../db/app-db-router.ts'
import { isDbError } from '../db/db-errors.ts'
import type { SqlStore } from '../db/sql-store.ts'
import type { StorageControl } from '../db/storage-control.ts'
import { createTransfer } from '../db/transfer/index.ts'
import { acknowledgeQuarantine, listQuarantine } from '../db/transfer/ledger.ts'
import { createArchive } from './archive.ts'
import { awayReason, lacksFile, refused, unavailable } from './away.ts'
import { CutoverBackups } from './cutover-backups.ts'
import { type GateFacts, reasonsAgainst } from './gates.ts'
import { moveByRole } from './last-known.ts'
import { clearSide } from './lifecycle.ts'
import { readLog } from './move-state.ts'
import { metricsOf } from './mover-figures.ts'
import type { MoveAction, StorageUnit } from './moves.schema.ts'
import type { Actor, MovesService } from './moves.service.ts'
import { reasonsOfRows } from './occupied.ts'
import { planUnits } from './plan.ts'
import { rehearseUnit } from './rehearse.ts'
import { replayQuarantine } from './replay.ts'
import { reasonsOfStores } from './soundness.ts'
import { createThrottle, type Throttle } from './throttle.ts'
import { allUnits, DEFAULT_LIMITS, type MoveLimits, type Sides, Turns, type Unit, unitNamed } from './unit.ts'
import { UnitMover } from './unit-mover.ts'
import { createUnitViews } from './unit-views.ts'

const TOLD_EVERY_MS = 250
const PAUSE_BOUNDS_MS = [5, 10, 25, 50, 100, 200, 300, 500]
/** What a flip takes besides the queue: two transactions in each store. */
const FLIP_OVERHEAD_MS = 25

export interface MovesDeps {
  readonly control: StorageControl
  readonly status: () => StorageStatus
  readonly log: Log
  readonly clock: () => Date
  readonly dataDir: string
  /** Recent p99 of requests; null when there were none. */
  readonly requestP99Ms?: () => number | null
  readonly limits?: Partial<MoveLimits>
  /** Holds copies back; by default for the sake of the product, see {@link createThrottle}. */
  readonly throttle?: Throttle
  /** What a unit needs done in a store before its tables can be mirrored, by the unit's name. */
  readonly prepare?: Readonly<Record<string, (store: SqlStore) => Promise<void>>>
}

/** Makes the service that moves units between the stores. Nothing runs before `start`. */
export function createMoves(deps: MovesDeps): MovesService {
  const { control, log, clock } = deps
  const limits = { ...DEFAULT_LIMITS, ...deps.limits }
  const transfer = createTransfer({ sqlitePath: control.sqlitePath, postgresUrl: control.postgresUrl, log })
  const throttle =
    deps.throttle ?? createThrottle({ control, requestP99Ms: deps.requestP99Ms ?? (() => null) })
  const copyTurns = new Turns()
  const pauses = new Tally(PAUSE_BOUNDS_MS)
  const listeners = new Set<(units: readonly StorageUnit[]) => void>()
  const changedUnits = new Set<string>()
  const stops: (() => void)[] = []
  let telling: NodeJS.Timeout | undefined

  const movers = new Map(
    allUnits.map((unit) => [
      unit.name,
      new UnitMover(unit, {
        control,
        transfer,
        log,
        clock,
        limits,
        throttle,
        copyTurns,
        pauses,
        changed: () => changed(unit),
      }),
    ]),
  )
  const { sqlitePath } = control
  const backups = new CutoverBackups({ ...deps, sqlitePath, movers: () => movers.values() })
  const views = createUnitViews({ status: deps.status, control })
  const archive = createArchive({ ...deps, transfer, movers: [...movers.values()] })

  function moverOf(name: string): UnitMover {
    const mover = movers.get(unitNamed(name).name)
    if (!mover) throw new AppError(404, 'unknown_unit', `There is no unit ${name}`)
    return mover
  }

  function changed(unit: Unit): void {
    changedUnits.add(unit.name)
    backups.takeAhead(moverOf(unit.name))
    if (listeners.size === 0) return
    telling ??= setTimeout(() => void tell(), TOLD_EVERY_MS).unref()
  }

  async function tell(): Promise<void> {
    const names = [...changedUnits]
    changedUnits.clear()
    try {
      const units = await Promise.all(names.map((name) => viewOf(moverOf(name))))
      for (const listener of listeners) listener(units)
    } catch (error) {
      log.debug({ err: error }, 'units cannot be shown now')
    } finally {
      telling = undefined
    }
  }

  async function factsOf(
    mover: UnitMover,
    sides: Sides | undefined,
    budgetMs = limits.pauseBudgetMs,
  ): Promise<GateFacts> {
    const { unit, applier } = mover
    const status = deps.status()
    const sqlite = control.store('sqlite')
    const placement = control.decision(unit.domains[0] ?? 'settings')?.placement
    const quarantine = sides ? await mover.books.quarantine(sides) : { open: 0, acknowledged: 0 }
    return {
      unit: unit.name,
      placement,
      postgresConfigured: control.configured.postgres,
      away: sides ? undefined : awayReason(status),
      lacksFile: !sides && lacksFile(status),
      isAlone: !sides && sqlite !== undefined && placement === 'sqlite',
      // Whoever acts has just read it. The mover forgets it when something fails, which is no reason to say it is not there.
      move: mover.books.lastKnown ?? (sides ? undefined : await moveByRole(sqlite, unit)),
      verifying: mover.verifies.running !== undefined,
      flipping: mover.flips.running,
      error: mover.error ?? mover.books.lastKnown?.error ?? null,
      lag: applier.lag,
      calmForMs: applier.calmForMs(),
      expectedPauseMs: (applier.lag.changes / applier.rate) * 1_000 + FLIP_OVERHEAD_MS,
      openQuarantine: quarantine.open,
      backupError: backups.error,
      limits: { ...limits, pauseBudgetMs: Math.min(limits.pauseBudgetMs, budgetMs) },
      nowMs: clock().getTime(),
    }
  }

  async function viewOf(mover: UnitMover): Promise<StorageUnit> {
    try {
      return await viewWith(mover, mover.sides())
    } catch (error) {
      // PostgreSQL has just gone, and nobody noticed yet: what is known can be shown all the same.
      if (!isDbError(error, 'unavailable')) throw error
      return viewWith(mover, undefined)
    }
  }

  async function viewWith(mover: UnitMover, sides: Sides | undefined): Promise<StorageUnit> {
    if (sides) await mover.read(sides)
    // What the mover waits for may hang for minutes where a network was cut.
    else await mover.backlog.look(undefined)
    const facts = await factsOf(mover, sides)
    return views.view(mover, sides, facts)
  }

  /** @param makesFile for a unit that is to move to SQLite, in an installation that has no file. */
  async function both(mover: UnitMover, makesFile = false): Promise<Sides> {
    if (makesFile && control.configured.postgres && !control.store('sqlite')) await control.openSqlite()
    const sides = mover.sides()
    if (!sides) throw unavailable(deps.status())
    await mover.read(sides)
    return sides
  }

  async function assertPossible(
    mover: UnitMover,
    action: MoveAction,
    sides: Sides,
    budgetMs?: number,
  ): Promise<void> {
    const reasons = reasonsAgainst(action, await factsOf(mover, sides, budgetMs))
    if (reasons.length > 0) throw refused(reasons)
  }

  /** What was read before is not relied upon: somebody may have changed the stores by hand since. */
  async function assertSound(mover: UnitMover, action: MoveAction, sides: Sides): Promise<void> {
    if (!['mirror', 'verify', 'cutover', 'rollback'].includes(action)) return
    const shapes = await mover.readShapes(sides)
    const facts = { sides, shapes, clock, lagGoalMs: limits.lagGoalMs, dataDir: deps.dataDir }
    const reasons = await reasonsOfStores(action, facts)
    if (reasons.length > 0) throw refused(reasons)
  }

  async function act(
    mover: UnitMover,
    action: MoveAction,
    actor: Actor,
    options: { readonly acknowledge?: number; readonly budgetMs?: number },
  ): Promise<void> {
    if (action === 'abort') return abort(mover, actor)
    const sides = await both(mover, action === 'mirror')
    if (options.acknowledge !== undefined) await acknowledge(mover, sides, options.acknowledge, actor)
    if (action === 'cutover') backups.begin(mover)
    await assertPossible(mover, action, sides, options.budgetMs)
    await assertSound(mover, action, sides)
    const { name } = actor
    switch (action) {
      case 'mirror': {
        for (const { store } of [sides.source, sides.target]) await deps.prepare?.[mover.unit.name]?.(store)
        const shapes = await mover.readShapes(sides)
        const reasons = await reasonsOfRows(sides.target, shapes)
        if (reasons.length > 0) throw refused(reasons)
        return mover.begin(sides, name)
      }
      case 'verify':
        mover.verifies
          .run(name)
          .catch((error: unknown) => log.warn({ unit: mover.unit.name, err: error }, 'verify ended'))
        return
      case 'cutover':
      case 'rollback':
        return mover.flip(
          sides,
          { action, actor: name },
          Math.min(options.budgetMs ?? Infinity, limits.pauseLimitMs),
        )
      case 'finish':
        return mover.finish(sides, name)
      case 'pause':
      case 'resume':
        return setPaused(mover, sides, action === 'pause', name)
      case 'purge':
        return purge(mover, sides, name)
    }
  }

  /** The way out depends on nothing that may be broken: not on tables that match, nor on PostgreSQL. */
  async function abort(mover: UnitMover, { name }: Actor): Promise<void> {
    const sides = mover.sides()
    try {
      await abortBetween(mover, sides, name)
    } catch (error) {
      if (sides?.source.name !== 'sqlite' || !isDbError(error, 'unavailable')) throw error
      // PostgreSQL went away a moment ago, and nobody has noticed yet.
      await abortBetween(mover, undefined, name)
    }
  }

  async function abortBetween(
    mover: UnitMover,
    sides: Sides | undefined,
    actor: string | null,
  ): Promise<void> {
    if (sides) await mover.read(sides)
    const facts = await factsOf(mover, sides)
    const reasons = reasonsAgainst('abort', facts)
    if (reasons.length > 0)
      throw facts.away === undefined || facts.isAlone ? refused(reasons) : unavailable(deps.status())
    return mover.abort(sides, actor)
  }

  async function setPaused(
    mover: UnitMover,
    sides: Sides,
    paused: boolean,
    actor: string | null,
  ): Promise<void> {
    await mover.alone(async () => {
      const state = mover.books.move?.state
      if (state)
        await mover.books.enter(sides, { state, paused }, { action: paused ? 'pause' : 'resume', actor })
    })
  }

  async function purge(mover: UnitMover, sides: Sides, actor: string | null): Promise<void> {
    await mover.alone(async () => {
      await clearSide(mover.unit, sides.target)
      await mover.books.note(sides, { action: 'purge', actor, details: { store: sides.target.name } })
      await mover.close(sides)
    })
  }

  async function acknowledge(mover: UnitMover, sides: Sides, rows: number, actor: Actor): Promise<void> {
    const { open } = await mover.books.quarantine(sides)
    if (open !== rows)
      throw refused([`Open in quarantine: ${counted(open, 'row')}, not ${rows}. Look at them again`])
    if (rows === 0) return
    await acknowledgeQuarantine(sides.ledger, mover.unit.name, actor.name ?? 'holdfast')
    await mover.books.note(sides, { action: 'acknowledge', actor: actor.name, details: { rows } })
    changed(mover.unit)
  }

  /** The books; undefined without PostgreSQL, where nothing was ever moved. */
  function ledgerDb() {
    if (!control.configured.postgres) return undefined
    const db = control.store('postgres')?.db
    if (!db) throw unavailable(deps.status())
    return db
  }

  return {
    archive,
    units: () => Promise.all([...movers.values()].map(viewOf)),
    unit: async (name) => viewOf(moverOf(name)),
    plan: (units, signal) =>
      planUnits(
        {
          control,
          transfer,
          clock,
          dataDir: deps.dataDir,
          lagGoalMs: limits.lagGoalMs,
          movers: units.map(moverOf),
          awayReason: () => awayReason(deps.status()),
        },
        signal,
      ),
    rehearse: async (name, actor, signal) => {
      const mover = moverOf(name)
      const sides = await both(mover, true)
      const result = await rehearseUnit(
        { unit: mover.unit, sides, control, log, dataDir: deps.dataDir, clock },
        signal,
      )
      await mover.books.note(sides, {
        action: 'rehearse',
        actor: actor.name,
        details: { rows: result.rows, seconds: result.seconds, differences: result.differences },
      })
      return result
    },
    act: async (name, action, actor, options = {}) => {
      const mover = moverOf(name)
      await act(mover, action, actor, options)
      return viewOf(mover)
    },
    shadow: async (name, share, actor) => {
      const mover = moverOf(name)
      const sides = await both(mover)
      if (mover.books.move?.state !== 'mirroring')
        throw refused(['There is no complete mirror: mirror the unit first, and wait for the copy'])
      await mover.setShadow(sides, share, actor.name)
      return viewOf(mover)
    },
    log: async (query) => {
      const db = ledgerDb()
      return db ? readLog(db, { ...query, unit: query.unit && unitNamed(query.unit).name }) : []
    },
    quarantine: async (query) => {
      const db = ledgerDb()
      return db ? listQuarantine(db, { ...query, unit: query.unit && unitNamed(query.unit).name }) : []
    },
    acknowledge: async (name, rows, actor) => {
      const mover = moverOf(name)
      await acknowledge(mover, await both(mover), rows, actor)
      return viewOf(mover)
    },
    replay: async (name, actor) => {
      const mover = moverOf(name)
      const sides = await both(mover)
      const shapes = await mover.shapes(sides)
      const result = await mover.alone(() => replayQuarantine(mover.unit, sides, shapes))
      await mover.books.note(sides, { action: 'replay', actor: actor.name, details: result })
      changed(mover.unit)
      return result
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    async start() {
      if (!control.configured.postgres) return
      const unitOfDomain = new Map(
        allUnits.flatMap((unit) => unit.domains.map((domain) => [domain, unit.name])),
      )
      stops.push(
        control.onWrite((domain) => movers.get(unitOfDomain.get(domain) ?? '')?.wake()),
        control.onSettled(() => {
          for (const mover of movers.values()) mover.lookAgain()
          void archive.settle()
        }),
      )
      for (const mover of movers.values()) mover.start()
      await archive.settle()
    },
    async stop() {
      for (const stop of stops.splice(0)) stop()
      clearTimeout(telling)
      listeners.clear()
      throttle.stop()
      await Promise.all([...movers.values()].map((mover) => mover.stop()))
      await backups.stop()
      await transfer.close()
    },
    metrics: () => metricsOf([...movers.values()], pauses),
  }
}
