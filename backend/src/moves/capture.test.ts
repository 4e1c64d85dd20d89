import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databases, plainDatabases, type TestDatabase } from '../../test/databases.ts'
import type { domains } from '../db/domains.ts'
import { openPostgresStore } from '../db/postgres.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { readTableShapes, type TableShape } from '../db/transfer/index.ts'
import { type Capture, createCapture, type QueueBatch, type Triggers } from './capture.ts'
import { BacklogError, WritersError } from './capture-errors.ts'

const kindOf = (name: string) => databases.find((kind) => kind.name === name)!

/** Keys of a batch as `table key,key`, in no order. */
const logged = (batch: QueueBatch) =>
  [...batch.tables].flatMap(([table, { keys }]) => keys.map((key) => `${table} ${key.join(',')}`)).sort()

/** A unit in one store, with everything a test does to it. */
class Bench {
  readonly store: SqlStore
  readonly capture: Capture
  readonly unit: string
  readonly shapes: readonly TableShape[]

  constructor(store: SqlStore, unit: string, shapes: readonly TableShape[]) {
    this.store = store
    this.capture = createCapture(store.db.dialect)
    this.unit = unit
    this.shapes = shapes
  }

  install(
    role: 'authority' | 'mirror' | 'retired' | 'none' = 'authority',
    triggers?: Triggers,
  ): Promise<void> {
    return this.store.transaction((tx) => this.capture.install(tx, this.unit, this.shapes, role, triggers))
  }

  setRole(role: 'authority' | 'mirror' | 'retired', options = {}): Promise<void> {
    return this.store.transaction((tx) => this.capture.setRole(tx, this.unit, this.shapes, role, options))
  }

  read(limit = 1_000): Promise<QueueBatch> {
    return this.store.snapshot((session) => this.capture.read(session, this.shapes, limit))
  }

  async take(): Promise<string[]> {
    const batch = await this.read()
    await this.store.transaction((tx) => this.capture.acknowledge(tx, batch))
    return logged(batch)
  }

  check(triggers?: Triggers): Promise<string[]> {
    return this.store.snapshot((session) => this.capture.check(session, this.unit, this.shapes, triggers))
  }

  role() {
    return this.store.snapshot((session) => this.capture.role(session, this.unit))
  }

  depth() {
    return this.store.snapshot((session) => this.capture.depth(session, this.shapes))
  }

  applying<T>(work: (tx: Parameters<Parameters<SqlStore['transaction']>[0]>[0]) => Promise<T>): Promise<T> {
    return this.store.transaction(async (tx) => {
      await this.capture.beginApply(tx, this.unit)
      const result = await work(tx)
      await this.capture.endApply(tx, this.unit)
      return result
    })
  }
}

const user = (id: string, name = id) =>
  [`INSERT INTO users (id, username, password_hash) VALUES ($1, $2, 'x')`, [id, name]] as const

let shapesOf: (unit: keyof typeof domains) => Promise<TableShape[]>
let others: TestDatabase[] = []
beforeEach(async () => {
  const sqlite = await kindOf('sqlite').open({ migrated: true })
  const postgres = await kindOf('postgres').open({ migrated: true })
  others = [sqlite, postgres]
  shapesOf = (unit) => readTableShapes(sqlite.store, postgres.store, [unit])
})
afterEach(() => Promise.all(others.map((database) => database.close())))

describe.each(plainDatabases)('capture on $name', (kind) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = others[kind.dialect === 'sqlite' ? 0 : 1]!
  })
  const bench = async (unit: keyof typeof domains) => new Bench(database.store, unit, await shapesOf(unit))
  /** The same database as another process has it. */
  const elsewhere = async () =>
    kind.dialect === 'sqlite'
      ? openSqliteStore({ path: database.location })
      : openPostgresStore({ url: database.location })

  it('logs the keys of written rows, each once', async () => {
    const users = await bench('users')
    await users.install()
    const { db } = users.store
    for (const id of ['a', 'b', 'c']) await db.execute(...user(id))
    await db.execute(`UPDATE users SET role = 'admin' WHERE id = 'a'`)
    await db.execute(`DELETE FROM users WHERE id = 'b'`)
    await db.execute(`UPDATE users SET role = 'admin' WHERE id = 'nobody'`)
    const batch = await users.read()
    expect(logged(batch)).toEqual(['users a', 'users b', 'users c'])
    expect(batch).toMatchObject({ size: 5, whole: [], rejects: [] })
    expect(Math.abs((batch.oldestAtMs ?? 0) - Date.now())).toBeLessThan(600_000)
    expect(await users.depth()).toEqual({ changes: 5, oldestAtMs: batch.oldestAtMs })
  })

  it('forgets what is acknowledged and keeps what came later', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...user('a'))
    const batch = await users.read()
    await users.store.db.execute(`UPDATE users SET role = 'admin'`)
    await users.store.transaction((tx) => users.capture.acknowledge(tx, batch))
    expect(await users.take()).toEqual(['users a'])
    expect(await users.depth()).toEqual({ changes: 0, oldestAtMs: null })
    // Acknowledged again by somebody who was late: numbers are not used twice.
    await users.store.db.execute(`DELETE FROM users`)
    await users.store.transaction((tx) => users.capture.acknowledge(tx, batch))
    expect(await users.take()).toEqual(['users a'])
  })

  it('reads a long queue in parts, oldest first', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.insertMany(
      'users',
      ['id', 'username', 'password_hash'],
      ['a', 'b', 'c'].map((id) => [id, id, 'x']),
    )
    const first = await users.read(2)
    expect(first.size).toBe(2)
    await users.store.transaction((tx) => users.capture.acknowledge(tx, first))
    expect((await users.take()).concat(logged(first)).sort()).toEqual(['users a', 'users b', 'users c'])
  })

  it('logs both keys of a row whose key changes', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...user('a'))
    await users.take()
    await users.store.db.execute(`UPDATE users SET id = 'A'`)
    expect(await users.take()).toEqual(['users A', 'users a'])
  })

  it('logs what cascades delete, in bulk too', async () => {
    const hooks = await bench('webhooks')
    await hooks.install()
    const { db } = hooks.store
    await db.execute(`INSERT INTO webhooks (id, name, url, secret) VALUES ('w', 'w', 'u', 's')`)
    const rows = Array.from({ length: 300 }, (_, i) => [`d${i}`, 'w', 'e', '{}'])
    await db.insertMany('webhook_deliveries', ['id', 'webhook_id', 'event_type', 'payload'], rows)
    expect(await hooks.take()).toHaveLength(301)
    await db.execute(`DELETE FROM webhooks`)
    const gone = await hooks.take()
    expect(gone).toHaveLength(301)
    expect(gone).toContain('webhook_deliveries d299')
    await db.insertMany('webhooks', ['id', 'name', 'url', 'secret'], [['w', 'w', 'u', 's']])
    await db.insertMany('webhook_deliveries', ['id', 'webhook_id', 'event_type', 'payload'], rows)
    await hooks.take()
    await db.execute('DELETE FROM webhook_deliveries')
    expect(await hooks.take()).toHaveLength(300)
  })

  it('logs upserts, whichever way they go', async () => {
    const settings = await bench('settings')
    await settings.install()
    const rows = [
      ['own', '1', 'x'],
      ['other', '2', 'x'],
    ]
    const onConflict = { key: ['key'], update: ['value'] }
    for (let round = 0; round < 2; round++) {
      await settings.store.db.insertMany('settings', ['key', 'value', 'category'], rows, { onConflict })
      expect(await settings.take()).toEqual(['settings other', 'settings own'])
    }
    await settings.store.db.insertMany('settings', ['key', 'value', 'category'], rows, {
      onConflict: 'nothing',
    })
    expect(await settings.take()).toEqual([])
  })

  it('logs nothing that is rolled back', async () => {
    const users = await bench('users')
    await users.install()
    await users.store
      .transaction(async (tx) => {
        await tx.execute(...user('gone'))
        throw new Error('no')
      })
      .catch(() => undefined)
    await users.store.transaction(async (tx) => {
      await tx.execute(...user('kept'))
      await tx
        .transaction(async (inner) => {
          await inner.execute(...user('inner'))
          throw new Error('no')
        })
        .catch(() => undefined)
    })
    expect(await users.take()).toEqual(['users kept'])
  })

  it('has keys of several columns and of numbers', async () => {
    const metrics = await bench('metrics')
    await metrics.install()
    await metrics.store.db.insertMany(
      'metrics_recent',
      ['time_ms', 'series_id', 'value'],
      [[1_700_000_000_123, 7, 0.5]],
    )
    await metrics.store.db.execute(
      `INSERT INTO metric_series (id, endpoint_id, subject, name, metric, instance, unit) VALUES (9, 1, 'host', '', 'cpu', '', '%')`,
    )
    await metrics.store.db.execute('INSERT INTO metric_latest (series_id, time_ms, value) VALUES (9, 1, 2)')
    expect(await metrics.take()).toEqual([
      'metric_latest 9',
      'metric_series 9',
      'metrics_recent 1700000000123,7',
    ])
    await metrics.store.db.execute('DELETE FROM metric_series')
    expect(await metrics.take()).toEqual(['metric_latest 9', 'metric_series 9'])
  })

  it('refuses every writer but the applier on a mirror', async () => {
    const users = await bench('users')
    await users.install('mirror')
    const { db } = users.store
    await users.applying((tx) => tx.execute(...user('a')))
    expect(await users.depth()).toEqual({ changes: 0, oldestAtMs: null })
    const other = await elsewhere()
    for (const writer of [db, other.db]) {
      await expect(writer.execute(...user('b'))).rejects.toThrow(/out of date/)
      await expect(writer.execute(`UPDATE users SET role = 'admin'`)).rejects.toThrow(/out of date/)
      await expect(writer.execute(`DELETE FROM users`)).rejects.toThrow(/out of date/)
    }
    await other.close()
    expect(await db.query('SELECT id, role FROM users')).toEqual([{ id: 'a', role: 'viewer' }])
  })

  it('guards a mirror while it is filled, and logs once it is complete', async () => {
    const users = await bench('users')
    await users.install('mirror', 'guarding')
    const { db } = users.store
    await users.applying((tx) => tx.execute(...user('a')))
    await expect(db.execute(...user('b'))).rejects.toThrow(/out of date/)
    await expect(db.execute(`UPDATE users SET role = 'admin'`)).rejects.toThrow(/out of date/)
    await expect(db.execute('DELETE FROM users')).rejects.toThrow(/out of date/)
    expect(await users.check('guarding')).toEqual([])
    if (kind.dialect === 'postgres') {
      expect(await users.check()).toContain(
        'users: trigger _capture_insert is changed, trigger _capture_delete is changed, trigger _capture_update is changed',
      )
      // It should not be the authority yet. What it cannot log it does not take.
      await users.setRole('authority')
      await expect(db.execute(...user('b'))).rejects.toThrow()
      await expect(db.execute(`UPDATE users SET role = 'admin'`)).rejects.toThrow()
      await expect(db.execute('DELETE FROM users')).rejects.toThrow()
      await users.setRole('mirror')
    }
    await users.install('mirror')
    expect([await users.check('logging'), await users.check('guarding')]).toEqual([[], []])
    // What logs is a guard as well: it is not made anew.
    await users.install('mirror', 'guarding')
    await users.setRole('authority')
    await db.execute(...user('c'))
    expect(await users.take()).toEqual(['users c'])
  })

  it('refuses an applier on the authority, and lets none stay on', async () => {
    const users = await bench('users')
    await users.install('authority')
    await expect(users.applying((tx) => tx.execute(...user('a')))).rejects.toThrow(/holds the truth/)
    await users.setRole('mirror')
    await users.applying((tx) => tx.execute(...user('a')))
    await expect(users.store.db.execute(...user('b'))).rejects.toThrow(/out of date/)
    await users.applying((tx) => tx.execute(...user('c', 'a'))).catch(() => undefined)
    await expect(users.store.db.execute(...user('b'))).rejects.toThrow(/out of date/)
  })

  it('changes its role with the transaction it is part of', async () => {
    const users = await bench('users')
    await users.install()
    await users.store
      .transaction(async (tx) => {
        await users.capture.setRole(tx, users.unit, users.shapes, 'mirror')
        throw new Error('crash')
      })
      .catch(() => undefined)
    expect(await users.role()).toBe('authority')
    await users.store.db.execute(...user('a'))
    expect(await users.take()).toEqual(['users a'])
    await users.setRole('mirror')
    await expect(users.store.db.execute(...user('b'))).rejects.toThrow(/out of date/)
    await users.setRole('authority')
    await users.store.db.execute(...user('b'))
    expect(await users.take()).toEqual(['users b'])
    await users.setRole('retired')
    await expect(users.store.db.execute(...user('c'))).rejects.toThrow(/out of date/)
  })

  it('gives an authority up only when its queue is empty', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...user('a'))
    await expect(users.setRole('mirror')).rejects.toThrow(BacklogError)
    await users.setRole('mirror', { discard: true })
    await users.setRole('authority')
    expect(await users.take()).toEqual([])
    await users.store.transaction((tx) => users.capture.markWhole(tx, 'users'))
    await expect(users.setRole('retired')).rejects.toThrow(BacklogError)
    expect((await users.read()).whole).toEqual(['users'])
    await users.store.transaction((tx) => users.capture.clearWhole(tx, 'users'))
    await users.setRole('retired')
  })

  it('keeps the queue of an authority that is installed again', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...user('a'))
    await users.install()
    expect(await users.take()).toEqual(['users a'])
  })

  it('tries keys again that are asked for', async () => {
    const metrics = await bench('metrics')
    await metrics.install()
    const shape = metrics.shapes.find(({ table }) => table === 'metrics')!
    await metrics.store.transaction((tx) => metrics.capture.enqueue(tx, shape, [['7', '1700000000123']]))
    expect(await metrics.take()).toEqual(['metrics 7,1700000000123'])
  })

  it('notices triggers that are gone or changed, and makes them again', async () => {
    const users = await bench('users')
    await users.install()
    expect(await users.check()).toEqual([])
    const name = kind.dialect === 'sqlite' ? '_capture_users_update' : '_capture_update'
    const on = kind.dialect === 'sqlite' ? '' : ' ON users'
    await users.store.db.execute(`DROP TRIGGER ${name}${on}`)
    expect(await users.check()).toEqual([
      expect.stringMatching(/^users: trigger _capture_.*update is missing$/),
    ])
    await users.store.db.execute('DROP TABLE _dirty_api_tokens')
    expect((await users.check()).join()).toMatch(/_dirty_api_tokens is missing/)
    await users.install()
    expect(await users.check()).toEqual([])
    await users.store.db.execute(...user('a'))
    await users.store.db.execute(`UPDATE users SET id = 'b'`)
    expect(await users.take()).toEqual(['users a', 'users b'])
  })

  it('leaves nothing behind when it is removed', async () => {
    const catalog = {
      sqlite: `SELECT name FROM sqlite_master
        WHERE name GLOB '_dirty_users' OR name GLOB '_capture*' OR name GLOB '_guard*'`,
      postgres: `SELECT proname AS name FROM pg_proc WHERE proname LIKE '\\_capture%'
        UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '\\_capture%'
        UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '\\_dirty\\_users%'`,
    }
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...user('a'))
    await users.install('none')
    expect(await users.role()).toBe('none')
    expect(await users.check()).toEqual([])
    await users.store.db.execute(`DELETE FROM users`)
    const found = await users.store.db.query<{ name: string }>(catalog)
    expect(found).toEqual([])
  })

  it('says nothing of a store that never heard of it', async () => {
    const users = await bench('users')
    expect(await users.role()).toBe('none')
    await users.applying((tx) => tx.execute(...user('a')))
    await users.store.transaction((tx) => users.capture.remove(tx, users.unit, users.shapes))
  })
})

describe('capture on SQLite', () => {
  it('logs the row that REPLACE evicts', async () => {
    const users = new Bench(others[0]!.store, 'users', await shapesOf('users'))
    await users.install()
    await users.store.db.execute(...user('a', 'same'))
    await users.take()
    await users.store.db.execute(
      `INSERT OR REPLACE INTO users (id, username, password_hash) VALUES ('b', 'same', 'x')`,
    )
    expect(await users.take()).toEqual(['users a', 'users b'])
    await users.store.db.execute(...user('c'))
    await users.take()
    await users.store.db.execute(`UPDATE OR REPLACE users SET username = 'same' WHERE id = 'c'`)
    expect(await users.take()).toEqual(['users b', 'users c'])
  })

  it('notices that a rebuilt table has lost its triggers', async () => {
    const images = new Bench(others[0]!.store, 'images', await shapesOf('images'))
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
    const users = new Bench(others[0]!.store, 'users', await shapesOf('users'))
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
  let users: Bench
  beforeEach(async () => {
    users = new Bench(others[1]!.store, 'users', await shapesOf('users'))
    await users.install()
  })

  it('marks a truncated table as a whole', async () => {
    await users.store.db.execute(...user('a'))
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
      await late.execute(...user('late'))
      const other = openPostgresStore({ url: others[1]!.location })
      await other.db.execute(...user('early'))
      await other.close()
      // The number of `late` is the lower one, and it cannot be seen yet.
      const reader = new Bench(openPostgresStore({ url: others[1]!.location }), 'users', users.shapes)
      seen.push(...(await reader.take()))
      await reader.store.close()
    })
    expect(seen).toEqual(['users early'])
    expect(await users.take()).toEqual(['users late'])
  })

  it('does not flip over a transaction that has written, and says so', async () => {
    const other = openPostgresStore({ url: others[1]!.location })
    await other.transaction(async (tx) => {
      await tx.execute(...user('a'))
      await expect(users.setRole('mirror')).rejects.toThrow(WritersError)
    })
    await expect(users.setRole('mirror')).rejects.toThrow(BacklogError)
    await users.take()
    await users.setRole('mirror')
    await other.close()
  })

  it('refuses a transaction that began before the flip, whatever its isolation', async () => {
    for (const isolation of ['REPEATABLE READ', 'SERIALIZABLE', 'READ COMMITTED']) {
      const other = openPostgresStore({ url: others[1]!.location })
      const stale = other.connection(async (session) => {
        await session.execute(`BEGIN ISOLATION LEVEL ${isolation}`)
        await session.query('SELECT 1 FROM users')
        await users.setRole('mirror')
        await session.execute(...user('stale'))
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
    const metrics = new Bench(others[1]!.store, 'metrics', await shapesOf('metrics'))
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
    const timescale = await kindOf('timescale').open({ migrated: true })
    try {
      const shapes = await readTableShapes(others[0]!.store, timescale.store, ['metrics'])
      const metrics = new Bench(timescale.store, 'metrics', shapes)
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
