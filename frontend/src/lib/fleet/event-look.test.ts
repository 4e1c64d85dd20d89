import { expect, test } from 'vitest'
import type { FleetEvent } from '../api/types.ts'
import { eventDetails, eventTone, eventWords, foldEvents, groupByDay } from './event-look.ts'

const anEvent = (over: Partial<FleetEvent> = {}): FleetEvent => ({
  id: 1,
  at: '2026-11-21T12:00:00Z',
  endpointId: 1,
  kind: 'container',
  action: 'start',
  subjectId: 'a',
  subjectName: 'web',
  stack: null,
  attributes: {},
  ...over,
})

test.each([
  ['start', {}, 'start'],
  ['die', { exitCode: '137' }, 'exit 137'],
  ['stop', { exitCode: '0' }, 'stop'],
  ['health_status: unhealthy', {}, 'unhealthy'],
])('%s with %o is called "%s"', (action, attributes, words) => {
  expect(eventWords(anEvent({ action, attributes }))).toBe(words)
})

test.each([
  ['start', {}, 'ok'],
  ['die', { exitCode: '0' }, 'unknown'],
  ['die', { exitCode: '143' }, 'unknown'],
  ['die', { exitCode: '1' }, 'critical'],
  ['die', { exitCode: '137' }, 'critical'],
  ['oom', {}, 'critical'],
  ['health_status: unhealthy', {}, 'critical'],
  ['health_status: healthy', {}, 'ok'],
  ['restart', {}, 'warn'],
  ['pull', {}, 'info'],
  ['down', {}, 'critical'],
] as const)('%s %j is %s', (action, attributes, tone) => {
  expect(eventTone(anEvent({ action, attributes }))).toBe(tone)
})

test('details leave out what the row says', () => {
  const event = anEvent({
    attributes: { name: 'web', exitCode: '1', image: 'nginx', 'com.docker.compose.project': 'shop' },
  })
  expect(eventDetails(event)).toEqual([['image', 'nginx']])
})

test('days follow each other as the events do', () => {
  const days = groupByDay([
    anEvent({ at: '2026-11-21T12:00:00Z' }),
    anEvent({ at: '2026-11-21T11:00:00Z' }),
    anEvent({ at: '2026-11-18T12:00:00Z' }),
  ])
  expect(days.map(({ events }) => events.length)).toEqual([2, 1])
})

test('what happens again and again is told once, where it happened last', () => {
  const died = { action: 'die', attributes: { exitCode: '1' } }
  const folded = foldEvents([
    anEvent({ id: 5, ...died }),
    anEvent({ id: 4 }),
    anEvent({ id: 3, ...died }),
    anEvent({ id: 2, ...died, endpointId: 2 }),
    anEvent({ id: 1, action: 'die', attributes: { exitCode: '137' } }),
  ])
  expect(folded.map(({ event, count }) => [event.id, count])).toEqual([
    [5, 2],
    [4, 1],
    [2, 1],
    [1, 1],
  ])
})
