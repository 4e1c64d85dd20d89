import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Client, startTestApp, type TestApp } from '../../test/app.ts'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { LogSearchMessage } from '../fleet/log.schema.ts'
import { type SimulatedFleet, startSimulatedFleet } from './fleet.ts'

describe('the product on a simulated fleet', () => {
  let database: TestDatabase
  let app: TestApp
  let fleet: SimulatedFleet
  let admin: Client

  beforeAll(async () => {
    database = await openDatabase('sqlite', { migrated: true })
    fleet = await startSimulatedFleet({
      hosts: 12,
      containers: 240,
      deadHost: 3,
      slowHost: { index: 5, delayMs: 400 },
    })
    app = await startTestApp({ db: database.db, env: { SAMPLE_INTERVAL_SECONDS: '1' } })
    admin = await app.admin()
  })
  afterAll(async () => {
    await app.stop()
    await fleet.close()
    await database.close()
  })

  const endpoints = async () => (await admin.get('/api/endpoints')).body.items

  it('watches every host of many that are added at once, whatever a dead and a slow one do', async () => {
    const added = await Promise.all(
      fleet.endpoints.map(({ name, url }) => admin.post('/api/endpoints', { kind: 'docker', name, url })),
    )
    expect(added.map(({ status }) => status)).toEqual(added.map(() => 201))
    await vi.waitFor(
      async () => {
        const up = (await endpoints()).filter(
          (each: { status: string; kind: string }) => each.status === 'up' && each.kind === 'docker',
        )
        expect(up.map(({ containers }: { containers: number }) => containers)).toEqual(Array(11).fill(20))
      },
      { timeout: 20_000, interval: 100 },
    )
    const dead = (await endpoints()).find(({ name }: { name: string }) => name === fleet.endpoints[3]!.name)
    expect(dead.status).not.toBe('up')
  })

  it('samples 240 containers and shows what runs as the engines say it', async () => {
    await vi.waitFor(
      async () => {
        const { body } = await admin.get('/api/metrics/latest?subject=container')
        const sampled = new Set(
          body.items.map(
            ({ endpointId, name }: { endpointId: number; name: string }) => `${endpointId}/${name}`,
          ),
        )
        const running = fleet.engines
          .filter(({ host }) => host.index !== 3)
          .flatMap((engine) => engine.list().filter(({ snapshot }) => snapshot.state === 'running'))
        expect(sampled.size).toBeGreaterThanOrEqual(running.length - 2)
      },
      { timeout: 20_000, interval: 200 },
    )
  })

  it('streams a search over a log, and refuses a bad one before it begins', async () => {
    const { body } = await admin.get('/api/containers?state=running&limit=1')
    const [{ endpointId, name }] = body.items
    const path = `/api/containers/${endpointId}/${name}/logs/search`
    const { status, headers, text } = await admin.get(`${path}?q=e&tail=5`)
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    const messages = text
      .trim()
      .split('\n')
      .map((line) => LogSearchMessage.parse(JSON.parse(line)))
    expect(messages.at(-1)).toMatchObject({ type: 'end', scanned: expect.any(Number) })
    expect(messages.slice(0, -1).every(({ type }) => type === 'step')).toBe(true)
    const refused = await admin.get(`${path}?q=(&regex=true`)
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_regex'])
  })
})
