import type { Log } from '../core/log.ts'
import { isDbError } from '../db/db-errors.ts'
import type { FleetEvent } from './fleet.schema.ts'
import type { FleetStore, NewFleetEvent } from './fleet.store.ts'
import { createBell, pause } from './pause.ts'

export interface EventSink {
  add(event: NewFleetEvent): void
  /** Newest first, of the last hour, at most 50. */
  recent(): FleetEvent[]
  /** Loads the last hour and starts storing. */
  start(): Promise<void>
  /** Stores what waits, once, and ends. */
  stop(): Promise<void>
}

const COLLECT_MS = 250
const RETRY_MS = 5_000
const BATCH = 200
const MAX_WAITING = 5_000
const RECENT = 50
const RECENT_MS = 3_600_000

/**
 * Takes events as they come, stores them in batches and tells live clients. While the store is away clients are told
 * all the same (with a negative id), and the events wait for it; beyond 5,000 the oldest are lost, and counted. One that
 * the store refuses is told and logged, and the others are stored without it.
 */
export function createEventSink(deps: {
  store: Pick<FleetStore, 'insertEvents' | 'listEvents'>
  log: Log
  onEvent: (event: FleetEvent) => void
}): EventSink {
  const stopping = new AbortController()
  const bell = createBell(stopping.signal)
  const waiting: { event: NewFleetEvent; told: boolean }[] = []
  let recent: FleetEvent[] = []
  let running: Promise<void> = Promise.resolve()
  let temporaryId = 0
  let lost = 0

  function tell(event: FleetEvent): void {
    recent.push(event)
    if (recent.length > RECENT) recent.shift()
    deps.onEvent(event)
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      const ids = await insert(batch.map((each) => each.event))
      waiting.splice(0, batch.length)
      batch.forEach((each, index) => {
        if (!each.told) tell({ id: ids[index] ?? --temporaryId, ...each.event })
      })
    }
  }

  /** Ids in the order of `events`; undefined for one that the store refuses. */
  async function insert(events: readonly NewFleetEvent[]): Promise<(number | undefined)[]> {
    try {
      return await deps.store.insertEvents(events)
    } catch (error) {
      if (!isDbError(error) || !error.refusesRow) throw error
      const [event] = events
      if (event && events.length === 1) {
        const { endpointId, kind, action } = event
        deps.log.warn({ err: error, endpointId, kind, action }, 'an event that cannot be stored is left out')
        return [undefined]
      }
      const middle = Math.ceil(events.length / 2)
      const first = await insert(events.slice(0, middle))
      return [...first, ...(await insert(events.slice(middle)))]
    }
  }

  async function run(): Promise<void> {
    let failing = false
    while (!stopping.signal.aborted) {
      await bell.wait()
      await pause(COLLECT_MS, stopping.signal)
      try {
        await flush()
        failing = false
      } catch (error) {
        if (!failing)
          deps.log.warn({ err: error, waiting: waiting.length, lost }, 'events cannot be stored now')
        failing = true
        for (const each of waiting) {
          if (!each.told) tell({ id: --temporaryId, ...each.event })
          each.told = true
        }
        await pause(RETRY_MS, stopping.signal)
        bell.ring()
      }
    }
  }

  return {
    add(event) {
      waiting.push({ event, told: false })
      if (waiting.length > MAX_WAITING) {
        waiting.shift()
        lost++
      }
      bell.ring()
    },
    recent() {
      const oldest = new Date(Date.now() - RECENT_MS).toISOString()
      return recent.filter((event) => event.at >= oldest).reverse()
    },
    async start() {
      const since = new Date(Date.now() - RECENT_MS).toISOString()
      try {
        recent = (await deps.store.listEvents({ limit: RECENT, since })).reverse()
      } catch (error) {
        deps.log.warn({ err: error }, 'recent events cannot be read now')
      }
      running = run()
    },
    async stop() {
      stopping.abort()
      await running
      try {
        await flush()
      } catch (error) {
        deps.log.warn({ err: error, events: waiting.length }, 'events were not stored before the end')
      }
    },
  }
}
