import { beforeEach, describe, expect, it } from 'vitest'
import { addUser, CaptureBench, captureStores, logged } from '../../test/capture.ts'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import type { domains } from '../db/domains.ts'
import { openPostgresStore } from '../db/postgres.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import { BacklogError } from './capture-errors.ts'

const stores = captureStores()

describe.each(plainDatabases)('capture on $name', (kind) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = stores()[kind.dialect]
  })
  const bench = async (unit: keyof typeof domains) =>
    new CaptureBench(database.store, unit, await stores().shapesOf(unit))
  /** The same database as another process has it. */
  const elsewhere = async () =>
    kind.dialect === 'sqlite'
      ? openSqliteStore({ path: database.location })
      : openPostgresStore({ url: database.location })

  it('logs the keys of written rows, each once', async () => {
    const users = await bench('users')
    await users.install()
    const { db } = users.store
    for (const id of ['a', 'b', 'c']) await db.execute(...addUser(id))
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
    await users.store.db.execute(...addUser('a'))
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
    await users.store.db.execute(...addUser('a'))
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
        await tx.execute(...addUser('gone'))
        throw new Error('no')
      })
      .catch(() => undefined)
    await users.store.transaction(async (tx) => {
      await tx.execute(...addUser('kept'))
      await tx
        .transaction(async (inner) => {
          await inner.execute(...addUser('inner'))
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
    await users.applying((tx) => tx.execute(...addUser('a')))
    expect(await users.depth()).toEqual({ changes: 0, oldestAtMs: null })
    const other = await elsewhere()
    for (const writer of [db, other.db]) {
      await expect(writer.execute(...addUser('b'))).rejects.toThrow(/out of date/)
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
    await users.applying((tx) => tx.execute(...addUser('a')))
    await expect(db.execute(...addUser('b'))).rejects.toThrow(/out of date/)
    await expect(db.execute(`UPDATE users SET role = 'admin'`)).rejects.toThrow(/out of date/)
    await expect(db.execute('DELETE FROM users')).rejects.toThrow(/out of date/)
    expect(await users.check('guarding')).toEqual([])
    if (kind.dialect === 'postgres') {
      expect(await users.check()).toContain(
        'users: trigger _capture_insert is changed, trigger _capture_delete is changed, trigger _capture_update is changed',
      )
      // It should not be the authority yet. What it cannot log it does not take.
      await users.setRole('authority')
      await expect(db.execute(...addUser('b'))).rejects.toThrow()
      await expect(db.execute(`UPDATE users SET role = 'admin'`)).rejects.toThrow()
      await expect(db.execute('DELETE FROM users')).rejects.toThrow()
      await users.setRole('mirror')
    }
    await users.install('mirror')
    expect([await users.check('logging'), await users.check('guarding')]).toEqual([[], []])
    // What logs is a guard as well: it is not made anew.
    await users.install('mirror', 'guarding')
    await users.setRole('authority')
    await db.execute(...addUser('c'))
    expect(await users.take()).toEqual(['users c'])
  })

  it('refuses an applier on the authority, and lets none stay on', async () => {
    const users = await bench('users')
    await users.install('authority')
    await expect(users.applying((tx) => tx.execute(...addUser('a')))).rejects.toThrow(/holds the truth/)
    await users.setRole('mirror')
    await users.applying((tx) => tx.execute(...addUser('a')))
    await expect(users.store.db.execute(...addUser('b'))).rejects.toThrow(/out of date/)
    await users.applying((tx) => tx.execute(...addUser('c', 'a'))).catch(() => undefined)
    await expect(users.store.db.execute(...addUser('b'))).rejects.toThrow(/out of date/)
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
    await users.store.db.execute(...addUser('a'))
    expect(await users.take()).toEqual(['users a'])
    await users.setRole('mirror')
    await expect(users.store.db.execute(...addUser('b'))).rejects.toThrow(/out of date/)
    await users.setRole('authority')
    await users.store.db.execute(...addUser('b'))
    expect(await users.take()).toEqual(['users b'])
    await users.setRole('retired')
    await expect(users.store.db.execute(...addUser('c'))).rejects.toThrow(/out of date/)
  })

  it('gives an authority up only when its queue is empty', async () => {
    const users = await bench('users')
    await users.install()
    await users.store.db.execute(...addUser('a'))
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
    await users.store.db.execute(...addUser('a'))
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
    await users.store.db.execute(...addUser('a'))
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
    await users.store.db.execute(...addUser('a'))
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
    await users.applying((tx) => tx.execute(...addUser('a')))
    await users.store.transaction((tx) => users.capture.remove(tx, users.unit, users.shapes))
  })
})
