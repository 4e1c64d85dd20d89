import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createMonitoringService, createMonitoringStore } from './index.ts'

describe.each(plainDatabases)('monitoring on $name', ({ open }) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  afterAll(() => database.close())

  it('keeps counts of the fleet, pages through them and deletes old ones', async () => {
    let now = Date.parse('2026-11-01T00:00:00Z')
    const monitoring = createMonitoringService({
      store: createMonitoringStore(database.db),
      settings: { number: async () => 10 },
      clock: () => new Date(now),
    })
    for (let day = 0; day < 20; day++) {
      await monitoring.recordCycle(12.6)
      await monitoring.recordSnapshot({
        containersRunning: day,
        containersStopped: 1,
        containersUnhealthy: 0,
        endpointsUp: 1,
        endpointsDown: 0,
      })
      now += 86_400_000
    }
    const first = await monitoring.snapshots({ limit: 15 })
    const second = await monitoring.snapshots({ limit: 15, cursor: first.nextCursor ?? undefined })
    const running = [...first.items, ...second.items].map((item) => item.containersRunning)
    expect(running).toEqual(Array.from({ length: 20 }, (_, index) => 19 - index))
    expect(second.nextCursor).toBeNull()
    await monitoring.prune(new AbortController().signal)
    expect((await monitoring.snapshots({ limit: 50 })).items).toHaveLength(10)
    expect(await database.db.queryOne('SELECT COUNT(*) AS cycles FROM monitoring_cycles')).toEqual({
      cycles: 10,
    })
  })
})
