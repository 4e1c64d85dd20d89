import { expect, test } from 'vitest'
import type { FleetEvent } from '../../lib/api/types.ts'
import { eventMarks } from './event-marks.ts'

const anEvent = (action: string, minute: number, attributes: Record<string, string> = {}): FleetEvent => ({
  id: minute,
  at: `2026-11-21T00:${String(minute).padStart(2, '0')}:00.000Z`,
  endpointId: 1,
  kind: 'container',
  action,
  subjectId: 'a',
  subjectName: 'web',
  stack: null,
  attributes,
})

test('deaths have their code, a container made anew is a deploy with its image, in the order of time', () => {
  const marks = eventMarks([
    anEvent('start', 4),
    anEvent('create', 3, { image: 'shop/web:1.4' }),
    anEvent('destroy', 2),
    anEvent('die', 1, { exitCode: '137' }),
  ])
  expect(marks.map(({ label }) => label)).toEqual(['die (137)', 'deploy of shop/web:1.4', 'start'])
  expect(marks[0]?.timeMs).toBe(Date.parse('2026-11-21T00:01:00.000Z'))
})

test('what explains no step in a line is no mark', () => {
  expect(eventMarks([anEvent('exec_start', 1), anEvent('rename', 2), anEvent('kill', 3)])).toEqual([])
})
