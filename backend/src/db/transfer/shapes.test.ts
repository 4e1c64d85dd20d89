import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DatabaseKind, openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { domainNames } from '../domains.ts'
import { readTableShapes } from './shapes.ts'

const open = (name: DatabaseKind['name']) => openDatabase(name, { migrated: true })

describe('table shapes', () => {
  let sqlite: TestDatabase
  let postgres: TestDatabase
  beforeAll(async () => {
    sqlite = await open('sqlite')
    postgres = await open('postgres')
  })
  afterAll(() => Promise.all([sqlite.close(), postgres.close()]))

  it('are read for every table of every domain', async () => {
    const shapes = await readTableShapes(sqlite.store, postgres.store, domainNames)
    expect(shapes.length).toBeGreaterThan(30)
    const metrics = shapes.find(({ table }) => table === 'metrics')
    expect(metrics).toMatchObject({ domain: 'metrics', key: ['series_id', 'time_ms'], time: 'time_ms' })
    expect(metrics?.columns).toEqual([
      {
        name: 'series_id',
        kind: 'integer',
        pgType: 'integer',
        min: -2147483648n,
        max: 2147483647n,
        nullable: false,
      },
      {
        name: 'time_ms',
        kind: 'integer',
        pgType: 'bigint',
        min: -(2n ** 63n),
        max: 2n ** 63n - 1n,
        nullable: false,
      },
      { name: 'value', kind: 'float', pgType: 'double precision', nullable: false },
    ])
    expect(shapes.find(({ table }) => table === 'actions')).toMatchObject({
      parents: ['insights'],
      uniques: [['container_id', 'action_type']],
    })
    expect(shapes.find(({ table }) => table === 'metric_series')?.uniques).toEqual([
      ['endpoint_id', 'subject', 'name', 'metric', 'instance'],
    ])
  })

  it('come parents first, a reference to itself aside', async () => {
    const shapes = await readTableShapes(sqlite.store, postgres.store, domainNames)
    const position = (table: string) => shapes.findIndex((shape) => shape.table === table)
    for (const { table, parents } of shapes) {
      for (const parent of parents)
        expect(position(parent), `${parent} before ${table}`).toBeLessThan(position(table))
    }
    expect(shapes.find(({ table }) => table === 'endpoints')?.parents).toEqual([])
  })

  it('are refused where the stores differ', async () => {
    await sqlite.store.transaction((tx) => tx.execScript('ALTER TABLE webhooks ADD COLUMN colour TEXT'))
    await expect(readTableShapes(sqlite.store, postgres.store, ['webhooks'])).rejects.toThrow(
      'webhooks.colour is in SQLite only',
    )
    await postgres.store.transaction((tx) => tx.execScript('ALTER TABLE webhooks ADD COLUMN colour BIGINT'))
    await expect(readTableShapes(sqlite.store, postgres.store, ['webhooks'])).rejects.toThrow(
      'webhooks.colour is bigint in PostgreSQL and TEXT in SQLite',
    )
  })
})

describe('table shapes on TimescaleDB', () => {
  it('leave out what the extension makes of other tables', async () => {
    const sqlite = await open('sqlite')
    const timescale = await open('timescale')
    try {
      const shapes = await readTableShapes(sqlite.store, timescale.store, ['metrics'])
      const tables = shapes.map(({ table }) => table)
      expect(tables).toContain('metrics')
      expect(tables).not.toContain('metrics_1m')
    } finally {
      await timescale.close()
      await sqlite.close()
    }
  })
})
