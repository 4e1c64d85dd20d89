import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Mirror, openBoth } from '../../test/mirror.ts'
import type { Domain } from '../db/domains.ts'
import type { Placement } from '../db/placement-store.ts'
import { applyBatch } from './applier.ts'
import { createCapture } from './capture.ts'

let opened: Awaited<ReturnType<typeof openBoth>>
beforeEach(async () => {
  opened = await openBoth()
})
afterEach(() => opened.close())
const openMirror = (from: Placement, names: readonly Domain[]) => Mirror.open(opened, from, names)

const user = (id: string, name = id) =>
  [`INSERT INTO users (id, username, password_hash) VALUES ($1, $2, 'x')`, [id, name]] as const
const token = (id: string, userId: string) =>
  ['INSERT INTO api_tokens (id, user_id, name, token_hash) VALUES ($1, $2, $1, $1)', [id, userId]] as const
const endpoint = (id: number, name: string, parent: number | null = null, external: number | null = null) =>
  [
    `INSERT INTO endpoints (id, kind, name, parent_id, external_id) VALUES ($1, 'docker', $2, $3, $4)`,
    [id, name, parent, external],
  ] as const

describe.each(['sqlite', 'postgres'] as const)('a mirror of %s', (from) => {
  it('becomes equal, whatever was done meanwhile', async () => {
    const mirror = await openMirror(from, ['users'])
    const { db } = mirror.source
    for (const id of ['a', 'b', 'c']) await db.execute(...user(id))
    await db.execute(...token('t', 'a'))
    const batch = await mirror.read()
    await db.execute(`UPDATE users SET username = 'new' WHERE id = 'a'`)
    await db.execute(`DELETE FROM users WHERE id = 'b'`)
    // Rows are read as they are now and not as they were when they were logged.
    expect(await mirror.apply(batch)).toEqual({ upserted: 3, deleted: 0, rejected: 0 })
    await mirror.expectEqual()
    await mirror.drain()
    await db.execute(`DELETE FROM users WHERE id = 'a'`)
    expect(await mirror.drain()).toEqual({ upserted: 0, deleted: expect.any(Number), rejected: 0 })
    await mirror.expectEqual()
    const queued = mirror.target.snapshot((session) => mirror.targetCapture.depth(session, mirror.shapes))
    expect(await queued).toMatchObject({ changes: 0 })
  })

  it('is not harmed by a batch that comes twice, or late', async () => {
    const mirror = await openMirror(from, ['users'])
    const { db } = mirror.source
    await db.execute(...user('a'))
    const first = await mirror.read()
    await mirror.apply(first)
    await db.execute(`DELETE FROM users`)
    await db.execute(...user('b', 'a'))
    await mirror.drain()
    await mirror.apply(first)
    await mirror.apply(first)
    await mirror.expectEqual()
  })

  it('swaps unique values', async () => {
    const mirror = await openMirror(from, ['users'])
    const { db } = mirror.source
    await db.execute(...user('a', 'x'))
    await db.execute(...user('b', 'y'))
    await mirror.drain()
    await db.execute(`UPDATE users SET username = 'z' WHERE id = 'a'`)
    await db.execute(`UPDATE users SET username = 'x' WHERE id = 'b'`)
    await db.execute(`UPDATE users SET username = 'y' WHERE id = 'a'`)
    await mirror.drain()
    await mirror.expectEqual()
  })

  it('hands a unique value over between rows of different batches', async () => {
    const mirror = await openMirror(from, ['users'])
    const { db } = mirror.source
    for (const [id, name] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ] as const)
      await db.execute(...user(id, name))
    await mirror.drain()
    // Logged as a, b, c, a: in batches of one each but the last meets a name that another row still has.
    await db.execute(`UPDATE users SET username = 'free' WHERE id = 'a'`)
    await db.execute(`UPDATE users SET username = '1' WHERE id = 'b'`)
    await db.execute(`UPDATE users SET username = '2' WHERE id = 'c'`)
    await db.execute(`UPDATE users SET username = '3' WHERE id = 'a'`)
    await mirror.drain(1)
    await mirror.expectEqual()
    await db.execute(`DELETE FROM users WHERE id = 'c'`)
    await db.execute(...user('d', '2'))
    await mirror.drain(1)
    await mirror.expectEqual()
    expect(await mirror.quarantine()).toEqual([])
  })

  it('swaps unique numbers, and unique sets that a CHECK narrows', async () => {
    const mirror = await openMirror(from, ['fleet'])
    const { db } = mirror.source
    await db.execute(...endpoint(1, 'p'))
    await db.execute(...endpoint(2, 'a', 1, 10))
    await db.execute(...endpoint(3, 'b', 1, 20))
    await mirror.drain()
    await db.execute('UPDATE endpoints SET external_id = NULL WHERE id = 2')
    await db.execute('UPDATE endpoints SET external_id = 10 WHERE id = 3')
    await db.execute('UPDATE endpoints SET external_id = 20 WHERE id = 2')
    await mirror.drain(1)
    await mirror.expectEqual()

    const metrics = await openMirror(from, ['metrics'])
    const series = (id: number, metric: string) =>
      db.execute(
        `INSERT INTO metric_series (id, endpoint_id, subject, name, metric, instance, unit)
         VALUES ($1, 1, 'host', '', $2, '', '%')`,
        [id, metric],
      )
    await series(1, 'cpu')
    await series(2, 'memory')
    await metrics.drain()
    await db.execute(`UPDATE metric_series SET metric = 'free' WHERE id = 1`)
    await db.execute(`UPDATE metric_series SET metric = 'cpu' WHERE id = 2`)
    await db.execute(`UPDATE metric_series SET metric = 'memory' WHERE id = 1`)
    await metrics.drain(1)
    expect(await metrics.quarantine()).toEqual([])
    expect(await mirror.target.db.query('SELECT id, metric FROM metric_series ORDER BY id')).toEqual([
      { id: 1, metric: 'memory' },
      { id: 2, metric: 'cpu' },
    ])
  })

  it('has children that come before their parents, and parents that go before their children', async () => {
    const mirror = await openMirror(from, ['insights', 'actions', 'investigations', 'incidents'])
    const { db } = mirror.source
    const insight = (id: string) =>
      db.execute(
        `INSERT INTO insights (id, severity, category, title, description) VALUES ($1, 'info', 'c', 't', 'd')`,
        [id],
      )
    const investigation = (id: string, of: string) =>
      db.execute('INSERT INTO investigations (id, insight_id) VALUES ($1, $2)', [id, of])
    for (let i = 0; i < 5; i++) await insight(`other ${i}`)
    await insight('p')
    await investigation('c', 'p')
    // The parent is the sixth of its queue, the child the first of its own.
    const first = await mirror.read(1)
    expect(await mirror.apply(first)).toMatchObject({ upserted: 3, rejected: 0 })
    await mirror.drain(1)
    await mirror.expectEqual()
    for (let i = 0; i < 5; i++) await investigation(`more ${i}`, 'other 0')
    await insight('q')
    await db.execute(`UPDATE investigations SET insight_id = 'q' WHERE id = 'c'`)
    await db.execute(`DELETE FROM insights WHERE id = 'p'`)
    await mirror.drain(1)
    await mirror.expectEqual()
    expect(await mirror.quarantine()).toEqual([])
  })

  it('has rows that refer to others of their table, in any order', async () => {
    const mirror = await openMirror(from, ['fleet'])
    const { db } = mirror.source
    await db.execute(...endpoint(9, 'nine'))
    await db.execute(...endpoint(5, 'five', 9))
    await db.execute(...endpoint(1, 'one', 5))
    await db.execute(...endpoint(7, 'seven', 1))
    await db.execute(`UPDATE endpoints SET url = 'u' WHERE id = 9`)
    const batch = await mirror.read(3)
    await mirror.apply(batch)
    await mirror.drain(1)
    await mirror.expectEqual()
    await db.execute('DELETE FROM endpoints WHERE id = 9')
    await mirror.drain(1)
    await mirror.expectEqual()
    expect(await mirror.rows(mirror.target)).toEqual([])
  })

  it('keeps the children of a row that left its parent before that went', async () => {
    const mirror = await openMirror(from, ['fleet'])
    const { db } = mirror.source
    const add = 'INSERT INTO endpoints (id, kind, name, parent_id) VALUES ($1, $2, $3, $4)'
    for (const [id, parent] of [
      [1, null],
      [2, 1],
      [3, 2],
    ])
      await db.execute(add, [id!, 'docker', `endpoint ${id}`, parent!])
    await mirror.drain()
    await db.execute('UPDATE endpoints SET parent_id = NULL WHERE id = 2')
    await db.execute('DELETE FROM endpoints WHERE id = 1')
    await mirror.drain()
    expect(await mirror.rows(mirror.target)).toHaveLength(2)
    await mirror.expectEqual()
  })

  it('takes a child along whose parent was cut out of the mirror', async () => {
    const mirror = await openMirror(from, ['users'])
    const { db } = mirror.source
    await db.execute(...user('a'))
    await db.execute(...token('t', 'a'))
    await mirror.drain()
    await mirror.distort((tx) => tx.execute('DELETE FROM users'))
    await db.execute(`UPDATE api_tokens SET name = 'n'`)
    await mirror.drain()
    await mirror.expectEqual()
  })

  it('applies more than one message of rows', async () => {
    const mirror = await openMirror(from, ['users'])
    const rows = Array.from({ length: 1_300 }, (_, i) => [`u${i}`, `n${i}`, 'x'])
    await mirror.source.db.insertMany('users', ['id', 'username', 'password_hash'], rows)
    await mirror.drain(5_000)
    await mirror.source.db.execute(`UPDATE users SET id = id || '-'`)
    expect(await mirror.drain(5_000)).toEqual({ upserted: 1_300, deleted: 1_300, rejected: 0 })
    await mirror.expectEqual()
  })

  it('stays as it was when the applier is interrupted, and goes on', async () => {
    const mirror = await openMirror(from, ['users'])
    await mirror.source.db.execute(...user('a'))
    await mirror.target.db.execute(...user('b')).catch(() => undefined) // refused: nothing may be written to it
    const batch = await mirror.read()
    const capture = createCapture(from)
    capture.acknowledge = async () => {
      throw new Error('crash after the target has committed')
    }
    await expect(applyBatch({ ...mirror, sourceCapture: capture, batch })).rejects.toThrow('crash')
    await mirror.expectEqual()
    expect((await mirror.read()).size).toBe(1)
    await mirror.drain()
    await mirror.expectEqual()
  })

  it('applies nothing to a store that has become the authority', async () => {
    const mirror = await openMirror(from, ['users'])
    await mirror.source.db.execute(...user('a'))
    const batch = await mirror.read()
    await mirror.target.transaction((tx) =>
      mirror.targetCapture.setRole(tx, mirror.unit, mirror.shapes, 'authority'),
    )
    await expect(mirror.apply(batch)).rejects.toThrow(/holds the truth/)
    expect((await mirror.read()).size).toBe(1)
    expect(await mirror.quarantine()).toEqual([])
  })
})

describe('rows that PostgreSQL cannot hold', () => {
  const spoil = (mirror: Mirror, name: string, id: string) =>
    mirror.source.transaction((tx) =>
      tx.rawExecute('UPDATE users SET username = $1 WHERE id = $2', [name, id]),
    )
  const keysOf = async (mirror: Mirror) =>
    (await mirror.quarantine()).map(({ table, key, reason }) => [table, key, reason])

  it('go to quarantine with their children, and come back with them', async () => {
    const mirror = await openMirror('sqlite', ['users'])
    const { db } = mirror.source
    for (const id of ['a', 'b']) await db.execute(...user(id))
    await db.execute(...token('t', 'a'))
    await db.execute(...token('u', 'b'))
    await mirror.drain()
    await spoil(mirror, 'a\0', 'a')
    expect(await mirror.drain()).toMatchObject({ rejected: 2 })
    expect(await keysOf(mirror)).toEqual([
      ['users', '["a"]', 'nul'],
      ['api_tokens', '["t"]', 'orphan'],
    ])
    expect(await opened.postgres.db.query('SELECT id FROM users')).toEqual([{ id: 'b' }])
    expect(await opened.postgres.db.query('SELECT id FROM api_tokens')).toEqual([{ id: 'u' }])
    await spoil(mirror, 'a', 'a')
    await mirror.drain()
    expect(await keysOf(mirror)).toEqual([['api_tokens', '["t"]', 'orphan']])
    const tokens = mirror.shapes.find(({ table }) => table === 'api_tokens')!
    await mirror.source.transaction((tx) => mirror.sourceCapture.enqueue(tx, tokens, [['t']]))
    await mirror.drain()
    expect(await keysOf(mirror)).toEqual([])
    await mirror.expectEqual()
  })

  it('leave quarantine when they are deleted', async () => {
    const mirror = await openMirror('sqlite', ['users'])
    await mirror.source.db.execute(...user('a'))
    await spoil(mirror, 'a\0', 'a')
    await mirror.drain()
    expect(await keysOf(mirror)).toEqual([['users', '["a"]', 'nul']])
    await mirror.source.db.execute('DELETE FROM users')
    await mirror.drain()
    expect(await keysOf(mirror)).toEqual([])
  })

  it('are told apart from those that were with them', async () => {
    const mirror = await openMirror('sqlite', ['traces'])
    const span = (id: string, url: string) =>
      mirror.source.db.execute(
        `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name, host_name, url_full)
         VALUES ($1, 't', 'n', 'client', '2026-01-01T00:00:00.000Z', 's', $2, $2)`,
        [id, url],
      )
    for (let i = 0; i < 10; i++) await span(`s${i}`, 'short')
    // Of no pattern, or PostgreSQL would compress it below the limit of an index.
    let long = ''
    for (let i = 0; long.length < 20_000; i++) long += Math.imul(i + 1, 0x9e3779b1).toString(36)
    await span('long', long)
    expect(await mirror.drain()).toMatchObject({ rejected: 1 })
    expect(await keysOf(mirror)).toEqual([['spans', '["long"]', 'too-long']])
    expect(await opened.postgres.db.queryOne('SELECT count(*) AS n FROM spans')).toEqual({ n: 10 })
  })

  it('may be orphans of a file that was written without foreign keys', async () => {
    const mirror = await openMirror('sqlite', ['users'])
    await mirror.source.connection(async (session) => {
      await session.execScript('PRAGMA foreign_keys = OFF')
      await session.execute(...token('t', 'nobody'))
      await session.execScript('PRAGMA foreign_keys = ON')
    })
    await mirror.source.db.execute(...user('a'))
    await mirror.drain()
    expect(await keysOf(mirror)).toEqual([['api_tokens', '["t"]', 'orphan']])
    expect(await opened.postgres.db.query('SELECT id FROM users')).toEqual([{ id: 'a' }])
  })
})

describe('rows that SQLite cannot hold', () => {
  it('go to quarantine in the books of PostgreSQL', async () => {
    const mirror = await openMirror('postgres', ['insights', 'actions', 'investigations', 'incidents'])
    const { db } = mirror.source
    await db.execute(
      `INSERT INTO insights (id, severity, category, title, description) VALUES ('i', 'info', 'c', 't', 'd')`,
    )
    await db.execute(`INSERT INTO investigations (id, insight_id, confidence_score) VALUES ('v', 'i', 'NaN')`)
    await mirror.drain()
    expect((await mirror.quarantine()).map(({ key, reason }) => [key, reason])).toEqual([['["v"]', 'float']])
    await db.execute('UPDATE investigations SET confidence_score = 0.5')
    await mirror.drain()
    expect(await mirror.quarantine()).toEqual([])
    await mirror.expectEqual()
  })
})

it('makes the partitions that rows need', async () => {
  const mirror = await openMirror('sqlite', ['metrics'])
  const day = 86_400_000
  const rows = Array.from({ length: 5 }, (_, i) => [1, i * 40 * day, i])
  await mirror.source.db.insertMany('metrics', ['series_id', 'time_ms', 'value'], rows)
  await mirror.source.db.insertMany(
    'metrics_1h',
    ['series_id', 'time_ms', 'min', 'max', 'sum', 'count'],
    rows.map((row) => [...row, 1, 1, 1]),
  )
  expect(await mirror.drain()).toEqual({ upserted: 10, deleted: 0, rejected: 0 })
  expect(await opened.postgres.db.queryOne('SELECT count(*) AS n FROM metrics')).toEqual({ n: 5 })
})
