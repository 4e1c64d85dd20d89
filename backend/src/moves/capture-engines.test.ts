import { beforeEach, describe, expect, it } from 'vitest'
import { addUser, CaptureBench, captureStores, logged } from '../../test/capture.ts'
import { openDatabase } from '../../test/databases.ts'
import { openPostgresStore } from '../db/postgres.ts'
import { readTableShapes } from '../db/transfer/index.ts'
import { BacklogError, WritersError } from './capture-errors.ts'

const stores = captureStores()

describe('capture on SQLite', () => {
  it('logs the row that REPLACE evicts', async () => {
    const users = new CaptureBench(stores().sqlite.store, 'users', await stores().shapesOf('users'))
    await users.install()
    await users.store.db.execute(...addUser('a', 'same'))
    await users.take()
    await users.store.db.execute(
      `INSERT OR REPLACE INTO users (id, username, password_hash) VALUES ('b', 'same', 'x')`,
    )
    expect(await users.take()).toEqual(['users a', 'users b'])
    await users.store.db.execute(...addUser('c'))
    await users.take()
    await users.store.db.execute(`UPDATE OR REPLACE users SET username = 'same' WHERE id = 'c'`)
    expect(await users.take()).toEqual(['users b', 'users c'])
  })

  it('notices that a rebuilt table has lost its triggers', async () => {
    const images = new CaptureBench(stores().sqlite.store, 'images', await stores().shapesOf('images'))
    await images.install()
    await images.store.transaction((tx) =>
      tx.execScript(`
        CREATE TABLE rebuilt AS SELECT * FROM image_staleness;
        DROP TABLE image_staleness;
        ALTER TABLE rebuilt RENAME TO image_staleness;`),
    )
    expect(await images.check()).toHaveLength(3)
    await images.install()
    expect(await images.check()).toEqual([])
  })

  it('quarantines a row whose key no other store can hold', async () => {
    const users = new CaptureBench(stores().sqlite.store, 'users', await stores().shapesOf('users'))
    await users.install()
    await users.store.db.execute(
      `INSERT INTO users (id, username, password_hash) VALUES (x'ff00', 'odd', 'x')`,
    )
    await users.store.db.execute(
      `INSERT INTO users (id, username, password_hash) VALUES (x'ff01', 'gone', 'x')`,
    )
    await users.store.db.execute(`DELETE FROM users WHERE username = 'gone'`)
    const batch = await users.read()
    expect(batch.rejects).toMatchObject([
      { table: 'users', column: 'id', row: { username: { text: 'odd' } } },
    ])
    expect(logged(batch)).toEqual([])
    expect(await users.take()).toEqual([])
    expect(await users.depth()).toMatchObject({ changes: 0 })
  })
})

describe('capture on PostgreSQL', () => {
  let users: CaptureBench
  beforeEach(async () => {
    users = new CaptureBench(stores().postgres.store, 'users', await stores().shapesOf('users'))
    await users.install()
  })

  it('marks a truncated table as a whole', async () => {
    await users.store.db.execute(...addUser('a'))
    await users.store.db.execute('TRUNCATE users CASCADE')
    const batch = await users.read()
    expect(batch.whole).toEqual(['users', 'api_tokens'])
    await users.store.transaction((tx) => users.capture.acknowledge(tx, batch))
    expect((await users.read()).whole).toEqual(['users', 'api_tokens'])
    await users.store.transaction((tx) => users.capture.clearWhole(tx, 'users'))
    expect((await users.read()).whole).toEqual(['api_tokens'])
  })

  it('logs COPY and a statement over many rows', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => [`u${i}`, `n${i}`, 'x'])
    await users.store.db.insertMany('users', ['id', 'username', 'password_hash'], rows)
    expect(await users.take()).toHaveLength(500)
    await users.store.db.execute(`UPDATE users SET id = id || '-', role = 'admin'`)
    expect(await users.take()).toHaveLength(1_000)
  })

  it('misses no transaction that commits late', async () => {
    const seen: string[] = []
    await users.store.transaction(async (late) => {
      await late.execute(...addUser('late'))
      const other = openPostgresStore({ url: stores().postgres.location })
      await other.db.execute(...addUser('early'))
      await other.close()
      // The number of `late` is the lower one, and it cannot be seen yet.
      const reader = new CaptureBench(
        openPostgresStore({ url: stores().postgres.location }),
        'users',
        users.shapes,
      )
      seen.push(...(await reader.take()))
      await reader.store.close()
    })
    expect(seen).toEqual(['users early'])
    expect(await users.take()).toEqual(['users late'])
  })

  it('does not flip over a transaction that has written, and says so', async () => {
    const other = openPostgresStore({ url: stores().postgres.location })
    await other.transaction(async (tx) => {
      await tx.execute(...addUser('a'))
      await expect(users.setRole('mirror')).rejects.toThrow(WritersError)
    })
    await expect(users.setRole('mirror')).rejects.toThrow(BacklogError)
    await users.take()
    await users.setRole('mirror')
    await other.close()
  })

  it('refuses a transaction that began before the flip, whatever its isolation', async () => {
    for (const isolation of ['REPEATABLE READ', 'SERIALIZABLE', 'READ COMMITTED']) {
      const other = openPostgresStore({ url: stores().postgres.location })
      const stale = other.connection(async (session) => {
        await session.execute(`BEGIN ISOLATION LEVEL ${isolation}`)
        await session.query('SELECT 1 FROM users')
        await users.setRole('mirror')
        await session.execute(...addUser('stale'))
      })
      await expect(stale).rejects.toThrow(/out of date|could not serialize/)
      await users.setRole('authority')
      await other.close()
    }
    expect(await users.store.db.query('SELECT id FROM users')).toEqual([])
  })

  it('logs writes of another search_path', async () => {
    await users.store.transaction(async (tx) => {
      await tx.execute(`SET LOCAL search_path = ''`)
      await tx.execute(`INSERT INTO public.users (id, username, password_hash) VALUES ('a', 'a', 'x')`)
    })
    expect(await users.take()).toEqual(['users a'])
  })

  it('logs partitioned tables', async () => {
    const metrics = new CaptureBench(stores().postgres.store, 'metrics', await stores().shapesOf('metrics'))
    await metrics.install()
    const { db } = metrics.store
    await db.execute(`CREATE TABLE metrics_p1 PARTITION OF metrics FOR VALUES FROM (0) TO (1000)`)
    await db.execute(`CREATE TABLE metrics_p2 PARTITION OF metrics FOR VALUES FROM (1000) TO (2000)`)
    const rows = Array.from({ length: 400 }, (_, i) => [1, i * 5, i])
    await db.insertMany('metrics', ['series_id', 'time_ms', 'value'], rows)
    expect(await metrics.take()).toHaveLength(400)
    // To another partition: to PostgreSQL a DELETE and an INSERT.
    await db.execute('UPDATE metrics SET time_ms = 1001 WHERE time_ms = 5')
    expect(await metrics.take()).toEqual(['metrics 1,1001', 'metrics 1,5'])
    await db.execute('DELETE FROM metrics WHERE time_ms < 1000')
    expect(await metrics.take()).toHaveLength(199)
    expect(await metrics.check()).toEqual([])
  })
})

describe('capture on TimescaleDB', () => {
  it('logs hypertables', async () => {
    const timescale = await openDatabase('timescale', { migrated: true })
    try {
      const shapes = await readTableShapes(stores().sqlite.store, timescale.store, ['metrics'])
      const metrics = new CaptureBench(timescale.store, 'metrics', shapes)
      await metrics.install()
      const { db } = metrics.store
      const day = 86_400_000
      const start = Date.UTC(2026, 0, 1)
      await db.insertMany(
        'metrics',
        ['series_id', 'time_ms', 'value'],
        [
          [1, start, 1],
          [1, start + day, 2],
        ],
      )
      expect(await metrics.take()).toEqual([`metrics 1,${start}`, `metrics 1,${start + day}`])
      await db.execute('UPDATE metrics SET value = 3 WHERE time_ms = $1', [start])
      await db.execute('DELETE FROM metrics WHERE time_ms = $1', [start + day])
      expect(await metrics.take()).toEqual([`metrics 1,${start}`, `metrics 1,${start + day}`])
      expect(await metrics.check()).toEqual([])
      await metrics.setRole('mirror')
      await expect(db.execute('DELETE FROM metrics')).rejects.toThrow(/out of date/)
      await metrics.applying((tx) => tx.execute('DELETE FROM metrics'))
      await metrics.install('none')
    } finally {
      await timescale.close()
    }
  })
})
