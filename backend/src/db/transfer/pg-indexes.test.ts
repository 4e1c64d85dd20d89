import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../../../test/databases.ts'
import { fillMetrics, fillSpans, jobOf, TransferBench } from '../../../test/transfers.ts'
import { findDrift } from '../../doctor/schema-drift.ts'
import { ensurePartitions } from '../pg-partitions.ts'
import type { TableShape, Transfer } from './index.ts'
import {
  addToQuarantine,
  createLedgerTables,
  listQuarantine,
  listSavedIndexes,
  removeFromQuarantine,
} from './ledger.ts'
import { putIndexesBack } from './pg-indexes.ts'

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

describe('the key of a table whose rows come by number', () => {
  const spans = (name: 'keys' | 'all') =>
    postgres.db.query<{ indexname: string }>(
      `SELECT i.indexname, i.indexdef FROM pg_indexes AS i WHERE i.tablename = 'spans' ${name === 'keys' ? `AND i.indexname = 'spans_pkey'` : ''} ORDER BY 1`,
    )
  const isKeyed = async () => (await spans('keys')).length === 1
  const idsOf = (store: TestDatabase) =>
    store.db.query<{ id: string; name: string }>('SELECT s.id, s.name FROM spans AS s ORDER BY s.id')
  /** Does something between two of many pages. */
  const between = (work: () => Promise<unknown>) => {
    let pages = 0
    return { beforePage: async () => void (++pages === 3 && (await work())), pageRows: 40, bareRows: 1 }
  }
  const expectEqual = async () => {
    expect(await spans('all')).toEqual(before)
    expect((await bench.digests(shape)).different).toEqual([])
    expect(await idsOf(postgres)).toEqual(await idsOf(sqlite))
  }

  beforeEach(async () => {
    shape = await bench.shapeOf('spans')
    before = await spans('all')
    await fillSpans(sqlite, 200)
  })

  it('is put aside while the table is filled, and is there again as it was', async () => {
    let during: unknown[] = before
    const beforePage = async () => {
      during = await spans('all')
      expect(await findDrift(postgres.db)).toEqual([])
      expect(await bench.shapeOf('spans')).toEqual(shape)
    }
    const { digest, ...counts } = await transfer.copy(jobOf(shape, { beforePage, bareRows: 200 }))
    expect(counts).toEqual({ rows: 200, rejected: 0 })
    expect(digest).toMatchObject({ rows: 200 })
    expect(during).toEqual([])
    await expectEqual()
    await expect(postgres.db.execute('INSERT INTO spans SELECT * FROM spans LIMIT 1')).rejects.toMatchObject({
      kind: 'unique',
      constraint: 'spans_pkey',
    })
    expect(await listSavedIndexes(postgres.db)).toEqual([])
  })

  it('stays where there are few rows', async () => {
    let during = false
    const beforePage = async () => {
      during = await isKeyed()
    }
    await transfer.copy(jobOf(shape, { beforePage, bareRows: 201 }))
    expect(during).toBe(true)
  })

  it('stays where a view depends on it', async () => {
    await postgres.db.execute('CREATE VIEW names AS SELECT s.id, s.name FROM spans AS s GROUP BY s.id')
    expect(await transfer.copy(jobOf(shape, { bareRows: 1 }))).toMatchObject({ rows: 200, rejected: 0 })
    await expectEqual()
  })

  it('takes the newer one of rows that come twice: one was written anew, one has taken over the key of another', async () => {
    const work = async () => {
      const [first, second, , fourth] = await sqlite.db.query<{ id: string }>(
        'SELECT s.id FROM spans AS s ORDER BY s.rowid LIMIT 4',
      )
      const [last] = await sqlite.db.query<{ id: string }>(
        'SELECT s.id FROM spans AS s ORDER BY s.rowid DESC LIMIT 1',
      )
      const columns = shape.columns.map(({ name }) => name).join(', ')
      const renamed = columns.replace(', name,', `, 'written anew',`)
      await sqlite.db.execute(
        `INSERT OR REPLACE INTO spans (${columns}) SELECT ${renamed} FROM spans WHERE id = $1`,
        [first?.id ?? ''],
      )
      await sqlite.db.execute('DELETE FROM spans WHERE id = $1', [second?.id ?? ''])
      await sqlite.db.execute(`UPDATE spans SET id = $1, name = 'another' WHERE id = $2`, [
        second?.id ?? '',
        last?.id ?? '',
      ])
      // Gone from the source, it stays in the copy until the change is applied.
      await sqlite.db.execute('DELETE FROM spans WHERE id = $1', [fourth?.id ?? ''])
      await postgres.db.execute('DELETE FROM spans WHERE id = $1', [fourth?.id ?? ''])
    }
    expect(await transfer.copy(jobOf(shape, between(work)))).toEqual({ rows: 199, rejected: 0, digest: null })
    const names = (await idsOf(postgres)).map(({ name }) => name)
    expect(names.filter((name) => name === 'written anew' || name === 'another')).toHaveLength(2)
    await expectEqual()
  })

  it('is there before queued changes are applied to a table that refuses rows, and rows that came twice are told', async () => {
    await postgres.db.execute(`ALTER TABLE spans ADD CONSTRAINT no_first CHECK (name <> 'refused')`)
    const work = async () => {
      const columns = shape.columns.map(({ name }) => name).join(', ')
      await sqlite.db.execute(
        `INSERT OR REPLACE INTO spans (${columns}) SELECT ${columns} FROM spans WHERE rowid IN (1, 2)`,
      )
      await sqlite.db.execute(`UPDATE spans SET name = 'refused' WHERE rowid = 202`)
    }
    const drained: boolean[] = []
    const onConflict = async () => {
      drained.push(await isKeyed())
    }
    const { rejected } = await transfer.copy(jobOf(shape, { ...between(work), onConflict }))
    expect(rejected).toBe(1)
    expect(drained).toContain(true)
    expect(drained).not.toContain(false)
    expect(await spans('all')).toEqual(before)
    expect(await listQuarantine(postgres.db, { limit: 9 })).toMatchObject([
      { table: 'spans', reason: 'check' },
    ])
  })

  it('is there before rows whose numbers have changed are copied over those that are there', async () => {
    const work = async () => {
      await sqlite.db.execute('DELETE FROM spans WHERE rowid < 100')
      await sqlite.db.execute('VACUUM')
    }
    await transfer.copy(jobOf(shape, between(work)))
    expect(await spans('all')).toEqual(before)
    expect((await idsOf(postgres)).map(({ id }) => id)).toEqual(
      expect.arrayContaining((await idsOf(sqlite)).map(({ id }) => id)),
    )
  })

  it.each([1, 1_000])(
    'sends rows to quarantine whose key is too long for it (bare from %i rows)',
    async (bareRows) => {
      const long = randomBytes(6_000).toString('base64')
      await sqlite.db.execute('UPDATE spans SET id = $1 WHERE rowid = 3', [long])
      expect(await transfer.copy(jobOf(shape, { bareRows }))).toMatchObject({ rows: 199, rejected: 1 })
      expect(await spans('all')).toEqual(before)
      const quarantined = await listQuarantine(postgres.db, { limit: 9 })
      expect(quarantined).toMatchObject([{ table: 'spans', key: JSON.stringify([long]), reason: 'too-long' }])
      // Its turn comes again: it is there once, and leaves once it fits.
      await addToQuarantine(postgres.db, 'test', quarantined)
      expect(await listQuarantine(postgres.db, { limit: 9 })).toEqual(quarantined)
      expect(await removeFromQuarantine(postgres.db, 'spans', [[long]])).toBe(1)
    },
  )

  describe('when its index is there and the copy was broken off', () => {
    beforeEach(async () => {
      const abort = new AbortController()
      const work = async () => abort.abort(new Error('enough'))
      const job = jobOf(shape, { ...between(work), signal: abort.signal })
      await expect(transfer.copy(job)).rejects.toThrow('enough')
      expect(await spans('all')).toEqual([])
      await postgres.db.execute('CREATE UNIQUE INDEX spans_pkey ON spans USING btree (id)')
    })

    it('is made of it when the copy goes on', async () => {
      expect(await transfer.copy(jobOf(shape))).toEqual({ rows: 200, rejected: 0, digest: null })
      await expectEqual()
      expect((await drifts()).map(({ text }) => text)).toEqual([])
    })

    it('is made of it when the move is given up', async () => {
      const [saved] = await listSavedIndexes(postgres.db)
      await postgres.db.execute('DELETE FROM spans')
      await putIndexesBack(postgres.store, saved?.texts ?? [])
      await putIndexesBack(postgres.store, saved?.texts ?? [])
      expect(await spans('all')).toEqual(before)
      await postgres.db.execute('DELETE FROM _move_tables')
      expect(await drifts()).toEqual([])
    })
  })

  const drifts = () => findDrift(postgres.db)
})

it('books of an older release take rows with long keys too, and keep what they have', async () => {
  const quarantined = () =>
    postgres.db.query('SELECT q.key, q.state FROM _quarantine AS q ORDER BY octet_length(q.key)')
  const reject = (key: string) => ({
    table: 'spans',
    key: JSON.stringify([key]),
    row: {},
    column: 'id',
    reason: 'too-long' as const,
    message: 'm',
    suggestion: 's',
  })
  await addToQuarantine(postgres.db, 'test', [reject('a')])
  await postgres.db.execute('DROP INDEX _quarantine_key')
  await postgres.db.execute('ALTER TABLE _quarantine ADD UNIQUE (table_name, key)')
  await createLedgerTables(postgres.store)
  await createLedgerTables(postgres.store)
  await addToQuarantine(postgres.db, 'test', [reject('a'), reject(randomBytes(6_000).toString('base64'))])
  expect(await quarantined()).toMatchObject([{ key: '["a"]', state: 'open' }, { state: 'open' }])
})
