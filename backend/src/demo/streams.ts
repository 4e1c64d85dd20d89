/** The parts of the Engine API that go on: stats, logs, events. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Container, type Engine, EngineError, type EngineEvent } from './engine.ts'
import { eventPasses, type Filters } from './filters.ts'
import { type LogEntry, logLines } from './logs.ts'
import { statsOf } from './usage.ts'
import { goTime } from './views.ts'

/** How often a followed log or the events are looked at, in real time. */
const POLL_MS = 200

export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly query: URLSearchParams
  readonly engine: Engine
  readonly logScale: number
}

/** Docker reads 1, true, True and the like as true. */
export function flag(query: URLSearchParams, name: string, fallback = false): boolean {
  const value = query.get(name)
  return value === null || value === ''
    ? fallback
    : !['0', 'false', 'no', 'none'].includes(value.toLowerCase())
}

/** A `since` or `until`: seconds since 1970, with fraction if need be. 0 and absent mean undefined. */
function timeParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '' || text === '0') return undefined
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (!Number.isFinite(ms)) throw new EngineError(400, `invalid value for "${name}": ${text}`)
  return ms
}

/** Calls `work` at intervals until the client has gone or `stop` is called. */
function repeat(res: ServerResponse, intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs)
  const stop = () => clearInterval(timer)
  res.on('close', stop)
  return stop
}

/** `/containers/{id}/stats` */
export function sendStats({ res, query, engine }: Exchange, { slot }: Container): void {
  const { host } = engine
  res.setHeader('Content-Type', 'application/json')
  if (!flag(query, 'stream', true)) {
    const now = engine.clock()
    const previous = flag(query, 'one-shot') ? undefined : now - 1000
    res.end(`${JSON.stringify(statsOf(host, slot, engine.snapshot(slot, now), now, previous))}\n`)
    return
  }
  const { id } = engine.snapshot(slot).incarnation
  let previous: number | undefined
  const send = () => {
    const now = engine.clock()
    const snapshot = engine.snapshot(slot, now)
    if (snapshot.incarnation.id !== id) {
      stop()
      res.end()
    } else if (!res.writableNeedDrain) {
      res.write(`${JSON.stringify(statsOf(host, slot, snapshot, now, previous))}\n`)
      previous = now
    }
  }
  const stop = repeat(res, 1000, send)
  send()
}

/** One write of a container without a terminal: stream number, length, payload. */
function frame(stream: LogEntry['stream'], payload: string): Buffer {
  const body = Buffer.from(payload)
  const header = Buffer.alloc(8)
  header[0] = stream === 'stdout' ? 1 : 2
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

/** `/containers/{id}/logs` */
export function sendLogs({ res, query, engine, logScale }: Exchange, { slot, snapshot }: Container): void {
  const stdout = flag(query, 'stdout')
  const stderr = flag(query, 'stderr')
  if (!stdout && !stderr) throw new EngineError(400, 'Bad parameters: you must choose at least one stream')
  const tty = slot.template.tty ?? false
  const timestamps = flag(query, 'timestamps')
  const since = timeParameter(query, 'since')
  const until = timeParameter(query, 'until')
  const tail = query.get('tail')
  const most = tail === null || tail === 'all' || !/^\d+$/.test(tail) ? undefined : Number(tail)

  const encode = (entries: readonly LogEntry[]): Buffer[] => {
    let last = 0
    let nanos = 0
    return entries
      .filter(({ stream }) => tty || (stream === 'stdout' ? stdout : stderr))
      .map(({ timeMs, stream, text }) => {
        nanos = timeMs === last ? nanos + 1017 : (timeMs * 7919) % 900_000
        last = timeMs
        const line = `${timestamps ? `${goTime(timeMs, nanos)} ` : ''}${text}`
        return tty ? Buffer.from(`${line}\r\n`) : frame(stream, `${line}\n`)
      })
  }

  res.setHeader('Content-Type', `application/vnd.docker.${tty ? 'raw' : 'multiplexed'}-stream`)
  const { id } = snapshot.incarnation
  let written = engine.clock()
  const end = Math.min(written, until ?? written)
  // `since` includes its own instant; logLines does not include where it begins.
  const begin = since === undefined ? 0 : Math.ceil(since) - 1
  const lines = () => {
    if (most === undefined || end === written) return logLines(slot, begin, end, most, logScale)
    // The engine takes its tail from the end of the log and then leaves out what is after `until`.
    return logLines(slot, begin, written, most, logScale).filter(({ timeMs }) => timeMs <= end)
  }
  const chunks = most === 0 || begin >= end ? [] : encode(lines())
  if (!flag(query, 'follow')) {
    res.end(Buffer.concat(chunks))
    return
  }
  res.write(Buffer.concat(chunks))
  res.flushHeaders()
  const stop = repeat(res, POLL_MS, () => {
    // A client that does not read gets the lines later: they are a function of time and need no buffer.
    if (res.writableNeedDrain) return
    const now = Math.min(engine.clock(), until ?? Number.POSITIVE_INFINITY)
    const current = engine.snapshot(slot, now)
    if (current.incarnation.id === id && now > written) {
      for (const chunk of encode(logLines(slot, written, now, undefined, logScale))) res.write(chunk)
      written = now
    }
    const over = current.incarnation.id !== id || current.state === 'exited' || now === until
    if (over) {
      stop()
      res.end()
    }
  })
}

function eventDocument({ timeMs, type, action, actorId, attributes }: EngineEvent): string {
  const legacy = type === 'container' ? { status: action, id: actorId, from: attributes.image } : {}
  return `${JSON.stringify({
    ...legacy,
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
    time: Math.floor(timeMs / 1000),
    timeNano: timeMs * 1_000_000,
  })}\n`
}

/** `/events` */
export function sendEvents({ res, query, engine }: Exchange, filters: Filters): void {
  const since = timeParameter(query, 'since')
  const until = timeParameter(query, 'until')
  res.setHeader('Content-Type', 'application/json')
  const now = engine.clock()
  const send = (event: EngineEvent) => {
    if (eventPasses(event, filters)) res.write(eventDocument(event))
  }
  if (since !== undefined) engine.eventsBetween(since, Math.min(now, until ?? now)).forEach(send)
  if (until !== undefined && until <= now) {
    res.end()
    return
  }
  res.flushHeaders()
  const silence = engine.listen(send)
  res.on('close', silence)
  const stop = repeat(res, POLL_MS, () => {
    engine.poll()
    if (until !== undefined && engine.clock() >= until) {
      stop()
      res.end()
    }
  })
}
