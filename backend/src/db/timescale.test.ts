import { describe, expect, it } from 'vitest'
import { databases } from '../../test/databases.ts'
import { judgeTimescale, readTimescaleFacts } from './timescale.ts'

describe.each(databases.filter(({ dialect }) => dialect === 'postgres'))('TimescaleDB on $name', (kind) => {
  it('is used with every part of it, and not with its Apache part alone', async () => {
    const database = await kind.open()
    try {
      const facts = await readTimescaleFacts(database.db)
      const here = judgeTimescale(facts)
      expect(here.usable).toBe(facts.installed !== null && facts.licence === 'timescale')
      if (kind.name === 'timescale') expect(here).toMatchObject({ usable: true, reason: undefined })

      const apache = judgeTimescale({ ...facts, installed: facts.installed ?? '2.31.0', licence: 'apache' })
      expect(apache.usable).toBe(false)
      expect(apache.reason).toContain('Apache part only')
    } finally {
      await database.close()
    }
  })
})

it('is not used when it is too old or not there', () => {
  const facts = { installed: '2.12.2', offered: '2.31.0', licence: 'timescale' }
  expect(judgeTimescale(facts).reason).toContain('2.13 is needed')
  expect(judgeTimescale({ ...facts, installed: '2.13.0' }).usable).toBe(true)
  expect(judgeTimescale({ ...facts, installed: null }).reason).toContain('CREATE EXTENSION')
  expect(judgeTimescale({ installed: null, offered: null, licence: null }).reason).toContain('not available')
})
