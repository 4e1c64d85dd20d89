import { expect, test } from 'vitest'
import { aContainer } from '../../../test/fleet.ts'
import { filterContainers, stackLabels, stackNames } from './filter-containers.ts'

const web = aContainer({ stack: 'shop-10' })
const db = aContainer({ id: 'def456', name: 'db', image: 'postgres:17', state: 'exited', stack: 'shop-9' })
const far = aContainer({ endpointId: 2, id: '789', name: 'cache', health: 'unhealthy' })
const all = [web, db, far]

test('without filters the list itself comes back', () => {
  expect(filterContainers(all, {})).toBe(all)
})

test.each([
  [{ q: 'NGINX' }, [web, far]],
  [{ q: 'shop' }, [web, db]],
  [{ q: 'def4' }, [db]],
  [{ q: 'ef456' }, []],
  [{ state: 'stopped' as const }, [db]],
  [{ state: 'running' as const }, [web, far]],
  [{ health: 'unhealthy' as const }, [far]],
  [{ stack: 'shop-9' }, [db]],
  [{ endpointId: 2 }, [far]],
  [{ endpointId: 1, state: 'running' as const }, [web]],
])('filters by %j', (filters, expected) => {
  expect(filterContainers(all, filters)).toEqual(expected)
})

test('stacks are listed once, as people count', () => {
  expect(stackNames([...all, web])).toEqual(['shop-9', 'shop-10'])
})

test('two stacks of one name are told apart by their place', () => {
  const here = aContainer({ stack: 'shop', endpointName: 'atlas' })
  const there = aContainer({ endpointId: 2, stack: 'shop', endpointName: 'boreas' })
  const labels = (of: (typeof here)[]) => of.map(stackLabels(of))
  expect(labels([here, there, db, far])).toEqual(['shop · atlas', 'shop · boreas', 'shop-9', null])
  expect(labels([here, { ...here, id: '2' }])).toEqual(['shop', 'shop'])
})
