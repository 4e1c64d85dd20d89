import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Client, startTestApp, type TestApp } from '../../test/app.ts'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { aSample, openMetrics } from '../../test/metrics.ts'
import { openTestStorage } from '../../test/product.ts'
import type { Storage } from '../db/app-db-router.ts'
import { createFleetStore } from '../fleet/index.ts'
import { createMonitoringStore } from '../monitoring/index.ts'
import type { StorageUnit } from './moves.schema.ts'

const QUICK = { pollMs: 20, gatherMs: 1, calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 }
const UNITS = ['audit', 'monitoring', 'sessions', 'users', 'settings', 'metrics', 'fleet'] as const

const MINUTE = 60_000
/** All that the test puts there is older than this, and what the product adds by itself is newer. */
const END_MS = (Math.floor(Date.now() / (60 * MINUTE)) - 1) * 60 * MINUTE
const START_MS = END_MS - 120 * MINUTE
const iso = (timeMs: number) => new Date(timeMs).toISOString()

/** Routes whose answers come from the engines, from the process or from the product's files. */
const NOT_STORED = [
  /^\/health\//,
  /^\/metrics$/,
  /^\/api\/(docs|openapi\.json|system|doctor|maintenance|backups|storage|auth\/state)/,
  /^\/api\/(fleet\/overview|hosts|containers|stacks|images|networks)/,
]

let dataDir: string
let database: TestDatabase
let storage: Storage
let app: TestApp
let admin: Client

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-moves-'))
  database = await openDatabase('postgres')
  storage = await openTestStorage({
    dataDir,
    postgresUrl: database.location,
    config: { storagePlacement: 'sqlite' },
  })
  app = await startTestApp({ storage, dataDir, moveLimits: QUICK })
  admin = await app.admin()
})
afterEach(async () => {
  await app.stop()
  await storage.close()
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** A new app on the same storage: nothing that it answers is what it remembered. */
async function restartApp(): Promise<void> {
  const { cookie } = admin
  await app.stop()
  app = await startTestApp({ storage, dataDir, moveLimits: QUICK })
  admin = app.client()
  admin.cookie = cookie
}

async function sent(method: string, path: string, body: unknown): Promise<{ id: number }> {
  const answer = await admin.send(method, path, body)
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
  return answer.body
}

async function fill(): Promise<{ endpoint: number }> {
  const operator = await app.userWith('operator', 'Grace.Hopper@navy')
  await sent('PATCH', `/api/users/${operator.id}`, { defaultLandingPage: '/containers?state=running&x=%20' })
  await app.userWith('viewer', 'zoe')
  for (const [name, scopes] of [
    ['Backup ☂', ['read']],
    ["it's", ['read']],
  ] as const) {
    await sent('POST', '/api/tokens', { name, scopes, expiresAt: '2099-01-02T03:04:05+02:00' })
  }
  await sent('PATCH', '/api/settings', {
    values: {
      'general.instance_name': 'Größe "7" \\ 🦦',
      'audit.retention.days': 400,
      'sessions.max_per_user': 7,
    },
  })
  const { id: endpoint } = await sent('POST', '/api/endpoints', {
    kind: 'docker',
    name: 'far away',
    url: 'tcp://127.0.0.1:9',
  })
  await sent('PATCH', `/api/endpoints/${endpoint}`, { enabled: false })
  await admin.post('/api/users', { username: 'nobody' }) // a refused one is in the audit too

  const monitoring = createMonitoringStore(storage.getAppDbFor('monitoring'))
  for (let i = 0; i < 12; i++) {
    const counts = { containersRunning: 40 + i, containersStopped: i, containersUnhealthy: 0 }
    await monitoring.insertSnapshot(
      { ...counts, endpointsUp: 3, endpointsDown: i % 2 },
      iso(START_MS + i * 600_000),
    )
  }
  await createFleetStore(storage.getAppDbFor('fleet')).insertEvents(
    Array.from({ length: 9 }, (_, i) => ({
      at: iso(START_MS + i * 1_001),
      endpointId: endpoint,
      kind: 'container' as const,
      action: i % 2 === 0 ? 'start' : 'health_status: unhealthy',
      subjectId: `c0ffee${i}`,
      subjectName: 'web',
      stack: i % 3 === 0 ? null : 'shop',
      attributes: { image: 'nginx:1.27', 'a "b"': 'ä\n\t\\' },
    })),
  )
  const metrics = openMetrics(storage.getAppDbFor('metrics'), END_MS)
  for (const name of ['web', 'db']) {
    for (let timeMs = START_MS; timeMs < END_MS; timeMs += MINUTE / 2) {
      const value = 50 + 50 * Math.sin(timeMs / 777_777) + name.length / 3
      metrics.service.record([
        aSample({ name, timeMs, value }),
        aSample({ name, timeMs, value: value * 1e9, metric: 'memory.bytes' }),
      ])
    }
  }
  await metrics.service.flush()
  await metrics.settle()
  await metrics.service.close()
  return { endpoint }
}

/** What to ask, by the path of the route. Nothing in it depends on the time at which it is asked. */
function questions(endpoint: number): Record<string, string[]> {
  const range = `from=${START_MS}&to=${END_MS}`
  return {
    '/api/users': [''],
    '/api/tokens': [''],
    '/api/auth/sessions': [''],
    '/api/settings': [''],
    '/api/audit': [
      '?action=user.',
      '?action=settings.update',
      '?username=ada&action=token.',
      '?targetType=endpoint',
      '?action=user.&limit=2',
    ],
    '/api/monitoring/snapshots': [
      `?to=${iso(END_MS)}`,
      `?from=${iso(START_MS + 1)}&to=${iso(END_MS)}&limit=5`,
    ],
    '/api/metrics/range': [
      `?endpointId=1&subject=container&name=web&${range}&points=20`,
      `?endpointId=1&subject=container&name=web&metrics=cpu.percent&${range}&points=200`,
      `?endpointId=1&subject=container&name=db&${range}&points=5000`,
    ],
    '/api/metrics/all': [`?subject=container&metric=cpu.percent&${range}`],
    '/api/metrics/latest': ['?subject=container'],
    '/api/metrics/top': [`?subject=container&metric=memory.bytes&${range}`],
    '/api/metrics/series': ['?endpointId=1&subject=container&name=web'],
    '/api/events': [`?endpointId=${endpoint}`, `?endpointId=${endpoint}&name=web&limit=4`],
    '/api/endpoints': [''],
    '/api/endpoints/{id}': [''],
  }
}

const LIVE = new Set(['status', 'error', 'hint', 'lastSeenAt'])

/**
 * An answer without what asking changes (when a session was used) and what an endpoint is found to be now. Means are of
 * twelve digits: SQLite adds with compensation, PostgreSQL does not, which shows in the sixteenth.
 */
function still(text: string): unknown {
  return JSON.parse(text, (name, value) => {
    if (typeof value === 'number' && !Number.isInteger(value)) return Number(value.toPrecision(12))
    if (value?.lastActiveAt) return { ...value, lastActiveAt: 'now', expiresAt: 'later' }
    return LIVE.has(name) ? 'now' : value
  })
}

/** Every answer by its URL, all pages of it. */
async function answers(endpoint: number): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  for (const [route, queries] of Object.entries(questions(endpoint))) {
    for (const query of queries) {
      let path = route.replace('{id}', String(endpoint)) + query
      for (let page = 0; page < 20; page++) {
        const answer = await admin.get(path)
        expect(answer.status, `${path}: ${answer.text}`).toBe(200)
        all[path] = still(answer.text)
        if (!answer.body.nextCursor || !query.includes('limit=')) break
        path = `${route}${query}&cursor=${encodeURIComponent(answer.body.nextCursor)}`
      }
    }
  }
  return all
}

async function until(unit: string, condition: (unit: StorageUnit) => boolean): Promise<void> {
  for (;;) {
    const answer = await admin.get(`/api/storage/units/${unit}`)
    expect(answer.status, answer.text).toBe(200)
    if (condition(answer.body)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function flipAll(action: 'cutover' | 'rollback', placement: 'sqlite' | 'postgres'): Promise<void> {
  for (const unit of UNITS) {
    // A step that is refused for what the product itself writes meanwhile is taken again.
    await expect
      .poll(async () => (await admin.post(`/api/storage/units/${unit}/${action}`, {})).text, {
        timeout: 20_000,
      })
      .toContain(`"placement":"${placement}"`)
  }
}

describe('answers of the API', () => {
  it('are the same on both stores, there and back', async () => {
    const { endpoint } = await fill()
    await app.flush()
    const asked = Object.keys(questions(endpoint))
    const stored = app.app.routes.filter(
      ({ method, path }) => method === 'get' && !NOT_STORED.some((pattern) => pattern.test(path)),
    )
    expect(stored.map(({ path }) => path).filter((path) => !asked.includes(path))).toEqual([])

    await restartApp()
    const before = await answers(endpoint)
    for (const unit of UNITS) await sent('POST', `/api/storage/units/${unit}/mirror`, undefined)
    for (const unit of UNITS)
      await until(unit, ({ state, verify }) => state === 'mirroring' && verify?.clean === true)
    await flipAll('cutover', 'postgres')
    await restartApp()
    expect(await answers(endpoint)).toEqual(before)

    await flipAll('rollback', 'sqlite')
    await restartApp()
    expect(await answers(endpoint)).toEqual(before)
  })
})
