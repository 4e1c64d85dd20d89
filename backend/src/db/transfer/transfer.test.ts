import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../../../test/databases.ts'
import { fillSpans, jobOf, never, TransferBench } from '../../../test/transfers.ts'
import { compareDigests, type TableShape, type Transfer } from './index.ts'
import { listQuarantine, listTables } from './ledger.ts'

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

const indexNames = async () =>
  (
    await postgres.db.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE tablename = 'spans' ORDER BY 1`,
    )
  ).map(({ name }) => name)

describe('a copy into PostgreSQL', () => {
  it('takes every row, its digest with it, and gives the indexes back', async () => {
    await fillSpans(sqlite, 25_000)
    const before = await indexNames()
    const shape = await shapeOf('spans')
    const states = new Set<string>()
    const { rows, rejected, digest } = await transfer.copy(
      jobOf(shape, { onProgress: ({ state }) => states.add(state) }),
    )
    expect({ rows, rejected }).toEqual({ rows: 25_000, rejected: 0 })
    expect([...states]).toEqual(['copying', 'indexing'])
    const both = await digests(shape)
    expect(both.different).toEqual([])
    expect(both.postgres.rows).toBe(25_000)
    expect(compareDigests(digest!, both.postgres)).toEqual([])
    expect(await indexNames()).toEqual(before)
    expect(await listTables(postgres.db, 'test', [])).toMatchObject([
      { table: 'spans', state: 'copied', copiedRows: 25_000 },
    ])
  })

  it('takes empty tables and tables of one row', async () => {
    const shape = await shapeOf('webhooks')
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: 0, rejected: 0 })
    await sqlite.db.execute(`INSERT INTO mcp_servers (name, transport, args) VALUES ('a', 'stdio', '["x"]')`)
    expect(await transfer.copy(jobOf(await shapeOf('mcp_servers')))).toMatchObject({ rows: 1, rejected: 0 })
    expect(await postgres.db.query('SELECT id, name, args, enabled FROM mcp_servers')).toEqual([
      { id: 1, name: 'a', args: ['x'], enabled: true },
    ])
  })

  it('goes page by page, one row each, with rows of megabytes among them', async () => {
    await fillSpans(sqlite, 20)
    const large = JSON.stringify({ text: 'Zoë said "fine\\n", twice. '.repeat(170_000) })
    await sqlite.db.execute(`UPDATE spans SET attributes = $1 WHERE id IN (SELECT id FROM spans LIMIT 2)`, [
      large,
    ])
    let pages = 0
    const job = jobOf(await shapeOf('spans'), {
      pageRows: 1,
      beforePage: async () => {
        pages++
      },
    })
    expect(await transfer.copy(job)).toMatchObject({ rows: 20, rejected: 0 })
    expect(pages).toBe(21)
    expect((await digests(job.shape)).different).toEqual([])
  })

  it('overwrites what is there and meets rows of the applier', async () => {
    await fillSpans(sqlite, 500)
    await fillSpans(postgres, 100)
    await postgres.db.execute(`UPDATE spans SET name = 'old'`)
    const shape = await shapeOf('spans')
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: 500, rejected: 0 })
    expect((await digests(shape)).different).toEqual([])
  })

  it('keeps rows of partitions, every double bit by bit', async () => {
    await sqlite.db.insertMany(
      'metrics',
      ['series_id', 'time_ms', 'value'],
      Array.from({ length: 3_000 }, (_, i) => [
        i % 10,
        1_763_694_245_000 + i * 100_000,
        i % 2 ? Math.sin(i) * 10 ** ((i % 600) - 300) : i / 3,
      ]),
    )
    for (let day = 0; day < 6; day++) {
      const from = Math.floor(1_763_694_245_000 / 86_400_000 + day) * 86_400_000
      await postgres.db.execute(
        `CREATE TABLE metrics_test_${day} PARTITION OF metrics FOR VALUES FROM (${from}) TO (${from + 86_400_000})`,
      )
    }
    const shape = await shapeOf('metrics')
    expect(await transfer.copy(jobOf(shape))).toMatchObject({ rows: 3_000, rejected: 0 })
    const both = await digests(shape)
    expect(both.different).toEqual([])
    expect(both.postgres.rows).toBe(3_000)
    const values = (store: TestDatabase) =>
      store.db.query('SELECT series_id, time_ms, value FROM metrics ORDER BY series_id, time_ms')
    expect(await values(postgres)).toEqual(await values(sqlite))
  })

  it('writes as the applier where it is told how', async () => {
    await fillSpans(sqlite, 10)
    await postgres.store.transaction((tx) =>
      tx.execScript(`
        CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF current_setting('test.applying', true) IS DISTINCT FROM 'yes' THEN RAISE EXCEPTION 'guarded' USING ERRCODE = 'HF001'; END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER guard BEFORE INSERT ON spans FOR EACH STATEMENT EXECUTE FUNCTION guard()`),
    )
    const shape = await shapeOf('spans')
    await expect(transfer.copy(jobOf(shape))).rejects.toMatchObject({ name: 'DbError', engineCode: 'HF001' })
    const asApplier = {
      begin: `SELECT set_config('test.applying', 'yes', true)`,
      end: `SELECT set_config('test.applying', 'no', true)`,
    }
    expect(await transfer.copy(jobOf(shape, { asApplier }))).toMatchObject({ rows: 10 })
  })
})

describe('rows that cannot be copied', () => {
  it('are quarantined whole, each for its reason, and the others arrive', async () => {
    await fillSpans(sqlite, 300)
    const span = (id: string, changes: string) =>
      `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name) VALUES ('${id}', 't', 'n', 'client', '2026-01-01 00:00:00', 's'); UPDATE spans SET ${changes} WHERE id = '${id}';`
    await sqlite.store.connection((session) =>
      session.execScript(`
        PRAGMA ignore_check_constraints = ON;
        ${span('a nul', `name = CAST(x'610062' AS TEXT)`)}
        ${span('b utf8', `name = CAST(x'61ff62' AS TEXT)`)}
        ${span('c blob', `name = x'6162'`)}
        ${span('d json', `attributes = '{"a":'`)}
        ${span('e surrogate', `attributes = '{"a":"\\ud800"}'`)}
        ${span('f integer', `http_status_code = 'two hundred'`)}
        ${span('g range', 'http_status_code = 3000000000')}
        ${span('h date', `end_time = '2026-01-01'`)}
        ${span('i infinity', `end_time = 'infinity'`)}
        ${span('j check', `kind = 'odd'`)}
        ${span('k half', 'http_status_code = 1.5')}
        UPDATE spans SET id = CAST(x'6cff' AS TEXT) WHERE id = (SELECT id FROM spans ORDER BY id LIMIT 1);
        INSERT INTO spans (id, trace_id, name, kind, start_time, service_name) VALUES ('m \u{fffd}', 't', 'n', 'client', '2026-01-01 00:00:00', 's');
        PRAGMA ignore_check_constraints = OFF`),
    )
    const shape = await shapeOf('spans')
    const result = await transfer.copy(jobOf(shape))
    expect(result).toMatchObject({ rows: 300, rejected: 12 })
    const found = await listQuarantine(postgres.db, { unit: 'test', limit: 100 })
    expect(Object.fromEntries(found.map(({ key, reason, column }) => [key, `${reason} ${column}`]))).toEqual({
      '["a nul"]': 'nul name',
      '["b utf8"]': 'utf8 name',
      '["c blob"]': 'type name',
      '["d json"]': 'json attributes',
      '["e surrogate"]': 'surrogate attributes',
      '["f integer"]': 'integer http_status_code',
      '["g range"]': 'range http_status_code',
      '["h date"]': 'timestamp end_time',
      '["i infinity"]': 'timestamp end_time',
      '["j check"]': 'check null',
      '["k half"]': 'integer http_status_code',
      '["6cff"]': 'utf8 id',
    })
    expect(found.find(({ key }) => key === '["b utf8"]')?.row.name).toEqual({
      class: 'text',
      text: '61ff62',
      hex: true,
    })
    // What the server refused is in canonical form, and so in the digest of SQLite.
    const both = await digests(shape)
    expect(both.sqlite).toMatchObject({ rows: 301, rejected: 11 })
    expect(both.postgres.rows).toBe(300)
    expect(compareDigests(result.digest!, both.postgres)).toEqual([])
    const differences = await transfer.differences({
      shape,
      buckets: both.different,
      source: 'sqlite',
      signal: never(),
    })
    expect(differences).toEqual([{ table: 'spans', key: ['j check'], kind: 'missing', columns: [] }])
  })

  it('are orphans only where the changes that are queued do not bring the parent', async () => {
    const parent = (id: string) =>
      `INSERT INTO webhooks (id, name, url, secret) VALUES ('${id}', 'n', 'u', 's')`
    await sqlite.store.connection(async (session) => {
      await session.execScript(`PRAGMA foreign_keys = OFF; ${parent('here')};`)
      for (let i = 0; i < 50; i++) {
        const to = i === 7 ? 'late' : i === 40 ? 'gone' : 'here'
        await session.execute(
          `INSERT INTO webhook_deliveries (id, webhook_id, event_type, payload) VALUES ('${i}', '${to}', 'e', 'p')`,
        )
      }
      await session.execScript('PRAGMA foreign_keys = ON')
    })
    await transfer.copy(jobOf(await shapeOf('webhooks')))
    let conflicts = 0
    const deliveries = await shapeOf('webhook_deliveries')
    const result = await transfer.copy(
      jobOf(deliveries, {
        onConflict: async () => {
          conflicts++
          if (conflicts === 1) await postgres.db.execute(parent('late'))
        },
      }),
    )
    expect(result).toMatchObject({ rows: 49, rejected: 1 })
    expect(await listQuarantine(postgres.db, { unit: 'test', limit: 10 })).toMatchObject([
      { key: '["40"]', reason: 'orphan', state: 'open' },
    ])
  })

  it('are those that an index cannot hold', async () => {
    await fillSpans(sqlite, 21_000)
    const random = randomBytes(7_000).toString('base64')
    await sqlite.db.execute(`UPDATE spans SET service_name = $1 WHERE id = (SELECT max(id) FROM spans)`, [
      random,
    ])
    await sqlite.db.execute(`UPDATE spans SET service_name = $1 WHERE id = (SELECT min(id) FROM spans)`, [
      'x'.repeat(9_000),
    ])
    const before = await indexNames()
    const result = await transfer.copy(jobOf(await shapeOf('spans')))
    expect(result).toMatchObject({ rows: 20_999, rejected: 1, digest: null })
    expect(await listQuarantine(postgres.db, { unit: 'test', limit: 10 })).toMatchObject([
      { reason: 'too-long' },
    ])
    expect(await indexNames()).toEqual(before)
  })
})

describe('a copy into SQLite', () => {
  it('takes every row back', async () => {
    await fillSpans(postgres, 3_000)
    const shape = await shapeOf('spans')
    const asApplier = {
      begin: 'CREATE TEMP TABLE applying (yes)',
      end: 'DROP TABLE temp.applying',
    }
    const { rows, rejected, digest } = await transfer.copy(jobOf(shape, { from: 'postgres', asApplier }))
    expect({ rows, rejected }).toEqual({ rows: 3_000, rejected: 0 })
    const both = await digests(shape)
    expect(both.different).toEqual([])
    expect(compareDigests(digest!, both.sqlite)).toEqual([])
    const one = `SELECT id, name, start_time, attributes, duration_ms, http_status_code FROM spans ORDER BY id LIMIT 5`
    const texts = (rows: unknown) => JSON.stringify(rows)
    expect(texts(await sqlite.db.query(one.replace('ORDER BY id', `ORDER BY id || ''`)))).toBe(
      texts(await postgres.db.query(one.replace('ORDER BY id', 'ORDER BY id COLLATE "C"'))),
    )
  })

  it('quarantines what SQLite cannot hold or does not take', async () => {
    await fillSpans(postgres, 20)
    await postgres.store.transaction((tx) =>
      tx.execScript(`
        UPDATE spans SET end_time = 'infinity' WHERE id = (SELECT min(id) FROM spans);
        UPDATE spans SET end_time = '12026-01-01' WHERE id = (SELECT max(id) FROM spans);
        ALTER TABLE spans DROP CONSTRAINT spans_status_check;
        INSERT INTO spans (id, trace_id, name, kind, status, start_time, service_name)
        VALUES ('odd', 't', 'n', 'client', 'odd', now(), 's')`),
    )
    const shape = await shapeOf('spans')
    let conflicts = 0
    const result = await transfer.copy(
      jobOf(shape, {
        from: 'postgres',
        onConflict: async () => {
          conflicts++
        },
      }),
    )
    expect(result).toMatchObject({ rows: 18, rejected: 3 })
    expect(conflicts).toBe(1)
    const found = await listQuarantine(postgres.db, { unit: 'test', limit: 10 })
    expect(found.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['check', 'timestamp', 'timestamp']),
    )
    const rejects: string[] = []
    const digest = await transfer.digest({
      side: 'postgres',
      shape,
      signal: never(),
      onRejects: (each) => rejects.push(...each.map(({ key }) => key)),
    })
    expect(digest).toMatchObject({ rows: 19, rejected: 2 })
    expect(rejects.length).toBe(2)
  })

  it('goes on after it was aborted', async () => {
    await fillSpans(postgres, 2_000)
    const shape = await shapeOf('spans')
    const abort = new AbortController()
    let pages = 0
    const beforePage = async () => {
      if (++pages === 3) abort.abort(new Error('enough'))
    }
    await expect(
      transfer.copy(jobOf(shape, { from: 'postgres', pageRows: 300, signal: abort.signal, beforePage })),
    ).rejects.toThrow('enough')
    expect(await transfer.copy(jobOf(shape, { from: 'postgres' }))).toMatchObject({ rows: 2_000 })
    expect((await digests(shape)).different).toEqual([])
  })
})

describe('differences', () => {
  it('are named by key, kind and column', async () => {
    await fillSpans(sqlite, 2_000)
    const shape = await shapeOf('spans')
    await transfer.copy(jobOf(shape))
    const ids = (await sqlite.db.query<{ id: string }>('SELECT id FROM spans ORDER BY id LIMIT 4')).map(
      ({ id }) => id,
    )
    await postgres.db.execute('DELETE FROM spans WHERE id = $1', [ids[0]!])
    await sqlite.db.execute('DELETE FROM spans WHERE id = $1', [ids[1]!])
    await sqlite.db.execute(`UPDATE spans SET name = 'x', attributes = '{"a": 1.0}' WHERE id = $1`, [ids[2]!])
    await postgres.db.execute(
      `UPDATE spans SET http_status_code = NULL, start_time = start_time + interval '1 microsecond' WHERE id = $1`,
      [ids[3]!],
    )
    const { different } = await digests(shape)
    expect(different.length).toBeGreaterThan(0)
    const found = await transfer.differences({ shape, buckets: different, source: 'sqlite', signal: never() })
    const byKey = Object.fromEntries(found.map((each) => [each.key[0], each]))
    expect(new Set(Object.keys(byKey))).toEqual(new Set(ids))
    expect(byKey[ids[0]!]).toMatchObject({ kind: 'missing' })
    expect(byKey[ids[1]!]).toMatchObject({ kind: 'extra' })
    expect(byKey[ids[2]!]).toMatchObject({ kind: 'differs', columns: ['name', 'attributes'] })
    expect(byKey[ids[3]!]?.columns).toContain('start_time')
    const back = await transfer.differences({
      shape,
      buckets: different,
      source: 'postgres',
      signal: never(),
    })
    expect(back.find(({ key }) => key[0] === ids[0])).toMatchObject({ kind: 'extra' })
  })
})
