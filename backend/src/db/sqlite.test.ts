import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqlStore } from './sql-store.ts'
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts'
import { spawnWorker } from './sqlite-connection.ts'
import { sqliteError } from './sqlite-errors.ts'

let folder: string
let opened: SqlStore[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'))
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const file = (name = 'test.db') => join(folder, name)

async function open(options: Partial<SqliteStoreOptions> = {}): Promise<SqlStore> {
  const store = await openSqliteStore({ path: file(), ...options })
  opened.push(store)
  return store
}

describe('threads', () => {
  it('for streams and snapshots are started as needed, eight at most, and two are kept when nobody needs them', async () => {
    const workers: Worker[] = []
    const live = () => workers.filter((worker) => worker.threadId !== -1).length
    const store = await open({
      spawn: (workerFile, options) => {
        const worker = spawnWorker(workerFile, options)
        workers.push(worker)
        return worker
      },
    })
    expect(live()).toBe(1)
    let goOn: () => void = () => undefined
    const over = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let inside = 0
    const snapshots = Array.from({ length: 12 }, () =>
      store.snapshot(async (session) => {
        inside++
        await over
        return session.rawQuery('SELECT 1')
      }),
    )
    while (inside < 8) await sleep(5)
    await sleep(20)
    expect(inside).toBe(8)
    expect(live()).toBe(9)
    expect(await store.db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]) // readers have threads of their own
    goOn()
    expect(await Promise.all(snapshots)).toHaveLength(12)
    expect(live()).toBe(10)
    await Promise.all(Array.from({ length: 8 }, () => store.snapshot(async () => undefined)))
    expect(workers).toHaveLength(10) // they were used again
    while (live() > 4) await sleep(5)
    expect(live()).toBe(4) // the writer, a reader and two
    await store.close()
    expect(live()).toBe(0)
  })

  it('that wait in line are turned away when the store is closed, and what runs in the writer ends', async () => {
    const store = await open()
    await store.db.execute('CREATE TABLE notes (id INTEGER PRIMARY KEY)')
    let goOn: () => void = () => undefined
    const over = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const running = store.transaction(async (tx) => {
      await tx.execute('INSERT INTO notes (id) VALUES (1)')
      await over
      await tx.execute('INSERT INTO notes (id) VALUES (2)')
    })
    const waiting = store.db.execute('INSERT INTO notes (id) VALUES (3)')
    await sleep(20)
    const closing = store.close()
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(store.snapshot(async () => 1)).rejects.toMatchObject({ kind: 'unavailable' })
    goOn()
    await Promise.all([running, closing])
    const again = await open()
    expect(await again.db.query('SELECT id FROM notes ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  })
})

describe('opening a SQLite file', () => {
  it('makes the file and sets what the product relies on', async () => {
    const { db } = await open()
    expect(existsSync(file())).toBe(true)
    const pragmas = ['journal_mode', 'foreign_keys', 'recursive_triggers', 'synchronous', 'temp_store']
    const values = await db.transaction(async (tx) => {
      const rows = []
      for (const name of pragmas) rows.push(await tx.queryOne<Record<string, unknown>>(`PRAGMA ${name}`))
      return rows.map((row) => Object.values(row ?? {})[0])
    })
    expect(values).toEqual(['wal', 1, 1, 1, 2])
  })

  it('says that the folder does not exist and what to do', async () => {
    await expect(open({ path: file('nowhere/test.db') })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('DATA_DIR'),
    })
  })

  it('says that the path is a folder', async () => {
    mkdirSync(file('folder.db'))
    await expect(open({ path: file('folder.db') })).rejects.toMatchObject({
      kind: 'unavailable',
      engineCode: 'SQLITE_CANTOPEN',
    })
  })

  it('says that the file is no database', async () => {
    writeFileSync(file(), 'not a database, but long enough to be looked at as one by its header '.repeat(20))
    await expect(open()).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('restore a backup'),
    })
  })

  it('says that a damaged file is damaged', async () => {
    const store = await open()
    await store.db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)')
    await store.db.insertMany(
      't',
      ['text'],
      Array.from({ length: 5_000 }, (_, i) => [`row ${i}`.repeat(10)]),
    )
    await store.close()
    const bytes = readFileSync(file())
    bytes.fill(0xff, 8_192, 65_536)
    writeFileSync(file(), bytes)
    const damaged = await open()
    await expect(damaged.db.query('SELECT count(*) AS n, max(text) AS x FROM t')).rejects.toMatchObject({
      kind: 'corrupt',
    })
  })

  // What a system answers depends on who asks (root may write anywhere), so the codes stand for the situations.
  it.each([
    ['SQLITE_READONLY', 'read-only', 'write permission'],
    ['SQLITE_READONLY_DIRECTORY', 'read-only', 'write permission'],
    ['SQLITE_CANTOPEN', 'unavailable', 'refused'],
    ['SQLITE_IOERR_WRITE', 'unavailable', 'refused'],
    ['SQLITE_FULL', 'disk-full', 'Free space'],
    ['SQLITE_CORRUPT_VTAB', 'corrupt', 'restore a backup'],
    ['SQLITE_BUSY_SNAPSHOT', 'busy', 'Another process'],
  ])('reports %s as %s', (code, kind, advice) => {
    expect(sqliteError({ code, message: 'refused' }, '/data/holdfast.db')).toMatchObject({
      kind,
      engineCode: code,
      message: expect.stringContaining(advice),
    })
  })

  it('names the package that is missing', async () => {
    const spawn: SqliteStoreOptions['spawn'] = (_, options) =>
      new Worker(
        `require('node:worker_threads').parentPort.postMessage(
           { ready: false, failure: { code: 'MODULE', message: "Cannot find package 'better-sqlite3'" } })`,
        { eval: true, workerData: options },
      )
    await expect(open({ spawn })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('npm install --include=optional'),
    })
  })

  it('says that the disk is full and keeps nothing of that write', async () => {
    const { db, transaction } = await open()
    await db.execute('CREATE TABLE t (text TEXT)')
    await transaction((tx) => tx.query('PRAGMA max_page_count = 100'))
    const rows = Array.from({ length: 5_000 }, () => ['x'.repeat(1_000)])
    await expect(db.insertMany('t', ['text'], rows)).rejects.toMatchObject({ kind: 'disk-full' })
    expect(await db.queryOne('SELECT count(*) AS n FROM t')).toEqual({ n: 0 })
    await db.execute(`INSERT INTO t (text) VALUES ('fits')`)
  })
})

describe('a SQLite store', () => {
  it('works in memory on one connection, streams and transactions included', async () => {
    const { db } = await open({ path: ':memory:' })
    await db.execute('CREATE TABLE t (id INTEGER)')
    await db.insertMany(
      't',
      ['id'],
      Array.from({ length: 3_000 }, (_, i) => [i]),
    )
    let seen = 0
    for await (const row of db.stream<{ id: number }>('SELECT id FROM t ORDER BY id')) {
      seen++
      if (row.id === 100) await db.transaction((tx) => tx.execute('UPDATE t SET id = id'))
    }
    expect(seen).toBe(3_000)
    expect(await db.healthCheck()).toBe(true)
  })

  it('waits for another process that writes, and runs the transaction then', async () => {
    const first = await open()
    const second = await open({ busyTimeoutMs: 20 })
    await first.db.execute('CREATE TABLE t (n INTEGER)')
    let entered: () => void = () => undefined
    const inside = new Promise<void>((resolve) => {
      entered = resolve
    })
    const holding = first.db.transaction(async (tx) => {
      await tx.execute('INSERT INTO t (n) VALUES (1)')
      entered()
      while (second.stats.retries === 0) await sleep(5)
    })
    await inside
    await second.db.transaction((tx) => tx.execute('INSERT INTO t (n) VALUES (2)'))
    await holding
    expect(await first.db.queryOne('SELECT count(*) AS n FROM t')).toEqual({ n: 2 })
  })

  it('lets reads go on while a transaction writes', async () => {
    const { db } = await open()
    await db.execute('CREATE TABLE t (n INTEGER)')
    let finish: () => void = () => undefined
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const writing = db.transaction(async (tx) => {
      await tx.execute('INSERT INTO t (n) VALUES (1)')
      await finished
    })
    expect(await db.queryOne('SELECT count(*) AS n FROM t')).toEqual({ n: 0 })
    finish()
    await writing
    expect(await db.queryOne('SELECT count(*) AS n FROM t')).toEqual({ n: 1 })
  })

  it('keeps the queue in order when callers leave it', async () => {
    const { db } = await open()
    await db.execute('CREATE TABLE t (n INTEGER)')
    const controller = new AbortController()
    const calls = Array.from({ length: 30 }, (_, n) =>
      db.execute('INSERT INTO t (n) VALUES ($1)', [n], n % 3 ? {} : { signal: controller.signal }),
    )
    const outcomes = Promise.allSettled(calls)
    controller.abort()
    const kept = (await outcomes).flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [n] : []))
    expect(kept).toHaveLength(20)
    const rows = await db.query<{ n: number }>('SELECT n FROM t ORDER BY rowid')
    // The first may have been running already: it is freed at once and finishes nevertheless.
    expect(rows.map((row) => row.n).filter((n) => n !== 0)).toEqual(kept)
  })

  it('sees through every thread a column whose type a script changed', async () => {
    const { db, transaction } = await open()
    await db.execute('CREATE TABLE t (flag INTEGER)')
    await db.execute('INSERT INTO t (flag) VALUES (1)')
    expect(await db.query('SELECT flag FROM t')).toEqual([{ flag: 1 }])
    await transaction((tx) =>
      tx.execScript(
        'ALTER TABLE t RENAME TO old; CREATE TABLE t (flag BOOLEAN); INSERT INTO t SELECT flag FROM old; DROP TABLE old',
      ),
    )
    expect(await db.query('SELECT flag FROM t')).toEqual([{ flag: true }])
  })

  it('closes only after what was running', async () => {
    const store = await open()
    await store.db.execute('CREATE TABLE t (n INTEGER)')
    const writing = store.db.transaction(async (tx) => {
      await tx.execute('INSERT INTO t (n) VALUES (1)')
      await sleep(30)
      await tx.execute('INSERT INTO t (n) VALUES (2)')
    })
    await sleep(10)
    await Promise.all([store.close(), writing])
    const again = await open()
    expect(await again.db.queryOne('SELECT count(*) AS n FROM t')).toEqual({ n: 2 })
  })

  it('leaves no thread behind when it is closed while a reader starts', async () => {
    const workers: Worker[] = []
    const store = await open({
      spawn: (url, options) => {
        workers.push(spawnWorker(url, options))
        return workers.at(-1)!
      },
    })
    const reading = store.db.query('SELECT 1')
    const outcome = expect(reading).rejects.toMatchObject({ kind: 'unavailable' })
    await store.close()
    await outcome
    expect(workers.map((worker) => worker.threadId)).toEqual([-1, -1])
  })
})
