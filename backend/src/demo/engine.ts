import { type Override, type Snapshot, snapshotAt } from './lifecycle.ts'
import { labelsOf } from './views.ts'
import { type Host, imageOf, type Slot } from './world.ts'

/** An answer other than 200, with the engine's kind of body. */
export class EngineError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'EngineError'
    this.status = status
  }
}

export interface EngineEvent {
  readonly timeMs: number
  readonly type: 'container' | 'network'
  readonly action: string
  readonly actorId: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface Container {
  readonly slot: Slot
  readonly snapshot: Snapshot
}

export type Action = 'start' | 'stop' | 'restart' | 'kill' | 'pause' | 'unpause'

/** Actions kept for `/events?since=`. */
const REMEMBERED_EVENTS = 2000

/** How far back `/events?since=` goes. */
const EVENT_HISTORY_MS = 24 * 3_600_000

/** How many events of its own course one container can have in an answer to `/events?since=`. */
const EVENTS_PER_CONTAINER = 500

const isUp = (snapshot: Snapshot) => snapshot.state === 'running' || snapshot.state === 'paused'

/** One host's engine: what is there, what happened, and what can be done to it. Time comes from `clock`. */
export class Engine {
  readonly host: Host
  readonly clock: () => number
  private readonly snapshots = new Map<Slot, { from: number; snapshot: Snapshot }>()
  private readonly byName: ReadonlyMap<string, Slot>
  private byId = new Map<string, Slot>()
  private readonly acted: EngineEvent[] = []
  private readonly listeners = new Set<(event: EngineEvent) => void>()
  private readonly seen = new Map<Slot, Snapshot>()
  private nextChange = Number.POSITIVE_INFINITY

  constructor(host: Host, clock: () => number) {
    this.host = host
    this.clock = clock
    this.byName = new Map(host.slots.map((slot) => [slot.name, slot]))
  }

  /** The container in a slot now. Computed again only when something about it has changed. */
  snapshot(slot: Slot, now = this.clock()): Snapshot {
    const known = this.snapshots.get(slot)
    if (known && now >= known.from && now < known.snapshot.until) return known.snapshot
    const snapshot = snapshotAt(slot, now)
    this.snapshots.set(slot, { from: now, snapshot })
    return snapshot
  }

  list(now = this.clock()): Container[] {
    return this.host.slots.map((slot) => ({ slot, snapshot: this.snapshot(slot, now) }))
  }

  /**
   * The container called so: by name (with or without the slash), id, or an unambiguous beginning of the id.
   *
   * @throws EngineError 404 when there is none, 400 when the beginning fits several.
   */
  find(reference: string): Container {
    const missing = new EngineError(404, `No such container: ${reference}`)
    const named = this.byName.get(reference.replace(/^\//, ''))
    if (named) return { slot: named, snapshot: this.snapshot(named) }
    if (!/^[0-9a-f]{1,64}$/.test(reference)) throw missing
    const direct = this.byId.get(reference)
    if (direct) {
      const snapshot = this.snapshot(direct)
      if (snapshot.incarnation.id === reference) return { slot: direct, snapshot }
    }
    const all = this.list()
    this.byId = new Map(all.map(({ slot, snapshot }) => [snapshot.incarnation.id, slot]))
    const matches = all.filter(({ snapshot }) => snapshot.incarnation.id.startsWith(reference))
    const [match, second] = matches
    if (match === undefined) throw missing
    if (second !== undefined)
      throw new EngineError(400, `Multiple IDs found with provided prefix: ${reference}`)
    return match
  }

  /**
   * Does to a container what the request asks.
   *
   * @returns false when it is in that state already (304).
   * @throws EngineError 409 when its state does not allow it.
   */
  act(action: Action, { slot, snapshot }: Container, signal = 'SIGKILL'): boolean {
    const now = this.clock()
    const short = snapshot.incarnation.id
    const up = isUp(snapshot)
    const emit = (names: readonly string[], extra: Readonly<Record<string, string>> = {}) => {
      for (const name of names) this.remember(this.containerEvent(slot, snapshot, now, name, extra))
    }
    const override = (change: Partial<Override> & Pick<Override, 'state'>) => {
      slot.override = {
        containerId: snapshot.incarnation.id,
        at: now,
        anchor: now,
        startedAt: snapshot.startedAt ?? now,
        finishedAt: snapshot.finishedAt,
        exitCode: 0,
        restartCount: snapshot.restartCount,
        ...change,
      }
      this.snapshots.delete(slot)
      this.seen.set(slot, this.snapshot(slot, now))
      this.nextChange = Math.min(this.nextChange, this.snapshot(slot, now).until)
    }
    const connect = (name: 'connect' | 'disconnect') =>
      this.remember(this.networkEvent(slot, snapshot, now, name))

    switch (action) {
      case 'start':
        if (snapshot.state === 'paused') {
          throw new EngineError(409, 'cannot start a paused container, try unpause instead')
        }
        if (up) return false
        override({ state: 'running', startedAt: now })
        connect('connect')
        emit(['start'])
        return true
      case 'stop':
        if (!up && snapshot.state !== 'restarting') return false
        override({ state: 'exited', exitCode: exitCodeOf(slot), finishedAt: now })
        emit(['kill'], { signal: '15' })
        emit(['die'], { exitCode: String(exitCodeOf(slot)) })
        connect('disconnect')
        emit(['stop'])
        return true
      case 'restart':
        override({ state: 'running', startedAt: now, finishedAt: up ? now : snapshot.finishedAt })
        if (up) {
          emit(['kill'], { signal: '15' })
          emit(['die'], { exitCode: String(exitCodeOf(slot)) })
          emit(['stop'])
        }
        emit(['start', 'restart'])
        return true
      case 'kill': {
        if (!up)
          throw new EngineError(409, `cannot kill container: ${slot.name}: container ${short} is not running`)
        const number = signalNumber(signal)
        emit(['kill'], { signal: String(number) })
        // Other signals are for the process to make something of; these end it.
        if (number === 9 || number === 15 || number === 2 || number === 3) {
          const exitCode = number === 9 ? 137 : exitCodeOf(slot)
          override({ state: 'exited', exitCode, finishedAt: now })
          emit(['die'], { exitCode: String(exitCode) })
          connect('disconnect')
        }
        return true
      }
      case 'pause':
        if (snapshot.state === 'paused') throw new EngineError(409, `container ${short} is already paused`)
        if (!up) throw new EngineError(409, `container ${short} is not running`)
        override({ state: 'paused' })
        emit(['pause'])
        return true
      case 'unpause':
        if (snapshot.state !== 'paused') throw new EngineError(409, `container ${short} is not paused`)
        override({ state: 'running', anchor: snapshot.startedAt ?? now })
        emit(['unpause'])
        return true
    }
  }

  /** Events after `from` and up to `to`, oldest first: those of actions and those that came by themselves. */
  eventsBetween(from: number, to: number): EngineEvent[] {
    const begin = Math.max(from, this.clock() - EVENT_HISTORY_MS)
    const events = this.acted.filter(({ timeMs }) => timeMs > begin && timeMs <= to)
    for (const slot of this.host.slots) {
      const own: EngineEvent[] = []
      let at = Math.floor(begin)
      let last = snapshotAt(slot, at)
      while (last.until <= to) {
        const actedAt = slot.override?.at
        if (actedAt !== undefined && at < actedAt && last.until >= actedAt) {
          // What the action changed was told when it was done.
          at = actedAt
          last = snapshotAt(slot, at)
          continue
        }
        at = last.until
        const next = snapshotAt(slot, at)
        own.push(...this.changes(slot, last, next, at))
        last = next
      }
      events.push(...own.slice(-EVENTS_PER_CONTAINER))
    }
    return events.sort((a, b) => a.timeMs - b.timeMs)
  }

  /** Calls `listener` with each event from now on. The returned function ends that. */
  listen(listener: (event: EngineEvent) => void): () => void {
    if (this.listeners.size === 0) {
      const now = this.clock()
      for (const slot of this.host.slots) this.seen.set(slot, this.snapshot(slot, now))
      this.nextChange = Math.min(...[...this.seen.values()].map(({ until }) => until))
    }
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Tells the listeners what has happened by itself since the last call. Costs nothing when nothing has. */
  poll(): void {
    const now = this.clock()
    if (this.listeners.size === 0 || now < this.nextChange) return
    const events: EngineEvent[] = []
    let nextChange = Number.POSITIVE_INFINITY
    for (const [slot, known] of this.seen) {
      let last = known
      for (let steps = 0; last.until <= now && steps < EVENTS_PER_CONTAINER; steps++) {
        const at = last.until
        const next = snapshotAt(slot, at)
        events.push(...this.changes(slot, last, next, at))
        last = next
      }
      // After a leap of the clock the rest of a long course is left out.
      if (last.until <= now) last = this.snapshot(slot, now)
      if (last !== known) this.seen.set(slot, last)
      nextChange = Math.min(nextChange, last.until)
    }
    this.nextChange = nextChange
    events.sort((a, b) => a.timeMs - b.timeMs)
    for (const event of events) this.tell(event)
  }

  private remember(event: EngineEvent): void {
    this.acted.push(event)
    if (this.acted.length > REMEMBERED_EVENTS) this.acted.shift()
    this.tell(event)
  }

  private tell(event: EngineEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  private changes(slot: Slot, from: Snapshot, to: Snapshot, at: number): EngineEvent[] {
    const container = (snapshot: Snapshot, action: string, extra: Readonly<Record<string, string>> = {}) =>
      this.containerEvent(slot, snapshot, at, action, extra)
    const events: EngineEvent[] = []
    if (from.incarnation.id !== to.incarnation.id) {
      if (isUp(from)) {
        events.push(
          container(from, 'kill', { signal: '15' }),
          container(from, 'die', { exitCode: String(exitCodeOf(slot)) }),
          this.networkEvent(slot, from, at, 'disconnect'),
          container(from, 'stop'),
        )
      }
      events.push(container(from, 'destroy'), container(to, 'create'))
      if (isUp(to)) events.push(this.networkEvent(slot, to, at, 'connect'), container(to, 'start'))
    } else if (isUp(from) && !isUp(to)) {
      if (to.oomKilled) events.push(container(to, 'oom'))
      events.push(
        container(to, 'die', { exitCode: String(to.exitCode) }),
        this.networkEvent(slot, to, at, 'disconnect'),
      )
    } else if (!isUp(from) && isUp(to)) {
      events.push(this.networkEvent(slot, to, at, 'connect'), container(to, 'start'))
    } else if (from.state === 'running' && to.state === 'paused') {
      events.push(container(to, 'pause'))
    }
    if (isUp(to) && to.health !== from.health && (to.health === 'healthy' || to.health === 'unhealthy')) {
      events.push(container(to, `health_status: ${to.health}`))
    }
    return events
  }

  private containerEvent(
    slot: Slot,
    { incarnation }: Snapshot,
    timeMs: number,
    action: string,
    extra: Readonly<Record<string, string>>,
  ): EngineEvent {
    const attributes = {
      ...labelsOf(slot, incarnation),
      ...extra,
      image: imageOf(slot, incarnation.deploy),
      name: slot.name,
    }
    return { timeMs, type: 'container', action, actorId: incarnation.id, attributes }
  }

  private networkEvent(slot: Slot, { incarnation }: Snapshot, timeMs: number, action: string): EngineEvent {
    const { id, name, driver } = slot.network
    return {
      timeMs,
      type: 'network',
      action,
      actorId: id,
      attributes: { container: incarnation.id, name, type: driver },
    }
  }
}

/** Exit code on SIGTERM: some shut down in order, the others are ended by the signal. */
function exitCodeOf(slot: Slot): number {
  return slot.seed % 3 === 0 ? 143 : 0
}

const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  TERM: 15,
}

function signalNumber(signal: string): number {
  const number = /^\d+$/.test(signal) ? Number(signal) : SIGNALS[signal.toUpperCase().replace(/^SIG/, '')]
  if (number === undefined) throw new EngineError(400, `invalid signal: ${signal}`)
  return number
}
