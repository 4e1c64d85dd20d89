import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadConfig } from '../core/config/config.ts'
import { createLogger } from '../core/log.ts'
import { readServerFile } from '../core/server-file.ts'
import { type RunningServer, startServer } from '../server.ts'
import { createBackupsService } from './backups.service.ts'
import { placeOf } from './place.ts'

let dataDir: string
let server: RunningServer

const configOf = (env: Record<string, string> = {}) =>
  loadConfig({ PORT: '0', DATA_DIR: dataDir, DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...env })

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-backups-api-'))
  server = await startServer(configOf(), createLogger('silent'))
})
afterAll(async () => {
  await server?.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

/** As the command line on this machine. */
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const secret = readServerFile(dataDir)?.secret ?? ''
  const isFile = body instanceof Uint8Array
  const response = await fetch(server.url + path, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(body === undefined || isFile ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isFile ? new Uint8Array(body) : JSON.stringify(body) }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: isJson ? JSON.parse(String(bytes)) : undefined,
  }
}

/** Waits until nothing is under way. */
async function idle() {
  for (;;) {
    const { status, body } = await call('GET', '/api/backups').catch(() => ({ status: 0, body: undefined }))
    if (status === 200 && body.operation === null) return body
    await sleep(50)
  }
}

async function create(): Promise<string> {
  expect((await call('POST', '/api/backups')).status).toBe(202)
  const { last } = await idle()
  expect(last).toMatchObject({ kind: 'create', outcome: 'done', by: 'cli' })
  return last.name
}

const setName = (value: string) =>
  call('PATCH', '/api/settings', { values: { 'general.instance_name': value } })

it('makes, proves, shows, serves and deletes backups', async () => {
  const name = await create()
  const { items } = await idle()
  expect(items[0]).toMatchObject({
    name,
    reason: 'manual',
    stores: ['sqlite'],
    encrypted: false,
    problem: null,
  })
  expect(items[0].provedAt).not.toBeNull()
  const detail = await call('GET', `/api/backups/${name}`)
  expect(detail.body.stores[0].tables.length).toBeGreaterThan(20)

  const file = await call('GET', `/api/backups/${name}/file`)
  expect(file.bytes.equals(readFileSync(join(dataDir, 'backups', name)))).toBe(true)
  expect(file.headers.get('cache-control')).toBe('no-store')
  const part = await call('GET', `/api/backups/${name}/file`, undefined, { range: 'bytes=10-19' })
  expect([part.status, part.bytes.equals(file.bytes.subarray(10, 20))]).toEqual([206, true])

  expect((await call('DELETE', `/api/backups/${name}`)).status).toBe(204)
  expect((await call('GET', `/api/backups/${name}/file`)).body.code).toBe('backup_unknown')

  const back = await call('POST', `/api/backups/upload?name=${name}`, file.bytes)
  expect([back.status, back.body.backup.provedAt]).toEqual([201, null])
  expect((await call('POST', `/api/backups/upload?name=${name}`, file.bytes)).body.code).toBe('backup_exists')
  expect((await call('POST', `/api/backups/${name}/prove`)).status).toBe(202)
  expect((await idle()).items[0].provedAt).not.toBeNull()
})

it('refuses uploads and names that are none, and leaves nothing behind', async () => {
  const before = (await idle()).items.length
  const upload = (name: string, text: string) =>
    call('POST', `/api/backups/upload?name=${encodeURIComponent(name)}`, Buffer.from(text))
  expect((await upload('holdfast-x.tar', 'no backup')).body.code).toBe('not_a_backup')
  expect((await upload('../holdfast-x.tar', 'x')).body.code).toBe('backup_name')
  expect((await upload('.last.json', 'x')).body.code).toBe('backup_name')
  for (const name of ['..%2F..%2Fserver.json', '%2Fetc%2Fpasswd', 'server.json']) {
    expect((await call('GET', `/api/backups/${name}/file`)).status).toBe(400)
  }
  expect(await idle()).toMatchObject({ items: { length: before }, others: [] })
  const anonymous = await fetch(`${server.url}/api/backups`)
  expect(anonymous.status).toBe(401)
})

it('restores: counts what is lost, asks for the name, saves what is there, signs everybody out', async () => {
  await setName('before')
  const name = await create()
  await setName('after')
  const loss = await call('GET', `/api/backups/${name}/loss`)
  expect(loss.body.obstacle).toBeNull()
  const tables = Object.fromEntries(
    loss.body.tables.map((each: { table: string; newer: number }) => [each.table, each.newer]),
  )
  expect(tables.settings).toBe(1)
  expect(tables.audit_log).toBeGreaterThanOrEqual(1)

  expect((await call('POST', `/api/backups/${name}/restore`, { confirm: 'yes' })).body.code).toBe(
    'confirmation',
  )
  expect((await call('POST', `/api/backups/${name}/restore`, { confirm: name })).status).toBe(202)
  expect((await call('POST', '/api/backups')).body?.code).toBe('operation_running')
  let state = await idle()
  while (state.last.kind !== 'restore') state = await idle()
  expect(state.last).toMatchObject({ outcome: 'done', name, by: 'cli' })
  expect(state.items.map((each: { name: string }) => each.name)).toContain(state.last.safety)
  expect(state.setAside).toHaveLength(1)
  const settings = await call('GET', '/api/settings')
  const found = settings.body.items.find((each: { key: string }) => each.key === 'general.instance_name')
  expect(found.value).toBe('before')
  const audit = await call('GET', '/api/audit?limit=20')
  expect(audit.body.items.map((each: { action: string }) => each.action)).toContain('backup.restored')

  expect((await call('DELETE', `/api/backups/set-aside/${state.setAside[0].name}`)).status).toBe(204)
  expect(existsSync(join(dataDir, state.setAside[0].name))).toBe(false)
  expect((await call('DELETE', '/api/backups/set-aside/holdfast.db')).body.code).toBe('backup_unknown')
})

it('follows a schedule, makes up for a run that was missed, and says when one failed', async () => {
  const values = new Map<string, number | boolean | string>([
    ['backups.enabled', true],
    ['backups.schedule', '15 3 * * *'],
    ['backups.time_zone', 'Europe/Berlin'],
    ['backups.keep_count', 1],
    ['backups.keep_days', 90],
    ['backups.keep_gib', 50],
  ])
  let now = new Date()
  const read = async (key: string) => values.get(key)
  const place = {
    ...placeOf(configOf(), createLogger('silent'), () => now),
    folder: join(dataDir, 'scheduled'),
  }
  const backups = createBackupsService({
    place,
    settings: {
      number: async (key) => Number(await read(key)),
      boolean: async (key) => (await read(key)) === true,
      text: async (key) => String(await read(key)),
    },
    getAppDbFor: () => {
      throw new Error('not asked for')
    },
  })
  const { items, nextAt } = await backups.listBackups()
  expect(items).toEqual([])
  expect(new Date(nextAt ?? '').toLocaleTimeString('en', { timeZone: 'Europe/Berlin' })).toBe('3:15:00 AM')
  await backups.tick()
  expect((await backups.listBackups()).items).toEqual([])
  now = new Date(now.getTime() + 2 * 86_400_000)
  await backups.tick()
  await backups.tick()
  const first = (await backups.listBackups()).items
  expect(first.map(({ reason, provedAt }) => [reason, provedAt !== null])).toEqual([['scheduled', true]])
  now = new Date(now.getTime() + 86_400_000)
  await backups.tick()
  const second = (await backups.listBackups()).items
  expect(second).toHaveLength(1)
  expect(second[0]?.name).not.toBe(first[0]?.name)

  // A clock that is two years ahead for a while keeps nothing from being made, and nothing that is made from staying.
  const rightly = now
  now = new Date(now.getTime() + 730 * 86_400_000)
  await backups.tick()
  const [ahead] = (await backups.listBackups()).items
  now = new Date(rightly.getTime() + 2 * 86_400_000)
  await backups.tick()
  const third = (await backups.listBackups()).items
  expect(third.map(({ createdAt }) => createdAt)).toEqual([ahead?.createdAt, now.toISOString()])
  await backups.deleteBackup(ahead?.name ?? '')

  // The folder cannot take it: the failure stays to be seen, and what is there stays.
  now = new Date(now.getTime() + 86_400_000)
  const broken = createBackupsService({
    place: { ...place, sqlitePath: join(dataDir, 'missing.db') },
    settings: {
      number: async () => 1,
      boolean: async () => true,
      text: async (key) => String(values.get(key)),
    },
    getAppDbFor: () => {
      throw new Error('not asked for')
    },
  })
  await broken.tick()
  const { last, items: kept } = await broken.listBackups()
  expect(last).toMatchObject({ kind: 'create', outcome: 'failed', code: 'store_missing' })
  expect(kept).toHaveLength(1)
  await backups.stop()
})

it('is degraded while the last backup failed', async () => {
  const checks = async () => (await call('GET', '/health/ready')).body.checks.backups
  await create()
  expect(await checks()).toBeUndefined()
  const file = join(dataDir, 'backups', '.last.json')
  const last = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(
    file,
    JSON.stringify({ ...last, outcome: 'failed', code: 'disk_full', message: 'The disk is full' }),
  )
  expect(await checks()).toMatchObject({ status: 'degraded', reason: 'The disk is full' })
  await create()
  expect(await checks()).toBeUndefined()
})

it('can be cancelled, and two operations do not run at once', async () => {
  writeFileSync(join(dataDir, 'backups', '.lock'), `${process.ppid} `)
  const { body } = await call('POST', '/api/backups')
  expect(body.kind).toBe('create')
  // The lock of a process that began at another time is no lock.
  expect((await idle()).last.outcome).toBe('done')
  await call('POST', '/api/backups')
  const cancelled = await call('POST', '/api/backups/cancel')
  const { last, others } = await idle()
  expect(others).toEqual([])
  if (cancelled.status === 204) expect(last.outcome).toBe('cancelled')
  else expect(cancelled.body.code).toBe('nothing_running')
})
