import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { plainDatabases } from '../../test/databases.ts'
import { readGrowth } from './growth.ts'

const DAY_MS = 86_400_000

describe.each(plainDatabases)('growth on $name', (kind) => {
  it('is that of the tables that have not reached their retention', async () => {
    const database = await kind.open({ migrated: true })
    const now = new Date('2026-11-21T12:00:00.000Z')
    const at = (days: number) => new Date(now.getTime() - days * DAY_MS).toISOString()
    const rows = Array.from(
      { length: 1_500 },
      (_, i) => [at(10 - (i % 10)), randomBytes(1_000).toString('hex')] as const,
    )
    await database.db.insertMany(
      'audit_log',
      ['created_at', 'target_id', 'action'],
      rows.map((row) => [...row, 'a']),
    )
    await database.db.insertMany(
      'notification_log',
      ['created_at', 'body', 'channel', 'event_type', 'title', 'status'],
      rows.map(([, body]) => [at(120), body, 'c', 'e', 't', 's']),
    )
    if (kind.dialect === 'postgres') await database.db.execute('ANALYZE')
    const growth = await readGrowth(database.db, database.location, now)
    await database.close()
    expect(growth?.tables.map(({ table }) => table)).toEqual(['audit_log'])
    const [audit] = growth?.tables ?? []
    expect(audit?.daysLeft).toBeCloseTo(355, 3)
    expect(audit?.bytesPerDay).toBeGreaterThan(150 * 2_000)
    expect(audit?.bytesPerDay).toBeLessThan(growth?.bytes ?? 0)
  })
})
