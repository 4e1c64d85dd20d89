import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { databases, plainDatabases, type TestDatabase } from '../../../test/databases.ts'
import type { SqlText } from '../app-db.ts'
import type { DbErrorKind } from '../db-errors.ts'

const createTables = {
  sqlite: `
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE children (
      id INTEGER PRIMARY KEY,
      parent_id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY IMMEDIATE,
      size INTEGER CHECK (size > 0)
    );
  `,
  postgres: `
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE children (
      id INTEGER PRIMARY KEY,
      parent_id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY IMMEDIATE,
      size INTEGER CHECK (size > 0)
    );
  `,
}

/** Runs for about a second. */
const slow = {
  sqlite: `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000) SELECT max(n) AS n FROM c`,
  postgres: 'SELECT 1 AS n FROM pg_sleep(1)',
}

/** Runs until it is cut off where that takes a connection. A thread is asked at once and ends after its statement. */
const endless = { ...slow, postgres: 'SELECT 1 AS n FROM pg_sleep(3600)' }

async function prepare(test: TestDatabase): Promise<void> {
  await test.store.transaction((tx) => tx.execScript(createTables[test.db.dialect]))
}

async function reset(test: TestDatabase): Promise<void> {
  await test.db.execute('DELETE FROM children')
  await test.db.execute('DELETE FROM parents')
  await test.db.execute(`INSERT INTO parents (id, name) VALUES (1, 'one')`)
}

describe.each(databases)('errors on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await prepare(test)
  })
  afterAll(() => test.close())
  beforeEach(() => reset(test))

  it.each<[DbErrorKind, SqlText]>([
    ['unique', `INSERT INTO parents (id, name) VALUES (2, 'one')`],
    ['unique', `INSERT INTO parents (id, name) VALUES (1, 'two')`],
    ['foreign-key', 'INSERT INTO children (id, parent_id) VALUES (1, 99)'],
    ['check', 'INSERT INTO children (id, size) VALUES (1, 0)'],
    ['not-null', 'INSERT INTO parents (id, name) VALUES (2, NULL)'],
    ['other', 'INSERT INTO nowhere (id) VALUES (1)'],
    ['other', 'SELEC 1'],
  ])('reports %s: %s', async (kind, sql) => {
    await expect(test.db.execute(sql)).rejects.toMatchObject({
      name: 'DbError',
      kind,
      engineCode: expect.stringMatching(/^(SQLITE_\w+|[0-9A-Z]{5})$/),
    })
    expect(await test.db.queryOne('SELECT name FROM parents')).toEqual({ name: 'one' })
  })

  it('names the constraint', async () => {
    await expect(test.db.execute(`INSERT INTO parents (id, name) VALUES (2, 'one')`)).rejects.toMatchObject({
      constraint: expect.stringContaining('name'),
    })
  })

  it('reports at COMMIT what was deferred until then, and keeps nothing', async () => {
    const running = test.db.transaction(async (tx) => {
      await tx.execute({
        sqlite: 'PRAGMA defer_foreign_keys = ON',
        postgres: 'SET CONSTRAINTS ALL DEFERRED',
      })
      await tx.execute('INSERT INTO children (id, parent_id) VALUES (1, 99)')
    })
    await expect(running).rejects.toMatchObject({ kind: 'foreign-key' })
    expect(await test.db.query('SELECT id FROM children')).toEqual([])
    await test.db.transaction((tx) => tx.execute(`INSERT INTO parents (id, name) VALUES (2, 'two')`))
  })

  it('refuses a statement with too few parameters', async () => {
    await expect(
      test.db.query('SELECT id FROM parents WHERE id = $1 AND name = $2', [1]),
    ).rejects.toMatchObject({
      name: 'DbError',
    })
  })

  it('is healthy', async () => {
    expect(await test.db.healthCheck()).toBe(true)
  })
})

describe.each(databases)('cancellation on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await prepare(test)
  })
  afterAll(() => test.close())
  beforeEach(() => reset(test))

  it('runs nothing when the signal is aborted already', async () => {
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(test.db.execute('DELETE FROM parents', [], { signal })).rejects.toThrow('too late')
    await expect(test.db.query('SELECT 1', [], { signal })).rejects.toThrow('too late')
    await expect(test.db.insertMany('parents', ['id', 'name'], [[5, 'x']], { signal })).rejects.toThrow(
      'too late',
    )
    expect(await test.db.query('SELECT id FROM parents')).toEqual([{ id: 1 }])
  })

  it('rejects a running statement with the reason of the signal and works on', async () => {
    const controller = new AbortController()
    const running = test.db.query(slow, [], { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 50)
    await expect(running).rejects.toThrow('enough')
    expect(await test.db.query('SELECT id FROM parents')).toEqual([{ id: 1 }])
  })

  it('undoes the transaction in which a statement was cancelled', async () => {
    const controller = new AbortController()
    const running = test.db.transaction(async (tx) => {
      await tx.execute(`INSERT INTO parents (id, name) VALUES (2, 'two')`)
      setTimeout(() => controller.abort(new Error('enough')), 50)
      await tx.query(slow, [], { signal: controller.signal })
    })
    await expect(running).rejects.toThrow('enough')
    expect(await test.db.query('SELECT id FROM parents')).toEqual([{ id: 1 }])
  })

  it('never runs a write that was cancelled while it waited', async () => {
    const controller = new AbortController()
    const { promise: go, resolve: start } = deferred()
    // Chained out here, so that it does not run in the transaction's context.
    const waiting = go.then(() =>
      test.db.execute(`UPDATE parents SET name = 'late' WHERE id = 1`, [], { signal: controller.signal }),
    )
    const outcome = waiting.catch((error: Error) => error.message)
    await test.db.transaction(async (tx) => {
      await tx.execute(`UPDATE parents SET name = 'kept' WHERE id = 1`)
      start()
      await sleep(50)
      controller.abort(new Error('gave up'))
      if (!test.singleConnection) expect(await outcome).toBe('gave up')
    })
    expect(await outcome).toBe('gave up')
    await sleep(50)
    expect(await test.db.queryOne('SELECT name FROM parents')).toEqual({ name: 'kept' })
  })

  it('keeps all rows or none of an insertMany that is cancelled', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => [i + 10, `name ${i}`])
    for (const onConflict of [undefined, 'nothing'] as const) {
      const controller = new AbortController()
      const running = test.db.insertMany('parents', ['id', 'name'], rows, {
        signal: controller.signal,
        ...(onConflict && { onConflict }),
      })
      setTimeout(() => controller.abort(new Error('enough')), 20)
      const outcome = await running.catch((error: Error) => error.message)
      // Where the last row was on its way already it is too late to cancel, and the caller is told so.
      const kept = outcome === 'enough' ? 1 : rows.length + 1
      expect(await test.db.queryOne('SELECT count(*) AS n FROM parents')).toEqual({ n: kept })
      await reset(test)
    }
  })

  it('ends a stream between two rows', async () => {
    const controller = new AbortController()
    let seen = 0
    const drain = async () => {
      const sql: SqlText = {
        sqlite: `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c`,
        postgres: 'SELECT n FROM generate_series(1, 100000) AS c (n)',
      }
      for await (const _ of test.db.stream(sql, [], { signal: controller.signal })) {
        if (++seen === 2_500) controller.abort(new Error('enough'))
      }
    }
    await expect(drain()).rejects.toThrow('enough')
    expect(seen).toBe(2_500)
    expect(await test.db.query('SELECT id FROM parents')).toEqual([{ id: 1 }])
  })
})

// TimescaleDB in WebAssembly has neither server processes nor a second connection to kill them from.
describe.each(plainDatabases)('a store that goes away, on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await prepare(test)
  })
  afterAll(() => test.close())
  beforeEach(() => reset(test))

  const heals = () =>
    vi.waitFor(async () => expect(await test.db.query('SELECT id FROM parents')).toEqual([{ id: 1 }]), {
      timeout: 10_000,
    })

  it('rejects what is running with kind unavailable and heals by itself', async () => {
    let isOver = false
    const running = test.db.query(endless).finally(() => {
      isOver = true
    })
    const outcome = expect(running).rejects.toMatchObject({ kind: 'unavailable' })
    while (!isOver) {
      await sleep(100)
      await test.breakConnections()
    }
    await outcome
    await heals()
  })

  it('keeps nothing of a transaction that was cut', async () => {
    const running = test.db.transaction(async (tx) => {
      await tx.execute(`INSERT INTO parents (id, name) VALUES (2, 'two')`)
      await test.breakConnections()
      await sleep(20)
      await tx.execute(`INSERT INTO parents (id, name) VALUES (3, 'three')`)
    })
    await expect(running).rejects.toMatchObject({ kind: 'unavailable' })
    await heals()
  })

  it('rejects a stream that was cut', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [i + 10, `name ${i}`])
    await test.db.insertMany('parents', ['id', 'name'], rows)
    const drain = async () => {
      let seen = 0
      for await (const _ of test.db.stream('SELECT id FROM parents')) {
        if (++seen === 1_500) await test.breakConnections()
      }
    }
    await expect(drain()).rejects.toMatchObject({ kind: 'unavailable' })
    await test.db.execute('DELETE FROM parents WHERE id >= 10').catch(() => undefined) // the first may find a dead connection
    await vi.waitFor(() => test.db.execute('DELETE FROM parents WHERE id >= 10'), { timeout: 10_000 })
    await heals()
  })

  it('reconnects after idle connections were lost', async () => {
    await test.db.query('SELECT 1')
    await test.breakConnections()
    await heals()
    await vi.waitFor(() => test.db.execute(`UPDATE parents SET name = 'again'`), { timeout: 10_000 })
    expect(test.store.stats.reconnects).toBeGreaterThan(0)
  })

  it('says that a closed store is unavailable', async () => {
    const other = await open()
    await other.store.close()
    await expect(other.db.query('SELECT 1')).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(other.db.execute('SELECT 1')).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await other.db.healthCheck()).toBe(false)
    await other.close()
  })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
