import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { DbError } from '../db/db-errors.ts'
import { createEventSink, type EventSink } from './event-sink.ts'
import type { FleetEvent } from './fleet.schema.ts'
import type { NewFleetEvent } from './fleet.store.ts'

const anEvent = (subjectName: string): NewFleetEvent => ({
  at: new Date().toISOString(),
  endpointId: 1,
  kind: 'container',
  action: 'start',
  subjectId: 'x',
  subjectName,
  stack: null,
  attributes: {},
})

const sinks: EventSink[] = []
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.stop()
})

function start(insert: (events: readonly NewFleetEvent[]) => Promise<number[]>) {
  const told: FleetEvent[] = []
  const sink = createEventSink({
    store: { insertEvents: insert, listEvents: () => Promise.resolve([]) },
    log: pino({ level: 'silent' }),
    onEvent: (event) => told.push(event),
  })
  sinks.push(sink)
  return { sink, told }
}

describe('event sink', () => {
  it('stores events that come together in one go and tells them with their ids', async () => {
    const batches: number[] = []
    const { sink, told } = start((events) => {
      batches.push(events.length)
      return Promise.resolve(events.map((_, index) => 100 + index))
    })
    await sink.start()
    sink.add(anEvent('a'))
    sink.add(anEvent('b'))
    await expect
      .poll(() => told.map(({ id, subjectName }) => [id, subjectName]))
      .toEqual([
        [100, 'a'],
        [101, 'b'],
      ])
    expect(batches).toEqual([2])
    expect(sink.recent().map(({ subjectName }) => subjectName)).toEqual(['b', 'a'])
  })

  it('tells events at once while the store is away, and stores them at the end', async () => {
    let away = true
    const stored: string[] = []
    const { sink, told } = start((events) => {
      if (away) return Promise.reject(new Error('away'))
      stored.push(...events.map(({ subjectName }) => subjectName))
      return Promise.resolve(events.map((_, index) => index + 1))
    })
    await sink.start()
    sink.add(anEvent('a'))
    await expect.poll(() => told.map(({ id }) => id)).toEqual([-1])
    away = false
    await sink.stop()
    expect(stored).toEqual(['a'])
    expect(told).toHaveLength(1)
  })

  it('leaves out what the store refuses, tells it all the same, and stores everything else', async () => {
    const stored: string[] = []
    const { sink, told } = start((events) => {
      if (events.some(({ subjectName }) => subjectName === 'bad')) {
        return Promise.reject(new DbError('invalid-value', 'no such text'))
      }
      stored.push(...events.map(({ subjectName }) => subjectName))
      return Promise.resolve(events.map(() => stored.length))
    })
    await sink.start()
    const names = ['a', 'b', 'bad', 'c', 'd', 'bad', 'e']
    for (const name of names) sink.add(anEvent(name))
    await expect.poll(() => told.map(({ subjectName }) => subjectName)).toEqual(names)
    expect(stored).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(told.map(({ id }) => id > 0)).toEqual(names.map((name) => name !== 'bad'))
  })

  it('stores what still waits when it is stopped', async () => {
    const stored: string[] = []
    const { sink } = start((events) => {
      stored.push(...events.map(({ subjectName }) => subjectName))
      return Promise.resolve(events.map((_, index) => index + 1))
    })
    await sink.start()
    sink.add(anEvent('last'))
    await sink.stop()
    expect(stored).toEqual(['last'])
  })
})
