import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { createSecretBox } from '../core/crypto/secret-box.ts'
import { type SimulatedFleet, startSimulatedFleet } from '../demo/fleet.ts'
import { createCollector } from './collector.ts'
import { createEndpointAdmin } from './endpoint-admin.ts'
import { createFleetState } from './fleet.state.ts'
import { createFleetStore, type FleetStore } from './fleet.store.ts'
import { createHostSource } from './host/host-source.ts'

const KEY = 'ptr_rightkey'
const box = createSecretBox('a secret for tests only, long enough')
let database: TestDatabase
let store: FleetStore
let simulated: SimulatedFleet
let portainer: Server
let portainerUrl = ''
let environments: { Id: number; Name: string; Type: number }[] = []
const seenKeys = new Set<unknown>()

/** A Portainer server in front of the simulated hosts: environment n is host n - 1. */
async function startPortainer(): Promise<void> {
  portainer = createServer((req, res) => {
    const key = req.headers['x-api-key']
    seenKeys.add(key)
    const match = /^\/api\/endpoints\/(\d+)\/docker(\/.*)$/.exec(req.url ?? '')
    if (req.url === '/api/status') res.end('{"Version":"2.27.1"}')
    else if (key !== KEY) {
      res.statusCode = 401
      res.end('{"message":"Invalid API key","details":"Unauthorized"}')
    } else if (req.url === '/api/endpoints') res.end(JSON.stringify(environments))
    else if (match) {
      const target = new URL(
        match[2] ?? '/',
        simulated.endpoints[Number(match[1]) - 1]!.url.replace('tcp:', 'http:'),
      )
      fetch(target, { method: req.method ?? 'GET' })
        .then(
          async (answer) => {
            res.statusCode = answer.status
            res.flushHeaders()
            for await (const chunk of answer.body ?? []) res.write(chunk)
            res.end()
          },
          () => res.destroy(),
        )
        .catch(() => res.destroy())
    } else {
      res.statusCode = 404
      res.end('{"message":"not found"}')
    }
  })
  await new Promise<void>((resolve) => portainer.listen(0, '127.0.0.1', resolve))
  portainerUrl = `http://127.0.0.1:${(portainer.address() as AddressInfo).port}`
}

beforeAll(async () => {
  database = await openDatabase('sqlite', { migrated: true })
  store = createFleetStore(database.db)
  simulated = await startSimulatedFleet({ hosts: 2, containers: 10, faults: false })
  await startPortainer()
})
afterAll(async () => {
  portainer.closeAllConnections()
  portainer.close()
  await simulated.close()
  await database.close()
})
beforeEach(() => {
  environments = [
    { Id: 1, Name: 'production', Type: 2 },
    { Id: 2, Name: 'staging', Type: 1 },
    { Id: 3, Name: 'cluster', Type: 5 },
  ]
})
afterEach(() => database.db.execute('DELETE FROM endpoints'))

const admin = () => createEndpointAdmin({ store, box })
const docker = (over: object = {}) => ({
  kind: 'docker' as const,
  name: 'atlas',
  url: 'tcp://10.0.0.5:2375',
  allowActions: false,
  ...over,
})
const portainerInput = (over: object = {}) => ({
  kind: 'portainer' as const,
  name: 'main portainer',
  url: portainerUrl,
  apiKey: KEY,
  allowActions: false,
  ...over,
})

describe('adding and changing endpoints', () => {
  it('stores credentials sealed only', async () => {
    const row = await admin().create(portainerInput({ tls: { key: 'KEY', cert: 'CERT', verify: true } }))
    expect(JSON.stringify(await store.listEndpoints())).not.toContain(KEY)
    expect(box.open(row.apiKeySealed ?? '')).toBe(KEY)
    expect(box.open(row.tlsKeySealed ?? '')).toBe('KEY')
  })

  it.each([
    ['a taken name', {}, 'name_taken', 409],
    ['a metadata address', { name: 'x', url: 'http://169.254.169.254/' }, 'invalid_endpoint', 400],
    ['another scheme', { name: 'x', url: 'file:///etc/passwd' }, 'invalid_endpoint', 400],
    ['half of the TLS material', { name: 'x', tls: { cert: 'C', verify: true } }, 'tls_incomplete', 400],
  ])('refuses %s', async (_, over, code, status) => {
    await admin().create(docker())
    await expect(admin().create(docker(over))).rejects.toMatchObject({ code, status })
    expect(await store.listEndpoints()).toHaveLength(1)
  })

  it('refuses Portainer without a key', async () => {
    await expect(admin().create(portainerInput({ apiKey: undefined }))).rejects.toMatchObject({
      code: 'api_key_required',
    })
  })

  it('wants the credentials again when they would go to another address', async () => {
    const { id } = await admin().create(portainerInput())
    await expect(admin().update(id, { url: 'https://elsewhere.example' })).rejects.toMatchObject({
      code: 'credentials_required',
    })
    await expect(admin().update(id, { tls: { verify: false } })).rejects.toMatchObject({
      code: 'credentials_required',
    })
    const moved = await admin().update(id, { url: 'https://elsewhere.example', apiKey: 'new' })
    expect(box.open(moved.apiKeySealed ?? '')).toBe('new')
    const renamed = await admin().update(id, { name: 'other' })
    expect(box.open(renamed.apiKeySealed ?? '')).toBe('new')
  })

  it('keeps the connection of this machine and of environments as it is', async () => {
    const values = { ...(await admin().create(docker())), kind: 'local' as const, name: 'here', url: null }
    const local = await store.insertEndpoint(values)
    await expect(admin().update(local.id, { url: 'tcp://10.0.0.9' })).rejects.toMatchObject({
      code: 'endpoint_fixed',
    })
    await expect(admin().remove(local.id)).rejects.toMatchObject({ code: 'endpoint_fixed' })
    expect(await admin().update(local.id, { allowActions: true, name: 'this' })).toMatchObject({
      allowActions: true,
    })
    await expect(admin().update(9999, { name: 'x' })).rejects.toMatchObject({ status: 404 })
  })
})

describe('trying an endpoint', () => {
  it('tells what answers', async () => {
    const url = simulated.endpoints[0]!.url
    expect(await admin().test(docker({ url }))).toMatchObject({ ok: true, engineVersion: expect.any(String) })
    expect(await admin().test(portainerInput())).toEqual({
      ok: true,
      message: 'Portainer 2.27.1 with 2 Docker environments',
      engineVersion: '2.27.1',
      environments: [
        { id: 1, name: 'production' },
        { id: 2, name: 'staging' },
      ],
    })
    expect(await store.listEndpoints()).toEqual([])
  })

  it('tells what is wrong and what to do', async () => {
    const result = await admin().test(portainerInput({ apiKey: 'wrong' }))
    expect(result).toMatchObject({
      ok: false,
      message: 'Portainer refused the API key',
      hint: expect.stringContaining('Access tokens'),
    })
    expect(await admin().test(docker({ url: portainerUrl }))).toMatchObject({ ok: false })
    expect(await admin().test(docker({ url: 'http://169.254.169.254' }))).toMatchObject({
      ok: false,
      hint: expect.any(String),
    })
    expect(await admin().test(docker({ url: 'unix:///etc/passwd' }))).toMatchObject({ ok: false })
  })

  it('sends no stored key to what was typed', async () => {
    await admin().create(portainerInput())
    seenKeys.clear()
    await admin().test(portainerInput({ apiKey: 'typed' }))
    expect([...seenKeys]).toEqual(['typed'])
  })
})

describe('a Portainer server', () => {
  it('becomes one endpoint per Docker environment, kept equal to it', async () => {
    const state = createFleetState({ maxGapMs: 3_000 })
    const paths = { proc: '/proc', sys: '/sys', root: '/' }
    const collector = createCollector({
      store,
      state,
      box,
      log: pino({ level: 'silent' }),
      intervalMs: 1_000,
      localEngine: { dockerHost: undefined, dockerSocket: undefined },
      host: createHostSource({ paths, maxGapMs: 3_000 }),
      record: () => {},
      onCycle: () => {},
      onHostSample: () => {},
      onEvent: () => {},
    })
    try {
      const { id } = await admin().create(portainerInput())
      await collector.sync(await store.listEndpoints())
      const up = () =>
        state
          .listEndpoints()
          .filter(({ status }) => status === 'up')
          .map(({ name }) => name)
      await vi.waitFor(() => expect(up()).toEqual(['main portainer', 'production', 'staging']), {
        timeout: 20_000,
      })
      const names = simulated.engines.flatMap((engine) => engine.list().map(({ slot }) => slot.name)).sort()
      expect(state.containers().map(({ summary }) => summary.name)).toEqual(names)
      expect(state.listEndpoints().find(({ name }) => name === 'staging')).toMatchObject({
        parentId: id,
        url: portainerUrl,
      })

      environments = [{ Id: 2, Name: 'test', Type: 1 }]
      await admin().update(id, { apiKey: KEY })
      await collector.sync(await store.listEndpoints())
      await vi.waitFor(() => expect(up()).toEqual(['main portainer', 'test']), { timeout: 20_000 })

      await admin().update(id, { apiKey: 'revoked' })
      await collector.sync(await store.listEndpoints())
      await vi.waitFor(
        () => {
          expect(state.listEndpoints().map(({ status }) => status)).toEqual(['down', 'down'])
          expect(state.endpoint(id)?.error).toBe('Portainer refused the API key')
        },
        { timeout: 20_000 },
      )

      await admin().remove(id)
      await collector.sync(await store.listEndpoints())
      expect(state.listEndpoints()).toEqual([])
      expect(state.takeChanges().removedEndpoints).toContain(id)
    } finally {
      await collector.stop()
    }
  }, 60_000)
})
