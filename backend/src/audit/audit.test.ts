import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { ANONYMOUS } from '../core/http/principal.ts'
import { createLogger } from '../core/log.ts'
import { DbError } from '../db/db-errors.ts'
import type { AuditStore, NewAuditRow } from './audit.store.ts'
import { type AuditService, createAuditService, createAuditSpool, createAuditStore } from './index.ts'

const event = (action: string, details: Record<string, unknown> = {}) => ({
  action,
  principal: { ...ANONYMOUS, userId: 'u1', username: 'ada' },
  requestId: `request-${action}`,
  ip: '192.0.2.1',
  outcome: 'done' as const,
  targetType: 'thing',
  targetId: '7',
  details,
})

describe.each(plainDatabases)('audit on $name', ({ open }) => {
  let database: TestDatabase
  let folder: string
  let now: number
  let away: boolean
  let audit: AuditService
  const log = createLogger('silent')

  function make(): AuditService {
    const store = createAuditStore(database.db)
    const guarded: AuditStore = Object.assign({}, store, {
      insert: async (rows: readonly NewAuditRow[]) => (away ? refuse() : store.insert(rows)),
      insertMissing: async (rows: readonly NewAuditRow[]) => (away ? refuse() : store.insertMissing(rows)),
    })
    return createAuditService({
      store: guarded,
      spool: createAuditSpool({ file: join(folder, 'spool.jsonl'), log }),
      log,
      clock: () => new Date(now++),
    })
  }
  const refuse = () => Promise.reject(new DbError('unavailable', 'gone'))

  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
    now = Date.parse('2026-11-21T00:00:00Z')
    away = false
    audit = make()
  })
  afterEach(async () => {
    rmSync(folder, { recursive: true })
    await database.db.execute('DELETE FROM audit_log')
  })
  afterAll(() => database.close())

  it('keeps who did what to what from where, without secrets', async () => {
    await audit.record(
      event('thing.update', { before: { name: 'a' }, after: { name: 'b', apiKey: 'hunter2' } }),
    )
    const { items } = await audit.list({ limit: 10 })
    expect(items).toMatchObject([
      {
        action: 'thing.update',
        username: 'ada',
        userId: 'u1',
        targetType: 'thing',
        targetId: '7',
        ipAddress: '192.0.2.1',
        requestId: 'request-thing.update',
        details: { outcome: 'done', before: { name: 'a' }, after: { name: 'b', apiKey: '***' } },
      },
    ])
  })

  it('takes any text', async () => {
    const hostile = { text: 'a\0b \ud800 <script>', list: ['\u0000'] }
    await audit.record({ ...event('x', hostile), targetId: 'null\0id' })
    expect((await audit.list({ limit: 1 })).items).toMatchObject([{ targetId: 'null\ufffdid' }])
  })

  it('pages through everything once, newest first, also within one microsecond', async () => {
    for (let index = 0; index < 25; index++) await audit.record(event(`a${index}`))
    await database.db.execute(
      `UPDATE audit_log SET created_at = '2026-11-21T00:00:00.123456Z' WHERE action LIKE 'a1%'`,
    )
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await audit.list({ limit: 4, cursor })
      seen.push(...page.items.map((item) => item.id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(25)
    expect(seen).toHaveLength(25)
  })

  it('fails as its store does when the spool cannot be written either', async () => {
    away = true
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'no folder')
    await expect(audit.record(event('user.create'))).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('filters', async () => {
    await audit.record(event('user.create'))
    await audit.record(event('user.delete'))
    await audit.record(event('settings.update'))
    const actions = async (filter: Parameters<AuditService['list']>[0]) =>
      (await audit.list(filter)).items.map((item) => item.action)
    expect(await actions({ limit: 9, action: 'user.' })).toEqual(['user.delete', 'user.create'])
    expect(await actions({ limit: 9, action: 'user.create' })).toEqual(['user.create'])
    expect(await actions({ limit: 9, username: 'bob' })).toEqual([])
    expect(await actions({ limit: 9, from: '2026-11-21T01:00:00.001+01:00' })).toEqual([
      'settings.update',
      'user.delete',
    ])
    expect(await actions({ limit: 9, to: '2026-11-21T00:00:00.001Z' })).toEqual(['user.create'])
  })

  it.each(['x', '', 'bnVsbA', Buffer.from('["2026","1"]').toString('base64url')])(
    'refuses the cursor %j',
    async (cursor) => {
      await expect(audit.list({ limit: 1, cursor })).rejects.toMatchObject({
        status: 400,
        code: 'invalid_cursor',
      })
    },
  )

  it('keeps records while the store is away, over a restart, and stores each once', async () => {
    away = true
    await Promise.all([audit.record(event('one')), audit.record(event('two'))])
    audit = make()
    await audit.drain()
    expect((await audit.list({ limit: 9 })).items).toEqual([])
    away = false
    await audit.record(event('three'))
    await audit.drain()
    await audit.drain()
    expect((await audit.list({ limit: 9 })).items.map((item) => item.action).sort()).toEqual([
      'one',
      'three',
      'two',
    ])
    expect(readdirSync(folder)).toEqual([])
  })

  it('stores a record once when a crash leaves it in the spool', async () => {
    away = true
    await audit.record(event('one'))
    away = false
    const spool = createAuditSpool({ file: join(folder, 'spool.jsonl'), log })
    const store = createAuditStore(database.db)
    const crash = spool.drain(async (rows) => {
      await store.insertMissing(rows)
      throw new Error('crash before the spool was removed')
    })
    await expect(crash).rejects.toThrow('crash')
    await audit.drain()
    expect((await audit.list({ limit: 9 })).items).toHaveLength(1)
  })

  it('fails when neither the store nor the spool takes a record', async () => {
    away = true
    rmSync(folder, { recursive: true })
    const blocked = createAuditService({
      store: { ...(await createAuditStore(database.db)), insert: refuse },
      spool: createAuditSpool({ file: '/dev/null/spool.jsonl', log }),
      log,
      clock: () => new Date(now),
    })
    await expect(blocked.record(event('x'))).rejects.toThrow()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
  })

  it('deletes what is too old', async () => {
    await audit.record(event('old'))
    now += 40 * 86_400_000
    await audit.record(event('new'))
    await audit.prune(30, new AbortController().signal)
    expect((await audit.list({ limit: 9 })).items.map((item) => item.action)).toEqual(['new'])
  })
})
