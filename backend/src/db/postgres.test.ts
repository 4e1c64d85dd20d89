import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import type { AppDbSession } from './app-db.ts'
import {
  AppDbConnector,
  checkPostgresVersion,
  closeAppDb,
  configureAppDb,
  getAppDb,
  isAppDbHealthy,
  isAppDbReady,
  openPostgresStore,
} from './postgres.ts'
import type { SqlStore } from './sql-store.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await openDatabase('postgres', { postgres: { lockTimeoutMs: 300, statementTimeoutMs: 20_000 } })
  await test.db.execute('CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL)')
})
afterAll(() => test.close())
beforeEach(async () => {
  await test.db.execute('DELETE FROM counters')
  await test.db.insertMany(
    'counters',
    ['name', 'n'],
    [
      ['a', 0],
      ['b', 0],
    ],
  )
})

const withStore = async <T>(url: string, work: (store: SqlStore) => Promise<T>): Promise<T> => {
  const store = openPostgresStore({ url })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const changedUrl = (change: (url: URL) => void) => {
  const url = new URL(test.location)
  change(url)
  return url.href
}

describe('a PostgreSQL store that cannot be reached', () => {
  it.each<[string, () => string, string]>([
    ['nobody listens', () => 'postgresql://u:p@127.0.0.1:9/db', 'Is PostgreSQL running'],
    ['the host is unknown', () => 'postgresql://u:p@no-such-host.invalid/db', 'cannot be resolved'],
    [
      'the password is wrong',
      () =>
        changedUrl((url) => {
          url.password = 'wrong'
        }),
      'Check user and password',
    ],
    [
      'the database is missing',
      () =>
        changedUrl((url) => {
          url.pathname = '/missing'
        }),
      'Create the database',
    ],
    [
      'TLS is wanted and not offered',
      () =>
        changedUrl((url) => {
          url.search = '?sslmode=verify-full'
        }),
      'SSL connections. Turn TLS on there',
    ],
  ])('says what to do when %s', async (_, url, advice) => {
    await withStore(url(), async ({ db }) => {
      await expect(db.query('SELECT 1')).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining(advice),
      })
      expect(await db.healthCheck()).toBe(false)
    })
  })

  it('keeps no failure: the same store works once the server is there', async () => {
    const proxy = await startProxy(test.location)
    proxy.refuse = true
    await withStore(proxy.url, async ({ db }) => {
      await expect(db.query('SELECT 1')).rejects.toMatchObject({ kind: 'unavailable' })
      proxy.refuse = false
      expect(await db.queryOne('SELECT 1 AS n')).toEqual({ n: 1 })
    })
    await proxy.close()
  })
})

describe('a PostgreSQL session', () => {
  it('has its limits, its name and UTC', async () => {
    const row = await test.db.queryOne(`
      SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
        current_setting('application_name') AS name, current_setting('timezone') AS zone, current_setting('jit') AS jit
    `)
    expect(row).toEqual({ statement: '20s', lock: '300ms', name: 'holdfast', zone: 'UTC', jit: 'off' })
  })

  it('reports a statement that takes too long', async () => {
    const store = openPostgresStore({ url: test.location, statementTimeoutMs: 50 })
    await expect(store.db.query('SELECT pg_sleep(5)')).rejects.toMatchObject({
      kind: 'timeout',
      engineCode: '57014',
    })
    await store.close()
  })

  it('reports a transaction that pauses too long as over', async () => {
    const store = openPostgresStore({ url: test.location, idleInTransactionTimeoutMs: 50 })
    const running = store.db.transaction(async (tx) => {
      await tx.execute(`UPDATE counters SET n = 1`)
      await new Promise((resolve) => setTimeout(resolve, 300))
      await tx.execute(`UPDATE counters SET n = 2`)
    })
    await expect(running).rejects.toMatchObject({ name: 'DbError' })
    expect(await test.db.queryOne(`SELECT sum(n) AS n FROM counters`)).toEqual({ n: 0 })
    await store.close()
  })

  it('leaves pg as it is for others', async () => {
    const { default: pg } = await import('pg')
    const client = new pg.Client(test.location)
    await client.connect()
    const { rows } = await client.query('SELECT 1::int8 AS n')
    expect(rows).toEqual([{ n: '1' }])
    await client.end()
  })

  it('leaves nothing of a held connection to the next user', async () => {
    await test.store.connection((session) => session.execute(`SET statement_timeout = '1s'`))
    const settings = await Promise.all(
      Array.from({ length: 5 }, () => test.db.queryOne(`SELECT current_setting('statement_timeout') AS t`)),
    )
    expect(settings).toEqual(Array.from({ length: 5 }, () => ({ t: '20s' })))
  })
})

describe('lost races', () => {
  const add = (db: AppDbSession, name: string) =>
    db.execute('UPDATE counters SET n = n + 1 WHERE name = $1', [name])

  it('runs a transaction again that was chosen to end a deadlock', async () => {
    const retriesBefore = test.store.stats.retries
    let arrived = 0
    let meet: () => void = () => undefined
    const met = new Promise<void>((resolve) => {
      meet = resolve
    })
    const cross = (first: string, second: string) => {
      let attempt = 0
      return test.db.transaction(async (tx) => {
        await tx.execute(`SET LOCAL lock_timeout = 0`)
        await tx.execute(`SET LOCAL deadlock_timeout = '20ms'`)
        await add(tx, first)
        if (++attempt === 1) {
          if (++arrived === 2) meet()
          await met
        }
        await add(tx, second)
      })
    }
    await Promise.all([cross('a', 'b'), cross('b', 'a')])
    expect(await test.db.query('SELECT name, n FROM counters ORDER BY name')).toEqual([
      { name: 'a', n: 2 },
      { name: 'b', n: 2 },
    ])
    expect(test.store.stats.retries).toBeGreaterThan(retriesBefore)
  })

  it('runs a serializable transaction again that could not be ordered', async () => {
    const increment = () =>
      test.db.transaction(async (tx) => {
        await tx.execute('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')
        const row = await tx.queryOne<{ n: number }>(`SELECT n FROM counters WHERE name = 'a'`)
        await tx.execute(`UPDATE counters SET n = $1 WHERE name = 'a'`, [(row?.n ?? 0) + 1])
      })
    await Promise.all([increment(), increment(), increment()])
    expect(await test.db.queryOne(`SELECT n FROM counters WHERE name = 'a'`)).toEqual({ n: 3 })
  })

  it('gives up with kind busy when a lock does not become free', async () => {
    let release: () => void = () => undefined
    let locked: () => void = () => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const isLocked = new Promise<void>((resolve) => {
      locked = resolve
    })
    const holding = test.db.transaction(async (tx) => {
      await add(tx, 'a')
      locked()
      await released
    })
    await isLocked
    await expect(add(test.db, 'a')).rejects.toMatchObject({ kind: 'busy', engineCode: '55P03' })
    release()
    await holding
  })

  it('does not run other failures again', async () => {
    let runs = 0
    const running = test.db.transaction(async (tx) => {
      runs++
      await tx.execute(`INSERT INTO counters (name, n) VALUES ('a', 1)`)
    })
    await expect(running).rejects.toMatchObject({ kind: 'unique', constraint: 'counters_pkey' })
    expect(runs).toBe(1)
  })
})

describe('a connection that breaks', () => {
  it('says that the outcome is unknown when that happens during COMMIT', async () => {
    const proxy = await startProxy(test.location)
    await withStore(proxy.url, async ({ db }) => {
      const running = db.transaction(async (tx) => {
        await tx.execute(`UPDATE counters SET n = 5`)
        proxy.cutAt = 'COMMIT'
      })
      await expect(running).rejects.toMatchObject({ kind: 'unavailable', outcomeUnknown: true })
      expect(await db.queryOne('SELECT 1 AS n')).toEqual({ n: 1 })
    })
    await proxy.close()
  })

  it('is never given to the next caller', async () => {
    const proxy = await startProxy(test.location)
    await withStore(proxy.url, async ({ db }) => {
      for (let i = 0; i < 5; i++) {
        proxy.cutAt = 'counters'
        await expect(db.query('SELECT name FROM counters')).rejects.toMatchObject({ kind: 'unavailable' })
        expect(await db.queryOne('SELECT 1 AS n')).toEqual({ n: 1 })
      }
    })
    await proxy.close()
  })

  it('makes an insertMany fail as a whole', async () => {
    const proxy = await startProxy(test.location)
    const rows = Array.from({ length: 20_000 }, (_, i) => [`row ${i}`, i])
    await withStore(proxy.url, async ({ db }) => {
      for (const onConflict of [undefined, 'nothing'] as const) {
        proxy.cutAt = 'row 9999'
        const running = db.insertMany('counters', ['name', 'n'], rows, onConflict ? { onConflict } : {})
        await expect(running).rejects.toMatchObject({ kind: 'unavailable' })
      }
    })
    expect(await test.db.queryOne('SELECT count(*) AS n FROM counters')).toEqual({ n: 2 })
    await proxy.close()
  })
})

describe('without the right to make temporary tables', () => {
  it('inserts many rows nevertheless', async () => {
    await test.db.execute(`CREATE ROLE plain LOGIN PASSWORD 'plain'`)
    const name = new URL(test.location).pathname.slice(1)
    await test.db.execute(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`)
    await test.db.execute('GRANT SELECT, INSERT ON counters TO plain')
    const url = changedUrl((changed) => {
      changed.username = 'plain'
      changed.password = 'plain'
    })
    const rows = Array.from({ length: 1_200 }, (_, i) => [`row ${i}`, i])
    await withStore(url, async ({ db }) => {
      const result = await db.insertMany('counters', ['name', 'n'], rows, { onConflict: 'nothing' })
      expect(result).toEqual({ rowCount: 1_200 })
    })
    await test.db.execute('DROP OWNED BY plain')
    await test.db.execute('DROP ROLE plain')
  })
})

describe('checkPostgresVersion', () => {
  it('gives the version', async () => {
    expect(await checkPostgresVersion(test.db)).toMatch(/^17\.\d+$/)
  })

  it('can be asked of a server that is too old to know every setting', async () => {
    const store = openPostgresStore({ url: test.location, settings: { setting_of_later_versions: 'on' } })
    try {
      expect(await checkPostgresVersion(store.db)).toMatch(/^17/)
    } finally {
      await store.close()
    }
  })

  it('refuses a database that cannot hold every text', async () => {
    await test.db.execute(`CREATE DATABASE ascii_text TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`)
    try {
      const url = changedUrl((url) => {
        url.pathname = '/ascii_text'
      })
      const check = withStore(url, (store) => checkPostgresVersion(store.db))
      await expect(check).rejects.toThrow(/keeps text as SQL_ASCII.*ENCODING 'UTF8'/)
    } finally {
      await test.db.execute('DROP DATABASE ascii_text WITH (FORCE)')
    }
  })

  it('refuses a server that is too old', async () => {
    const old = {
      ...test.db,
      queryOne: async () => ({ version: '14.11', number: 140_011 }),
    } as unknown as AppDbSession
    await expect(checkPostgresVersion(old)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('15 or later'),
    })
  })
})

describe('the application database', () => {
  it('is prepared once for callers that come together, and once more after a failure', async () => {
    let runs = 0
    const connector = new AppDbConnector({
      url: test.location,
      prepare: async ({ db }) => {
        runs++
        await db.query('SELECT 1')
        if (runs === 1) throw new Error('no migrations')
      },
    })
    await expect(Promise.all([connector.get(), connector.get()])).rejects.toThrow('no migrations')
    expect(connector.isReady).toBe(false)
    const [one, two] = await Promise.all([connector.get(), connector.get()])
    expect(one).toBe(two)
    expect(runs).toBe(2)
    expect(connector.isReady).toBe(true)
    expect(await connector.isHealthy()).toBe(true)
    await connector.close()
    expect(connector.isReady).toBe(false)
    await expect(connector.get()).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('is configured once for the whole process', async () => {
    await expect(getAppDb()).rejects.toMatchObject({ kind: 'unavailable' })
    expect(isAppDbReady()).toBe(false)
    expect(await isAppDbHealthy()).toBe(false)
    configureAppDb({ url: test.location, prepare: async () => undefined })
    const { db } = await getAppDb()
    expect(await db.queryOne('SELECT 1 AS n')).toEqual({ n: 1 })
    expect(isAppDbReady()).toBe(true)
    expect(await isAppDbHealthy()).toBe(true)
    await closeAppDb()
    expect(isAppDbReady()).toBe(false)
  })
})

/** A way to the server that can be cut where a text passes. */
async function startProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const state = { refuse: false, cutAt: '' }
  const server = createServer((client) => {
    if (state.refuse) {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined) // the cut is what the test is about
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (data) => {
      if (state.cutAt && data.includes(state.cutAt)) {
        state.cutAt = ''
        upstream.destroy()
        client.destroy()
      } else upstream.write(data)
    })
    upstream.on('data', (data) => client.write(data))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return Object.assign(state, {
    url: url.href,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    },
  })
}
