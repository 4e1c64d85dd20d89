import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { testEngines } from '../../test/engines.ts'
import { domains } from './domains.ts'
import { dropPartitions, ensurePartitions, partitionsOf } from './pg-partitions.ts'

const dayMs = 24 * 60 * 60 * 1000
const startMs = Date.UTC(2020, 4, 17, 13)
const tables = Object.keys(domains.metrics.tables)

describe.skipIf(!testEngines().includes('postgres'))('partitions on PostgreSQL', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await openDatabase('postgres', { migrated: true })
  })
  afterAll(() => test.close())

  const days = async (table: string) => (await partitionsOf(test.db, table)).map(({ fromMs }) => fromMs)

  it('are made for a range, by several processes at once, and dropped by age', async () => {
    const toMs = startMs + 20 * dayMs
    await Promise.all([1, 2, 3].map(() => ensurePartitions(test.db, tables, startMs, toMs)))
    const firstMs = startMs - (startMs % dayMs)
    const expected = Array.from({ length: 21 }, (_, i) => firstMs + i * dayMs)
    expect((await days('metrics')).filter((from) => from <= toMs)).toEqual(expected)
    for (const { fromMs, toMs: end } of await partitionsOf(test.db, 'metrics_1m')) {
      expect(end - fromMs).toBe(7 * dayMs)
    }
    await dropPartitions(test.db, 'metrics', firstMs + 5 * dayMs)
    expect((await days('metrics'))[0]).toBe(firstMs + 5 * dayMs)
    await test.db.transaction((tx) => ensurePartitions(tx, ['metrics'], startMs, startMs + 1))
    expect((await days('metrics'))[0]).toBe(firstMs)
  })

  it('are not made of tables that the registry does not partition', async () => {
    await ensurePartitions(test.db, ['metrics_1d', 'spans', 'nowhere'], startMs, startMs + dayMs)
    expect(await days('metrics_1d')).toEqual([])
  })
})

it('are left to TimescaleDB where it keeps the table', async ({ skip }) => {
  skip(!testEngines().includes('timescale'), 'TEST_ENGINES leaves TimescaleDB out')
  const test = await openDatabase('timescale', { migrated: true })
  try {
    await ensurePartitions(test.db, ['metrics'], startMs, startMs + dayMs)
    expect(await partitionsOf(test.db, 'metrics')).toEqual([])
  } finally {
    await test.close()
  }
})
