import { expect, it } from 'vitest'
import { createRecentRequests } from './recent-requests.ts'

it('tells people from probes, and from who follows a backup', () => {
  const requests = createRecentRequests()
  expect(requests.isAsked()).toBe(false)
  for (const path of ['/health/live', '/health/ready', '/metrics', '/api/backups']) requests.add(path, 1)
  expect(requests.isAsked()).toBe(false)
  requests.add('/api/fleet/overview', 1)
  expect(requests.isAsked()).toBe(true)
})

it('knows a slow request among enough of them, and none that is slow by nature', () => {
  const requests = createRecentRequests()
  for (let i = 0; i < 19; i++) requests.add('/api/fleet/overview', 5)
  expect(requests.p99Ms()).toBeNull()
  requests.add('/api/storage/units', 9_000)
  expect(requests.p99Ms()).toBeNull()
  requests.add('/api/fleet/overview', 700)
  expect(requests.p99Ms()).toBe(700)
})
