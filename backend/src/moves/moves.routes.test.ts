import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Client, startTestApp, type TestApp } from '../../test/app.ts'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { awaitsCopy } from '../../test/moves.ts'
import { openTestStorage } from '../../test/product.ts'
import type { Storage } from '../db/app-db-router.ts'
import type { MoveLogEntry, StorageUnit } from './moves.schema.ts'

/** A flip needs no calm minute before it, and no budget on a machine that runs other tests. */
const QUICK = { pollMs: 20, gatherMs: 1, calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 }

const DIGEST = expect.stringMatching(/^[0-9a-f]{16,}$/)

let dataDir: string
let database: TestDatabase
let storage: Storage
let app: TestApp
let admin: Client

async function start(postgresAppUrl: string | undefined): Promise<void> {
  storage = await openTestStorage({
    dataDir,
    postgresUrl: postgresAppUrl,
    config: { storagePlacement: 'sqlite' },
  })
  app = await startTestApp({ storage, dataDir, moveLimits: QUICK })
  admin = await app.admin()
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-moves-'))
  database = await openDatabase('postgres')
})
afterEach(async () => {
  await app.stop()
  await storage.close()
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function until(unit: string, condition: (unit: StorageUnit) => boolean): Promise<StorageUnit> {
  for (;;) {
    const answer = await admin.get(`/api/storage/units/${unit}`)
    expect(answer.status, answer.text).toBe(200)
    if (condition(answer.body)) return answer.body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const step = (unit: string, action: string, body?: unknown) =>
  admin.post(`/api/storage/units/${unit}/${action}`, body)

describe('/api/storage', () => {
  it('takes a unit to PostgreSQL and back, and keeps who did it with the epochs', async () => {
    await start(database.location)
    expect((await step('settings', 'mirror')).status).toBe(200)
    await until('settings', ({ state, verify }) => state === 'mirroring' && verify?.clean === true)
    await until('settings', ({ actions }) => !awaitsCopy(actions))
    const over = await step('settings', 'cutover', {})
    expect(over.status, over.text).toBe(200)
    expect(over.body).toMatchObject({ placement: 'postgres', mirror: 'sqlite', source: 'sqlite', epoch: 2 })
    expect((await admin.get('/api/settings')).status).toBe(200)
    const back = await step('settings', 'rollback', {})
    expect(back.body).toMatchObject({ placement: 'sqlite', mirror: 'postgres', epoch: 3 })
    const given = await step('settings', 'abort')
    expect(given.status, given.text).toBe(200)

    const log: { items: MoveLogEntry[] } = (await admin.get('/api/storage/log?unit=settings')).body
    expect(log.items.filter(({ actor }) => actor === 'ada').map(({ action }) => action)).toEqual([
      'abort',
      'rollback',
      'cutover',
      'mirror',
    ])
    const audited = (await admin.get('/api/audit?action=storage.cutover')).body.items
    expect(audited).toMatchObject([
      {
        username: 'ada',
        targetType: 'unit',
        targetId: 'settings',
        details: {
          outcome: 'done',
          before: { placement: 'sqlite', epoch: 1, mirror: 'postgres', digests: { settings: DIGEST } },
          after: { placement: 'postgres', epoch: 2, mirror: 'sqlite', digests: { settings: DIGEST } },
        },
      },
    ])
  })

  it('refuses with the reasons, changes nothing, and keeps that too', async () => {
    await start(database.location)
    const refused = await step('settings', 'cutover', {})
    expect([refused.status, refused.body.code]).toEqual([409, 'move_refused'])
    expect(refused.body.detail).toContain('mirror')
    expect((await until('settings', () => true)).epoch).toBe(1)
    const [entry] = (await admin.get('/api/audit?action=storage.cutover')).body.items
    expect(entry.details).toMatchObject({ outcome: 'failed', code: 'move_refused', before: { epoch: 1 } })

    expect((await step('nothing', 'mirror')).body.code).toBe('unknown_unit')
    expect((await step('settings', 'cutover', { budgetMs: -1 })).status).toBe(400)
    expect((await step('settings', 'explode')).status).toBe(404)
    expect((await admin.post('/api/storage/plan', { units: [] })).status).toBe(400)
  })

  it('is for admins', async () => {
    await start(database.location)
    const operator = await app.userWith('operator')
    expect((await operator.get('/api/storage')).status).toBe(403)
    expect((await operator.post('/api/storage/units/settings/mirror')).status).toBe(403)
    expect((await app.client().get('/api/storage')).status).toBe(401)
  })

  it('plans and rehearses without changing anything', async () => {
    await start(database.location)
    const plan = await admin.post('/api/storage/plan', { units: ['settings', 'users'] })
    expect(plan.status, plan.text).toBe(200)
    expect(plan.body.units.map(({ unit }: { unit: string }) => unit)).toEqual(['settings', 'users'])
    const rehearsal = await step('users', 'rehearse')
    expect(rehearsal.status, rehearsal.text).toBe(200)
    expect(rehearsal.body).toMatchObject({ unit: 'users', differences: 0 })
    expect(await until('users', () => true)).toMatchObject({ placement: 'sqlite', mirror: null, epoch: 1 })
  })

  it('keeps rows that PostgreSQL cannot hold until somebody decides', async () => {
    await start(database.location)
    const db = storage.getAppDbFor('settings')
    await db.execute(
      `INSERT INTO settings (key, value, category, updated_at) VALUES ('x.broken', 'a' || char(0) || 'b', 'x', 'now')`,
    )
    await step('settings', 'mirror')
    const unit = await until('settings', ({ state }) => state === 'mirroring')
    expect(unit.quarantine).toEqual({ open: 1, acknowledged: 0 })
    const { items } = (await admin.get('/api/storage/quarantine?unit=settings')).body
    expect(items).toMatchObject([{ table: 'settings', key: '["x.broken"]', state: 'open' }])
    expect(items[0].row.key).toEqual({ class: 'text', text: 'x.broken' })
    const next = await admin.get(`/api/storage/quarantine?unit=settings&after=${items[0].id}`)
    expect(next.body.items).toEqual([])

    expect((await step('settings', 'quarantine/acknowledge', { rows: 2 })).body.code).toBe('move_refused')
    const accepted = await step('settings', 'quarantine/acknowledge', { rows: 1 })
    expect(accepted.body.quarantine).toEqual({ open: 0, acknowledged: 1 })
    await db.execute(`UPDATE settings SET value = 'mended', updated_at = $1 WHERE key = 'x.broken'`, [
      new Date().toISOString(),
    ])
    const replayed = await step('settings', 'quarantine/replay')
    expect(replayed.status, replayed.text).toBe(200)
    await until('settings', ({ quarantine }) => quarantine.open + quarantine.acknowledged === 0)
  })

  it('lets a share of the reads run on the mirror, and keeps who asked for it', async () => {
    await start(database.location)
    await step('settings', 'mirror')
    await until('settings', ({ state, verify }) => state === 'mirroring' && verify?.clean === true)
    const share = (body: unknown) => admin.send('PUT', '/api/storage/units/settings/shadow', body)
    const on = await share({ share: 100 })
    expect([on.status, on.body.shadow?.share]).toEqual([200, 100])
    expect((await admin.get('/api/settings')).status).toBe(200)
    const seen = await until('settings', ({ shadow }) => (shadow?.compared ?? 0) > 0)
    expect(seen.shadow).toMatchObject({ mismatches: 0, statements: [] })
    const text = (await admin.get('/metrics')).text
    expect(text).toMatch(/holdfast_shadow_reads_total\{unit="settings"\} [1-9]/)
    expect(text).toMatch(/holdfast_shadow_read_seconds_count\{unit="settings",side="mirror"\} [1-9]/)
    for (const wrong of [{ share: 101 }, { share: -1 }, {}, { share: 'all' }])
      expect((await share(wrong)).status).toBe(400)
    const operator = await app.userWith('operator')
    expect((await operator.send('PUT', '/api/storage/units/settings/shadow', { share: 1 })).status).toBe(403)
    expect((await admin.send('PUT', '/api/storage/units/users/shadow', { share: 1 })).body.code).toBe(
      'move_refused',
    )
    const [, entry] = (await admin.get('/api/audit?action=storage.shadow')).body.items
    expect(entry).toMatchObject({ username: 'ada', targetId: 'settings' })
  })

  it('says what to set where there is no PostgreSQL', async () => {
    await start(undefined)
    const { items } = (await admin.get('/api/storage')).body
    for (const { actions } of items)
      for (const { possible, reasons } of actions) {
        expect(possible).toBe(false)
        expect(reasons.join()).toContain('POSTGRES_APP_URL')
      }
    expect((await step('settings', 'mirror')).body.detail).toContain('POSTGRES_APP_URL')
    // The books are kept there: nothing was ever moved.
    expect((await admin.get('/api/storage/log')).body.items).toEqual([])
  })
})

describe('the room storage', () => {
  it('tells admins what changes, and lets nobody else in', async () => {
    await start(database.location)
    const connect = (client: Client) =>
      io(`${app.base}/live`, { transports: ['websocket'], extraHeaders: { cookie: client.cookie } })
    const watching = connect(admin)
    const other = connect(await app.userWith('operator'))
    try {
      expect(await other.emitWithAck('watch', 'storage')).toMatchObject({ ok: false, code: 'role_required' })
      expect(await watching.emitWithAck('watch', 'storage')).toEqual({ ok: true })
      const told = new Promise<StorageUnit>((resolve) => {
        watching.on('storage:units', ({ items }: { items: StorageUnit[] }) => {
          const done = items.find(({ unit, state }) => unit === 'settings' && state === 'mirroring')
          if (done) resolve(done)
        })
      })
      await step('settings', 'mirror')
      expect(await told).toMatchObject({ placement: 'sqlite', mirror: 'postgres' })
    } finally {
      watching.disconnect()
      other.disconnect()
    }
  })
})
