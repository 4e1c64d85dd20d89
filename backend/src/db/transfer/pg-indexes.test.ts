import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../../../test/databases.ts'
import { fillMetrics, jobOf, TransferBench } from '../../../test/transfers.ts'
import { findDrift } from '../../doctor/schema-drift.ts'
import { ensurePartitions } from '../pg-partitions.ts'
import type { TableShape, Transfer } from './index.ts'
import { listQuarantine, listSavedIndexes } from './ledger.ts'

const HOUR_MS = 3_600_000
const FIRST_MS = Date.UTC(2026, 9, 1)
const ROWS = 25_000

let bench: TransferBench
let sqlite: TestDatabase
let postgres: TestDatabase
let transfer: Transfer
let shape: TableShape
let before: unknown[]

beforeEach(async () => {
  bench = await TransferBench.open()
  ;({ sqlite, postgres, transfer } = bench)
  await postgres.db.execute(
    `INSERT INTO _moves (unit, state, source, started_at, updated_at) VALUES ('test', 'copying', 'sqlite', now(), now())`,
  )
  shape = await bench.shapeOf('metrics')
  // 100 series over 250 times: four days and a bit.
  await fillMetrics(sqlite, { rows: ROWS, series: 100, firstMs: FIRST_MS, stepMs: HOUR_MS / 2 })
})
afterEach(() => bench.close())

const makePartitions = (hours: number) =>
  ensurePartitions(postgres.db, ['metrics'], FIRST_MS, FIRST_MS + hours * HOUR_MS)
const keys = () =>
  postgres.db.query(
    `SELECT i.tablename, i.indexname, i.indexdef FROM pg_indexes AS i WHERE i.tablename LIKE 'metrics\\_p%' OR i.tablename = 'metrics' ORDER BY 2`,
  )
const drift = async () => (await findDrift(postgres.db)).filter(({ table }) => table === 'metrics')

/** A job that is aborted before its fourth page. */
function interrupted(): { job: Parameters<Transfer['copy']>[0] } {
  const abort = new AbortController()
  let pages = 0
  const beforePage = async () => {
    if (++pages === 4) abort.abort(new Error('enough'))
  }
  return { job: jobOf(shape, { pageRows: 2_000, signal: abort.signal, beforePage }) }
}

describe('the key of a partitioned table', () => {
  beforeEach(async () => {
    await makePartitions(126)
    before = await keys()
    expect(before.length).toBeGreaterThan(6)
  })

  it('is put aside while the table is filled, and is there again as it was', async () => {
    let during: unknown[] = before
    const beforePage = async () => {
      during = await keys()
    }
    expect(await transfer.copy(jobOf(shape, { beforePage }))).toMatchObject({ rows: ROWS, rejected: 0 })
    expect(during).toEqual([])
    expect(await keys()).toEqual(before)
    expect(await drift()).toEqual([])
    expect((await bench.digests(shape)).different).toEqual([])
    expect(await listSavedIndexes(postgres.db)).toEqual([])
    await expect(
      postgres.db.execute('INSERT INTO metrics SELECT * FROM metrics LIMIT 1'),
    ).rejects.toMatchObject({ kind: 'unique' })
  })

  it('is known while it is away: the copy goes on, and nothing is said to be missing', async () => {
    await expect(transfer.copy(interrupted().job)).rejects.toThrow('enough')
    expect(await keys()).toEqual([])
    expect(await drift()).toEqual([])
    expect(await bench.shapeOf('metrics')).toEqual(shape)
    // A partition that is made meanwhile gets it too.
    await makePartitions(150)
    expect(await transfer.copy(jobOf(shape))).toEqual({ rows: ROWS, rejected: 0, digest: null })
    expect(await keys()).toHaveLength(before.length + 1)
    expect((await bench.digests(shape)).different).toEqual([])
  })

  it('is missed where no copy has put it aside', async () => {
    await postgres.db.execute('ALTER TABLE metrics DROP CONSTRAINT metrics_pkey')
    expect(await drift()).toMatchObject([{ kind: 'constraint', state: 'missing' }])
    await expect(bench.shapeOf('metrics')).rejects.toThrow('The key of metrics is () in PostgreSQL')
  })

  it('waits for whoever reads the table meanwhile', async () => {
    let reading: Promise<void> | undefined
    let release = () => {}
    const read = (began: () => void) =>
      postgres.db.transaction(async (tx) => {
        await tx.query('SELECT 1 FROM metrics LIMIT 1')
        began()
        await new Promise<void>((resolve) => {
          release = resolve
        })
      })
    let pages = 0
    const beforePage = async () => {
      if (++pages !== 2) return
      await new Promise<void>((began) => {
        reading = read(began)
      })
    }
    await expect(transfer.copy(jobOf(shape, { beforePage }))).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('waits until nobody reads the table'),
    })
    release()
    await reading
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: ROWS })
    expect(await keys()).toEqual(before)
  })

  it('goes on with the partitions that lack it after its building was broken off', async () => {
    await expect(transfer.copy(interrupted().job)).rejects.toThrow('enough')
    await postgres.db.execute('ALTER TABLE metrics_p20261001 ADD PRIMARY KEY (series_id, time_ms)')
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: ROWS })
    expect(await keys()).toEqual(before)
  })
})

it('the key is there again before queued changes are applied to a table that refuses rows', async () => {
  // The last ten times have no partition.
  await makePartitions(120)
  before = await keys()
  let applied: unknown[] = []
  const onConflict = async () => {
    applied = await keys()
    await postgres.db.execute(
      `INSERT INTO metrics SELECT * FROM metrics LIMIT 1 ON CONFLICT (series_id, time_ms) DO NOTHING`,
    )
  }
  const late = 1_000
  expect(await transfer.copy(jobOf(shape, { onConflict }))).toMatchObject({
    rejected: late,
    rows: ROWS - late,
  })
  expect(applied).toEqual(before)
  expect(await keys()).toEqual(before)
  expect(await listQuarantine(postgres.db, { limit: 1 })).toMatchObject([{ table: 'metrics' }])
})
