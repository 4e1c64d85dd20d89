import { expect, test } from 'vitest'
import { aContainer } from '../../../test/fleet.ts'
import { patchContainers, patchSamples } from './patch-containers.ts'

const a = aContainer({ id: 'a', name: 'web' })
const b = aContainer({ id: 'b', name: 'db' })
const c = aContainer({ id: 'c', name: 'queue' })
const pages = [
  { items: [a], nextCursor: 'x' },
  { items: [b], nextCursor: null },
]

test('replaces in place and leaves the rest as it is', () => {
  const stopped = { ...b, state: 'exited' as const }
  const patched = patchContainers(pages, { upserts: [stopped], removes: [] })
  expect(patched[0]).toBe(pages[0])
  expect(patched[1]?.items).toEqual([stopped])
})

test('takes out what is gone and appends what is new', () => {
  const patched = patchContainers(pages, { upserts: [c], removes: [{ endpointId: 1, id: 'b' }] })
  expect(patched.flatMap((page) => page.items)).toEqual([a, c])
})

test('tells the same id on two endpoints apart', () => {
  const other = aContainer({ endpointId: 2 })
  const patched = patchContainers(pages, { upserts: [other], removes: [{ endpointId: 3, id: 'a' }] })
  expect(patched.flatMap((page) => page.items)).toEqual([a, b, other])
})

test('waits with new ones while pages are still to come', () => {
  const first = pages.slice(0, 1)
  expect(patchContainers(first, { upserts: [c], removes: [] })).toEqual(first)
})

test('sets the newest values by name and keeps the others', () => {
  const at = '2026-11-21T00:00:10Z'
  const patched = patchSamples(pages, { at, rows: [[1, 'db', 12.5, 1024]] })
  expect(patched[0]?.items[0]).toBe(a)
  expect(patched[1]?.items[0]).toEqual({ ...b, cpuPercent: 12.5, memoryUsedBytes: 1024, sampledAt: at })
})
