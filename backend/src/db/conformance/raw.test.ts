import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../../test/databases.ts'
import type { RawValue } from '../sql-store.ts'

describe.each(databases)('raw values on $name', ({ open, dialect }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await test.store.transaction((tx) =>
      tx.execScript(
        dialect === 'sqlite'
          ? 'CREATE TABLE raw (id INTEGER PRIMARY KEY, v); CREATE TABLE words (id INTEGER PRIMARY KEY, t TEXT)'
          : `CREATE TABLE raw (id INTEGER PRIMARY KEY, i BIGINT, f DOUBLE PRECISION, r REAL, n NUMERIC, b BOOLEAN,
               t TEXT, j JSONB, x BYTEA, at TIMESTAMPTZ);
             CREATE TABLE words (id INTEGER PRIMARY KEY, t TEXT)`,
      ),
    )
  })
  afterAll(() => test.close())

  const raw = (sql: string, params?: readonly RawValue[]) =>
    test.store.transaction((tx) => tx.rawQuery(sql, params))

  if (dialect === 'sqlite') {
    it('come back in the storage class in which they were bound', async () => {
      const values: RawValue[] = [
        null,
        3,
        3n,
        -0.5,
        9223372036854775807n,
        1e300,
        '3',
        'a\0b',
        '\u{1f600}',
        new Uint8Array([0, 255]),
        new Uint8Array(),
      ]
      const read = await test.store.transaction(async (tx) => {
        for (const [i, value] of values.entries()) {
          await tx.rawExecute('INSERT INTO raw (id, v) VALUES ($1, $2)', [BigInt(i), value])
        }
        return tx.rawQuery('SELECT v, typeof(v) FROM raw ORDER BY id')
      })
      expect(read.map(([value]) => value)).toEqual(values)
      expect(read.map(([, type]) => type)).toEqual([
        ...['null', 'real', 'integer', 'real', 'integer', 'real', 'text', 'text', 'text', 'blob', 'blob'],
      ])
      await test.db.execute('DELETE FROM raw')
    })

    it('are not decoded by the declared type of a column', async () => {
      const sql = 'CREATE TABLE typed (b BOOLEAN, j JSONB TEXT, at TIMESTAMPTZ TEXT)'
      await test.db.execute(sql)
      await test.store.transaction((tx) =>
        tx.rawExecute('INSERT INTO typed (b, j, at) VALUES ($1, $2, $3)', [
          2n,
          '{broken',
          '2026-01-02 03:04:05',
        ]),
      )
      expect(await raw('SELECT b, j, at FROM typed')).toEqual([[2n, '{broken', '2026-01-02 03:04:05']])
    })

    it('are written row after row by one statement, all or none', async () => {
      const sql = 'INSERT INTO raw (id, v) VALUES (?, ?)'
      const rows = Array.from({ length: 3_000 }, (_, i) => [BigInt(i), i % 2 ? `v${i}` : i])
      const written = await test.store.transaction((tx) => tx.rawMany(sql, rows))
      expect(written).toEqual({ rowCount: 3_000 })
      expect(await raw('SELECT id, v FROM raw ORDER BY id')).toEqual(rows)
      const half = test.store.transaction((tx) =>
        tx.rawMany(sql, [
          [9_000n, 'new'],
          [1n, 'taken'],
        ]),
      )
      await expect(half).rejects.toMatchObject({ kind: 'unique' })
      expect(await raw('SELECT count(*) FROM raw')).toEqual([[3_000n]])
      const uneven = test.store.transaction((tx) => tx.rawMany(sql, [[1n, 2n], [3n]]))
      await expect(uneven).rejects.toMatchObject({ kind: 'invalid-value' })
      expect(await test.store.transaction((tx) => tx.rawMany(sql, []))).toEqual({ rowCount: 0 })
    })
  } else {
    it('come back as the server prints them', async () => {
      const values = [
        ...[1n, 9223372036854775807n, 0.1, 1.1, '1.50', 'true', 'a "word"', '{"b":1e3, "a": [1.50]}'],
        new Uint8Array([0, 255]),
        '2026-07-01 12:00:00.123456+02',
      ]
      await test.store.transaction((tx) =>
        tx.rawExecute(
          `INSERT INTO raw (id, i, f, r, n, b, t, j, x, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
          values,
        ),
      )
      expect(await raw('SELECT id, i, f, r, n, b, t, j, x, at FROM raw')).toEqual([
        [
          ...['1', '9223372036854775807', '0.1', '1.1', '1.50', 't', 'a "word"', '{"a": [1.50], "b": 1000}'],
          ...['\\x00ff', '2026-07-01 10:00:00.123456+00'],
        ],
      ])
      await test.db.execute('DELETE FROM raw')
      expect(await raw(`SELECT 'Infinity'::FLOAT8, NULL, 1 AS same, 2 AS same`)).toEqual([
        ['Infinity', null, '1', '2'],
      ])
    })

    it('have no statement for each row', async () => {
      const many = test.store.transaction((tx) => tx.rawMany('INSERT INTO words (id) VALUES (?)', [[1n]]))
      await expect(many).rejects.toThrow(TypeError)
    })
  }

  it('count the rows that a statement changed, and serve RETURNING', async () => {
    await test.store.transaction(async (tx) => {
      await tx.rawExecute(`INSERT INTO words (id, t) VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
      expect(await tx.rawExecute('DELETE FROM words WHERE id > $1', [1n])).toEqual({ rowCount: 2 })
      const gone = await tx.rawQuery('DELETE FROM words WHERE id = $1 RETURNING t', [1n])
      expect(gone).toEqual([['a']])
    })
    expect(await raw('SELECT id FROM words')).toEqual([])
  })

  it('fail their transaction like any other statement', async () => {
    const running = test.store.transaction(async (tx) => {
      await tx.rawExecute(`INSERT INTO words (id, t) VALUES (7, 'x')`)
      await tx.rawQuery('SELECT nothing FROM nowhere').catch(() => undefined)
    })
    await expect(running).rejects.toMatchObject({ name: 'DbError' })
    expect(await raw('SELECT id FROM words')).toEqual([])
  })
})

describe.each(databases)('a snapshot on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await test.db.execute('CREATE TABLE words (id INTEGER PRIMARY KEY, t TEXT)')
    await test.db.insertMany(
      'words',
      ['id', 't'],
      Array.from({ length: 5_000 }, (_, i) => [i, 'x'.repeat(100)]),
    )
  })
  afterAll(() => test.close())

  const count = async (session = test.db as Pick<TestDatabase['db'], 'queryOne'>) =>
    (await session.queryOne<{ n: number }>('SELECT count(*) AS n FROM words'))?.n

  it('reads one instant, and writers do not wait for it', async () => {
    if (test.singleConnection) return // nobody else can write
    const before = await count()
    const write = writer()
    const seen = await test.store.snapshot(async (session) => {
      await write() // before the first read of the work
      const first = await count(session)
      await write()
      return [
        first,
        await count(session),
        Number((await session.rawQuery('SELECT count(*) FROM words'))[0]?.[0]),
      ]
    })
    expect(seen).toEqual([before, before, before])
    expect(await count()).toBe((before ?? 0) + 2)
  })

  it('sees what was committed before it, also while a stream is open', async () => {
    if (test.singleConnection) return // the stream has the connection
    const stream = test.db.stream('SELECT id FROM words ORDER BY id')[Symbol.asyncIterator]()
    await stream.next()
    const before = await count()
    await test.db.execute(`INSERT INTO words (id, t) VALUES (100001, 'new')`)
    expect(await count()).toBe((before ?? 0) + 1)
    expect(await test.store.snapshot(count)).toBe((before ?? 0) + 1)
    let streamed = 1
    while (!(await stream.next()).done) streamed++
    expect(streamed).toBe(before)
  })

  it.each<[string, Parameters<TestDatabase['store']['snapshot']>[0]]>([
    ['execute', (session) => session.execute('DELETE FROM words')],
    ['query', (session) => session.query('DELETE FROM words RETURNING id')],
    ['rawExecute', (session) => session.rawExecute('DELETE FROM words')],
    ['rawQuery', (session) => session.rawQuery('DELETE FROM words RETURNING id')],
    ['insertMany', (session) => session.insertMany('words', ['id'], [[-1]])],
    ['execScript', (session) => session.execScript('DELETE FROM words')],
  ])('refuses to write by %s', async (_, work) => {
    const before = await count()
    await expect(test.store.snapshot(work)).rejects.toMatchObject({ kind: 'read-only' })
    expect(await count()).toBe(before)
  })

  it('gives its connection back, whatever becomes of it', async () => {
    for (let i = 0; i < 12; i++) {
      const failing = test.store.snapshot(async (session) => {
        await session.query('SELECT 1 AS one')
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
    }
    expect(await test.store.snapshot(async (session) => session.rawQuery('SELECT 1'))).toHaveLength(1)
  })

  it('runs beside others, more than there are threads', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => test.store.snapshot((session) => count(session))),
    )
    expect(new Set(results)).toEqual(new Set([await count()]))
  })

  it('streams and nests, and keeps the outer handle out', async () => {
    const ids = await test.store.snapshot(async (session) => {
      await expect(test.db.query('SELECT 1')).rejects.toThrow('outer handle')
      const all: unknown[] = []
      for await (const row of session.stream('SELECT id FROM words ORDER BY id LIMIT 2')) all.push(row)
      return session.transaction(async (nested) => [...all, ...(await nested.query('SELECT 1 AS one'))])
    })
    expect(ids).toEqual([{ id: 0 }, { id: 1 }, { one: 1 }])
  })

  /** Writes from outside of the context in which it is called. */
  function writer(): () => Promise<unknown> {
    let nextId = 200_000
    let go: (done: (result: Promise<unknown>) => void) => void = () => undefined
    const loop = async (): Promise<void> => {
      const done = await new Promise<(result: Promise<unknown>) => void>((resolve) => {
        go = resolve
      })
      const written = test.db.execute('INSERT INTO words (id) VALUES ($1)', [nextId++])
      const next = loop()
      done(written)
      await next
    }
    void loop()
    return () => new Promise((resolve, reject) => go((result) => result.then(resolve, reject)))
  }
})
