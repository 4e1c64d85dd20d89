import { between, hexId, mix, unit } from './random.ts'
import type { Behaviour } from './templates.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Deploys are numbered from here. */
const DEPLOY_EPOCH = Date.UTC(2025, 0, 1)

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited'
type Health = 'none' | 'starting' | 'healthy' | 'unhealthy'

/** What a lifecycle depends on. Replicas of a service share `serviceSeed`: they are deployed together. */
export interface LifecycleSubject {
  readonly seed: number
  readonly serviceSeed: number
  readonly replica: number
  readonly cadence: 'own' | 'vendor'
  readonly behaviour: Behaviour
  readonly hasHealthcheck: boolean
  override: Override | undefined
}

/** What somebody did to a container by hand. It holds until the next deploy replaces the container. */
export interface Override {
  readonly containerId: string
  readonly at: number
  readonly state: 'running' | 'exited' | 'paused'
  /** Where the container's own course begins anew; for `running`. */
  readonly anchor: number
  readonly startedAt: number
  readonly finishedAt: number | undefined
  readonly exitCode: number
  readonly restartCount: number
}

/** One container: from a deploy to the next. All times in ms since the Unix epoch. */
export interface Incarnation {
  readonly id: string
  /** Number of the deploy, from 0. */
  readonly deploy: number
  readonly createdAt: number
  readonly replacedAt: number
}

/** A container at an instant. Nothing but `until` passing (or an action) changes it. */
export interface Snapshot {
  readonly incarnation: Incarnation
  readonly state: ContainerState
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  readonly exitCode: number
  readonly oomKilled: boolean
  readonly restartCount: number
  readonly health: Health
  /** The next instant at which something changes by itself; always later than the snapshot. */
  readonly until: number
  /** When memory runs out, for a container that leaks. */
  readonly outOfMemoryAt: number | undefined
}

type Course = Omit<Snapshot, 'incarnation' | 'health'>

function deployPeriod(subject: LifecycleSubject): number {
  return subject.cadence === 'own'
    ? between(9 * HOUR, 40 * HOUR, subject.serviceSeed, 1)
    : between(18 * DAY, 50 * DAY, subject.serviceSeed, 1)
}

/** The container that is there at `now`. */
function incarnationAt(subject: LifecycleSubject, now: number): Incarnation {
  const { serviceSeed } = subject
  const period = deployPeriod(subject)
  const offset = DEPLOY_EPOCH - unit(serviceSeed, 2) * period
  const at = (deploy: number) =>
    Math.round(
      offset + (deploy + 0.4 * unit(mix(serviceSeed, 3), deploy)) * period + subject.replica * 35 * SECOND,
    )
  let deploy = Math.floor((now - offset) / period)
  while (at(deploy) > now) deploy--
  return {
    id: hexId(mix(subject.seed, deploy)),
    deploy: Math.max(0, deploy),
    createdAt: at(deploy),
    replacedAt: at(deploy + 1),
  }
}

function running(startedAt: number, until: number, more: Partial<Course> = {}): Course {
  return {
    state: 'running',
    startedAt,
    finishedAt: undefined,
    exitCode: 0,
    oomKilled: false,
    restartCount: 0,
    until,
    outOfMemoryAt: undefined,
    ...more,
  }
}

function stopped(startedAt: number, finishedAt: number, exitCode: number, until: number): Course {
  return { ...running(startedAt, until), state: 'exited', finishedAt, exitCode }
}

/** Docker doubles the wait before a restart from 100 ms up to a minute. */
function backoff(restart: number): number {
  return restart >= 10 ? MINUTE : Math.min(MINUTE, 100 * 2 ** restart)
}

function crashLoop(seed: number, anchor: number, now: number, end: number): Course {
  const run = between(3 * SECOND, 8 * SECOND, seed, 10)
  let restart = 0
  let begin = anchor
  while (restart < 10 && begin + run + backoff(restart) <= now) {
    begin += run + backoff(restart)
    restart++
  }
  if (restart === 10) {
    const cycles = Math.floor((now - begin) / (run + MINUTE))
    restart += cycles
    begin += cycles * (run + MINUTE)
  }
  const finishedBefore = restart === 0 ? undefined : begin - backoff(restart - 1)
  const died = begin + run
  if (now < died) {
    return running(begin, Math.min(died, end), {
      restartCount: restart,
      exitCode: 0,
      finishedAt: finishedBefore,
    })
  }
  return {
    ...stopped(begin, died, 1, Math.min(died + backoff(restart), end)),
    state: 'restarting',
    restartCount: restart,
  }
}

function leak(seed: number, anchor: number, now: number, end: number): Course {
  const life = between(70 * MINUTE, 200 * MINUTE, seed, 11)
  const down = 1400
  const cycle = Math.floor((now - anchor) / life)
  const begin = anchor + cycle * life
  const died = begin + life - down
  if (now < died) {
    return running(begin, Math.min(died, end), {
      restartCount: cycle,
      finishedAt: cycle === 0 ? undefined : begin - down,
      outOfMemoryAt: died,
    })
  }
  return {
    ...stopped(begin, died, 137, Math.min(begin + life, end)),
    state: 'restarting',
    restartCount: cycle,
    oomKilled: true,
  }
}

function courseOf(subject: LifecycleSubject, incarnation: Incarnation, anchor: number, now: number): Course {
  const { seed, behaviour } = subject
  const end = incarnation.replacedAt
  const spawn = mix(seed, incarnation.deploy)
  switch (behaviour) {
    case 'steady':
    case 'flapping':
      return running(anchor, end)
    case 'leak':
      return leak(spawn, anchor, now, end)
    case 'crash-loop':
      return crashLoop(spawn, anchor, now, end)
    case 'bad-deploys': {
      if (incarnation.deploy % 3 !== 1) return running(anchor, end)
      const mended = anchor + 25 * MINUTE
      if (now < mended) return crashLoop(spawn, anchor, now, Math.min(end, mended))
      const last = crashLoop(spawn, anchor, mended - 1, end)
      return running(mended, end, { restartCount: last.restartCount + 1 })
    }
    case 'job': {
      const every = between(45 * MINUTE, 110 * MINUTE, subject.serviceSeed, 12)
      const length = between(2 * MINUTE, 9 * MINUTE, spawn, 13)
      const begin = anchor + Math.floor((now - anchor) / every) * every
      if (now < begin + length) {
        const before = begin > anchor ? begin - every + length : undefined
        return running(begin, Math.min(begin + length, end), { finishedAt: before })
      }
      return stopped(begin, begin + length, 0, Math.min(begin + every, end))
    }
    case 'done':
    case 'failed': {
      const finish = anchor + between(9 * SECOND, 50 * SECOND, spawn, 14)
      if (now < finish) return running(anchor, Math.min(finish, end))
      return stopped(anchor, finish, behaviour === 'done' ? 0 : 1, end)
    }
    case 'paused': {
      const pausedAt = anchor + MINUTE
      if (now < pausedAt) return running(anchor, Math.min(pausedAt, end))
      return { ...running(anchor, end), state: 'paused' }
    }
    case 'created':
      if (anchor !== incarnation.createdAt) return running(anchor, end)
      return { ...running(anchor, end), state: 'created', startedAt: undefined }
  }
}

/** Unhealthy windows of a flapping service; the replicas take turns. */
function flappingAt(subject: LifecycleSubject, now: number): { unhealthy: boolean; until: number } {
  const every = between(25 * MINUTE, 55 * MINUTE, subject.serviceSeed, 20)
  const length = between(4 * MINUTE, 8 * MINUTE, subject.serviceSeed, 21)
  const since = (now + subject.replica * 7 * MINUTE) % every
  const unhealthy = since >= every - length
  return { unhealthy, until: now + (unhealthy ? every - since : every - length - since) }
}

function healthOf(subject: LifecycleSubject, course: Course, now: number): { health: Health; until: number } {
  const none = { health: 'none' as const, until: Number.POSITIVE_INFINITY }
  if (!subject.hasHealthcheck || course.startedAt === undefined) return none
  if (course.state !== 'running' && course.state !== 'paused') {
    return { ...none, health: course.state === 'exited' ? 'unhealthy' : 'starting' }
  }
  const ready = course.startedAt + between(6 * SECOND, 30 * SECOND, subject.seed, 22)
  if (now < ready) return { health: 'starting', until: ready }
  if (subject.behaviour === 'flapping') {
    const { unhealthy, until } = flappingAt(subject, now)
    return { health: unhealthy ? 'unhealthy' : 'healthy', until }
  }
  if (course.outOfMemoryAt !== undefined) {
    // A process about to be killed for its memory has been swapping for a while: its probe times out.
    const failing = course.outOfMemoryAt - (course.outOfMemoryAt - course.startedAt) * 0.04
    return now < failing
      ? { health: 'healthy', until: failing }
      : { health: 'unhealthy', until: course.outOfMemoryAt }
  }
  return { health: 'healthy', until: Number.POSITIVE_INFINITY }
}

/** The container at `now`, as its own course and the actions on it have made it. */
export function snapshotAt(subject: LifecycleSubject, now: number): Snapshot {
  const incarnation = incarnationAt(subject, now)
  const { override } = subject
  const acted = override?.containerId === incarnation.id && override.at <= now ? override : undefined
  let course: Course
  if (acted === undefined) {
    course = courseOf(subject, incarnation, incarnation.createdAt, now)
  } else if (acted.state === 'running') {
    course = courseOf(subject, incarnation, acted.anchor, now)
    course = {
      ...course,
      restartCount: course.restartCount + acted.restartCount,
      startedAt: Math.max(course.startedAt ?? acted.startedAt, acted.startedAt),
      finishedAt: course.finishedAt ?? acted.finishedAt,
    }
  } else {
    course = {
      ...running(acted.startedAt, incarnation.replacedAt),
      state: acted.state,
      finishedAt: acted.finishedAt,
      exitCode: acted.exitCode,
      restartCount: acted.restartCount,
    }
  }
  const { health, until } = healthOf(subject, course, now)
  return { incarnation, ...course, health, until: Math.ceil(Math.min(course.until, until)) }
}
