import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { databases, type TestDatabase } from '../../../test/databases.ts'
import type { AppDbTransaction } from '../app-db.ts'

describe.each(databases)('transactions on $name', ({ open }) => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await open()
    await test.db.execute('CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL)')
  })
  afterAll(() => test.close())
  beforeEach(async () => {
    await test.db.execute('DELETE FROM counters')
    await test.db.execute(`INSERT INTO counters (name, n) VALUES ('a', 0)`)
  })

  const add = (db: AppDbTransaction, by: number) =>
    db.execute(`UPDATE counters SET n = n + $1 WHERE name = 'a'`, [by])
  const read = async (db: AppDbTransaction = test.db) =>
    (await db.queryOne<{ n: number }>(`SELECT n FROM counters WHERE name = 'a'`))?.n

  it('keeps what a transaction did and gives its result', async () => {
    const result = await test.db.transaction(async (tx) => {
      await add(tx, 1)
      await add(tx, 2)
      return read(tx)
    })
    expect(result).toBe(3)
    expect(await read()).toBe(3)
  })

  it('undoes everything when the work rejects, and rejects with the same error', async () => {
    const cause = new Error('changed my mind')
    const running = test.db.transaction(async (tx) => {
      await add(tx, 1)
      await tx.insertMany('counters', ['name', 'n'], [['b', 1]])
      throw cause
    })
    await expect(running).rejects.toBe(cause)
    expect(await read()).toBe(0)
    expect(await test.db.query('SELECT name FROM counters')).toHaveLength(1)
  })

  it('undoes only the nested transaction that rejects', async () => {
    await test.db.transaction(async (tx) => {
      await add(tx, 1)
      await expect(
        tx.transaction(async (nested) => {
          await add(nested, 10)
          throw new Error('nested')
        }),
      ).rejects.toThrow('nested')
      await tx.transaction((nested) => add(nested, 100))
    })
    expect(await read()).toBe(101)
  })

  it('goes on after a statement that failed in a nested transaction', async () => {
    await test.db.transaction(async (tx) => {
      const duplicate = tx.transaction((nested) =>
        nested.execute(`INSERT INTO counters (name, n) VALUES ('a', 9)`),
      )
      await expect(duplicate).rejects.toMatchObject({ kind: 'unique' })
      await add(tx, 5)
    })
    expect(await read()).toBe(5)
  })

  it('undoes nested transactions three levels deep with the outermost', async () => {
    const running = test.db.transaction(async (one) => {
      await one.transaction(async (two) => {
        await add(two, 1)
        await two.transaction((three) => add(three, 1))
      })
      throw new Error('outermost')
    })
    await expect(running).rejects.toThrow('outermost')
    expect(await read()).toBe(0)
  })

  it('runs nested transactions of parallel branches one after the other', async () => {
    await test.db.transaction(async (tx) => {
      const branches = [1, 2, 3, 4].map((by) =>
        tx.transaction(async (nested) => {
          await add(nested, by)
          if (by % 2 === 0) throw new Error('even')
        }),
      )
      const results = await Promise.allSettled(branches)
      expect(results.map((result) => result.status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
      ])
    })
    expect(await read()).toBe(4)
  })

  it('cannot keep a transaction in which a statement failed, even when the error was caught', async () => {
    const running = test.db.transaction(async (tx) => {
      await add(tx, 1)
      await tx.execute(`INSERT INTO counters (name, n) VALUES ('a', 9)`).catch(() => undefined)
    })
    await expect(running).rejects.toMatchObject({ kind: 'unique' })
    expect(await read()).toBe(0)
  })

  it('refuses statements after one that failed', async () => {
    const running = test.db.transaction(async (tx) => {
      await tx.execute(`INSERT INTO counters (name, n) VALUES ('a', 9)`).catch(() => undefined)
      await add(tx, 1)
    })
    await expect(running).rejects.toMatchObject({ name: 'DbError', kind: 'other' })
  })

  it.each<[string, (test: TestDatabase) => Promise<unknown>]>([
    ['query', ({ db }) => db.query('SELECT 1')],
    ['queryOne', ({ db }) => db.queryOne('SELECT 1')],
    ['execute', ({ db }) => db.execute('DELETE FROM counters')],
    ['insertMany', ({ db }) => db.insertMany('counters', ['name', 'n'], [['x', 1]])],
    ['transaction', ({ db }) => db.transaction(async () => undefined)],
    ['stream', ({ db }) => collect(db.stream('SELECT 1'))],
  ])('rejects %s of the outer handle inside a transaction at once', async (_, misuse) => {
    await test.db.transaction(async (tx) => {
      await expect(misuse(test)).rejects.toThrow('outer handle')
      await tx.transaction(() => expect(misuse(test)).rejects.toThrow('outer handle'))
    })
  })

  it('rejects the handle of a transaction inside its nested transaction', async () => {
    await test.db.transaction(async (tx) => {
      await tx.transaction(() => expect(add(tx, 1)).rejects.toMatchObject({ name: 'TransactionMisuseError' }))
    })
  })

  it('rejects the handle of a transaction that is over', async () => {
    let leaked: AppDbTransaction | undefined
    await test.db.transaction(async (tx) => {
      leaked = tx
    })
    await expect(add(leaked!, 1)).rejects.toMatchObject({ name: 'TransactionMisuseError' })
  })

  it('lets what a transaction left running use the outer handle once it is over', async () => {
    let goOn: () => void = () => undefined
    const over = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let detached: Promise<number | undefined> | undefined
    await test.db.transaction(async (tx) => {
      detached = over.then(() => read())
      await add(tx, 7)
    })
    goOn()
    expect(await detached).toBe(7)
  })

  it('loses no update of concurrent writers', async () => {
    const writers = Array.from({ length: 40 }, (_, i) =>
      i % 2
        ? add(test.db, 1)
        : test.db.transaction(async (tx) => {
            await add(tx, 1)
            await add(tx, 1)
          }),
    )
    await Promise.all(writers)
    expect(await read()).toBe(60)
  })

  it('hides what a transaction does from others until it is over', async () => {
    if (test.singleConnection) return expect(await read()).toBe(0) // nobody else can look
    await test.db.transaction(async (tx) => {
      await add(tx, 1)
      const { promise, resolve } = withResolvers<number | undefined>()
      // Outside of the transaction's context, as another request is.
      outside(() => read().then(resolve))
      expect(await promise).toBe(0)
    })
    expect(await read()).toBe(1)
  })

  it('holds one connection for scripts, transactions and streams', async () => {
    const rows = await test.store.connection(async (session) => {
      await session.execScript(
        `INSERT INTO counters (name, n) VALUES ('b', 1); INSERT INTO counters (name, n) VALUES ('c', 2)`,
      )
      await session.transaction((tx) => add(tx, 3))
      return collect(
        session.stream<{ name: string; n: number }>('SELECT name, n FROM counters ORDER BY name'),
      )
    })
    expect(rows).toEqual([
      { name: 'a', n: 3 },
      { name: 'b', n: 1 },
      { name: 'c', n: 2 },
    ])
  })

  it('undoes a script that fails half-way in a transaction', async () => {
    const running = test.store.transaction((tx) =>
      tx.execScript(
        `CREATE TABLE half (id INTEGER); INSERT INTO half (id) VALUES (1); INSERT INTO nowhere (id) VALUES (1)`,
      ),
    )
    await expect(running).rejects.toMatchObject({ name: 'DbError' })
    await expect(test.db.query('SELECT id FROM half')).rejects.toMatchObject({ name: 'DbError' })
  })

  it('runs only one statement where one is expected', async () => {
    await expect(test.db.execute(`DELETE FROM counters; DELETE FROM counters`)).rejects.toMatchObject({
      name: 'DbError',
    })
    expect(await read()).toBe(0)
  })
})

const pendingCalls: (() => void)[] = []
// Started before any transaction, so that what it calls runs in no transaction's context.
const ticker = setInterval(() => {
  for (const call of pendingCalls.splice(0)) call()
}, 1)
ticker.unref()

function outside(call: () => void): void {
  pendingCalls.push(call)
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}
