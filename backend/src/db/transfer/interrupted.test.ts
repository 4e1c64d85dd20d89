import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../../../test/databases.ts'
import { fillSpans, jobOf, never, TransferBench } from '../../../test/transfers.ts'
import { compareDigests, type TableShape, type Transfer } from './index.ts'
import { listTables } from './ledger.ts'

let bench: TransferBench
let sqlite: TestDatabase
let postgres: TestDatabase
let transfer: Transfer

beforeEach(async () => {
  bench = await TransferBench.open()
  ;({ sqlite, postgres, transfer } = bench)
})
afterEach(() => bench.close())

const shapeOf = (table: string) => bench.shapeOf(table)
const digests = (shape: TableShape) => bench.digests(shape)

const indexes = () =>
  postgres.db.query(`SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'spans' ORDER BY indexname`)

describe('a copy that is interrupted', () => {
  it('goes on behind its last page after the connection was cut', async () => {
    await fillSpans(sqlite, 25_000)
    const before = await indexes()
    const shape = await shapeOf('spans')
    let pages = 0
    const cut = jobOf(shape, {
      pageRows: 2_000,
      beforePage: async () => {
        pages++
        if (pages === 4) await postgres.breakConnections()
      },
    })
    await expect(transfer.copy(cut)).rejects.toMatchObject({ name: 'DbError', kind: 'unavailable' })
    // The pool of the test has lost its connections too, and says so once for each.
    const known = () => listTables(postgres.db, 'test', []).catch(() => [])
    await expect.poll(known).toMatchObject([{ state: 'copying', copiedRows: 6_000 }])
    expect(await transfer.copy(jobOf(shape))).toEqual({ rows: 25_000, rejected: 0, digest: null })
    expect((await digests(shape)).different).toEqual([])
    expect(await indexes()).toEqual(before)
  })

  it('stops at once when it is aborted', async () => {
    await fillSpans(sqlite, 5_000)
    const shape = await shapeOf('spans')
    const abort = new AbortController()
    let pages = 0
    const job = jobOf(shape, {
      pageRows: 500,
      signal: abort.signal,
      beforePage: async () => {
        if (++pages === 3) abort.abort(new Error('enough'))
      },
    })
    await expect(transfer.copy(job)).rejects.toThrow('enough')
    const [known] = await listTables(postgres.db, 'test', [])
    expect(known).toMatchObject({ state: 'copying', copiedRows: 1_000 })
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: 5_000 })
    expect((await digests(shape)).different).toEqual([])
  })

  /** A copy of 2,000 spans that has come to the thousandth. */
  async function half(): Promise<TableShape> {
    await fillSpans(sqlite, 2_000)
    const shape = await shapeOf('spans')
    const abort = new AbortController()
    let pages = 0
    const beforePage = async () => {
      if (++pages === 3) abort.abort(new Error('enough'))
    }
    const job = jobOf(shape, { pageRows: 500, signal: abort.signal, beforePage })
    await expect(transfer.copy(job)).rejects.toThrow('enough')
    return shape
  }
  const script = (sql: string) => sqlite.store.connection((session) => session.execScript(sql))

  it.each([
    ['has run', 'VACUUM'],
    ['could have, and the last row is still there', 'CREATE TABLE other (a)'],
    ['could not have, and the last row is gone', 'DELETE FROM spans WHERE rowid = 1000'],
  ])('goes on where VACUUM %s', async (_, sql) => {
    const shape = await half()
    await postgres.db.execute('DELETE FROM spans WHERE id = (SELECT min(id) FROM spans)')
    await script(sql)
    await transfer.copy(jobOf(shape))
    const { sqlite: source, postgres: target } = await digests(shape)
    // The row that was taken away was copied before.
    const gone = sql.startsWith('DELETE') ? 0 : 1
    expect(source.rows - target.rows).toBe(gone)
  })

  it.each([
    ['has given rows other numbers', 'UPDATE spans SET rowid = rowid + 10000; VACUUM'],
    ['could have, and the last row is gone', 'DELETE FROM spans WHERE rowid = 1000; CREATE TABLE other (a)'],
  ])('begins anew where VACUUM %s', async (_, sql) => {
    const shape = await half()
    await postgres.db.execute(`DELETE FROM spans WHERE id = (SELECT min(id) FROM spans); `)
    await script(sql)
    const count = (await sqlite.db.queryOne<{ n: number }>('SELECT count(*) AS n FROM spans'))!.n
    expect(await transfer.copy(jobOf(shape))).toEqual({ rows: count, rejected: 0, digest: null })
    await postgres.db.execute(
      'DELETE FROM spans WHERE id NOT IN (SELECT jsonb_array_elements_text($1::jsonb))',
      [JSON.stringify((await sqlite.db.query<{ id: string }>('SELECT id FROM spans')).map(({ id }) => id))],
    )
    expect((await digests(shape)).different).toEqual([])
  })

  it('rejects when its thread ends, and the next one goes on', async () => {
    await fillSpans(sqlite, 5_000)
    const shape = await shapeOf('spans')
    const workers: Worker[] = []
    await bench.restart((file, workerData) => {
      const worker = new Worker(file, { workerData, execArgv: [] })
      workers.push(worker)
      return worker
    })
    ;({ transfer } = bench)
    let pages = 0
    const job = jobOf(shape, {
      pageRows: 500,
      beforePage: async () => {
        if (++pages === 3) await workers[0]!.terminate()
      },
    })
    await expect(transfer.copy(job)).rejects.toMatchObject({ name: 'DbError', kind: 'unavailable' })
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: 5_000 })
    expect((await digests(shape)).different).toEqual([])
    expect(workers.length).toBe(2)
  })

  it('rejects with what the caller has thrown', async () => {
    const job = jobOf(await shapeOf('spans'), { beforePage: () => Promise.reject(new Error('no more')) })
    await expect(transfer.copy(job)).rejects.toThrow('no more')
  })
})

describe('what reads SQLite', () => {
  it('begins anew when rows have got other numbers meanwhile', async () => {
    await fillSpans(sqlite, 21_000)
    const shape = await shapeOf('spans')
    let pages = 0
    const digest = await transfer.digest({
      side: 'sqlite',
      shape,
      signal: never(),
      beforePage: async () => {
        if (++pages !== 2) return
        await sqlite.store.connection((session) =>
          session.execScript('UPDATE spans SET rowid = rowid + 50000; CREATE TABLE other (a)'),
        )
      },
    })
    expect(pages).toBe(4)
    expect(digest.rows).toBe(21_000)
    expect(compareDigests(digest, (await digests(shape)).sqlite)).toEqual([])
  })
})
