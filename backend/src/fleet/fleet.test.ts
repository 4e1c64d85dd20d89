import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import { startEngineProxy } from '../../test/engine-proxy.ts'
import { createSecretBox } from '../core/crypto/secret-box.ts'
import type { Realtime, WatchHandlers } from '../core/realtime/realtime.ts'
import { type SimulatedFleet, type SimulatedFleetOptions, startSimulatedFleet } from '../demo/fleet.ts'
import { containerFromList } from './docker/container-mapping.ts'
import { openEngine } from './endpoint-access.ts'
import type { FleetChanges, FleetEvent, LiveSample } from './fleet.schema.ts'
import { createFleetService } from './fleet.service.ts'
import { createFleetState } from './fleet.state.ts'
import { createFleet, createFleetStore, type Fleet } from './index.ts'
import type { LogLines } from './log.schema.ts'
import type { FleetSample } from './samples.ts'

/** Rooms that everybody watches, and what was said in them. */
function recordingRealtime() {
  const said: { room: string; event: string; payload: unknown }[] = []
  const handlers = new Map<string, WatchHandlers>()
  const realtime: Realtime = {
    room: (room) => ({
      emit: (event, payload) => void said.push({ room, event, payload: structuredClone(payload) }),
    }),
    watchers: () => 1,
    onWatch: (prefix, handler) => void handlers.set(prefix, handler),
  }
  return {
    realtime,
    said: <T>(event: string) => said.filter((each) => each.event === event).map((each) => each.payload as T),
    watch: (prefix: string, argument: string) =>
      handlers.get(prefix)?.start(`${prefix}${argument}`, argument),
    unwatch: (prefix: string, argument: string) =>
      handlers.get(prefix)?.stop(`${prefix}${argument}`, argument),
  }
}

const closers: (() => Promise<void>)[] = []
let database: TestDatabase

beforeAll(async () => {
  database = await openDatabase('sqlite', { migrated: true })
})
afterAll(() => database.close())
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await database.db.execute('DELETE FROM endpoints')
  await database.db.execute('DELETE FROM fleet_events')
})

const eventually = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

async function simulate(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
  const fleet = await startSimulatedFleet({ faults: false, ...options })
  closers.push(() => fleet.close())
  return fleet
}

/** A fleet on the test database that watches this machine (without an engine) and the simulated hosts. */
async function start(simulated: SimulatedFleet, allowActions = true) {
  const store = createFleetStore(database.db)
  for (const { name, url } of simulated.endpoints) {
    await store.insertEndpoint({
      parentId: null,
      kind: 'docker',
      name,
      url,
      externalId: null,
      enabled: true,
      allowActions,
      tlsCa: null,
      tlsCert: null,
      tlsKeySealed: null,
      tlsVerify: true,
      apiKeySealed: null,
    })
  }
  const live = recordingRealtime()
  const samples: FleetSample[] = []
  const fleet: Fleet = createFleet({
    db: database.db,
    box: createSecretBox('a secret for tests only, long enough'),
    log: pino({ level: 'silent' }),
    realtime: live.realtime,
    config: {
      sampleIntervalSeconds: 1,
      dockerHost: undefined,
      dockerSocket: '/nonexistent/docker.sock',
      hostProc: '/proc',
      hostSys: '/sys',
      hostRoot: '/',
    },
    record: (batch) => samples.push(...batch),
    eventRetentionDays: () => Promise.resolve(30),
    onSnapshot: () => Promise.resolve(),
  })
  closers.push(() => fleet.stop())
  fleet.start()
  return { fleet, live, samples, store }
}

describe('fleet', () => {
  it('shows containers of every host by the names the engine gives', async () => {
    const simulated = await simulate({ hosts: 3, containers: 30 })
    const { fleet } = await start(simulated)
    await eventually(() => expect(fleet.service.overview().counts.endpointsUp).toBe(3))
    const { items, total } = fleet.service.containers({ limit: 500 })
    const expected = simulated.engines.flatMap((engine) => engine.list().map(({ slot }) => slot.name)).sort()
    expect(items.map(({ name }) => name).sort()).toEqual(expected)
    expect(total).toBe(30)
    await eventually(() => {
      const running = fleet.service
        .containers({ limit: 500 })
        .items.filter(({ state }) => state === 'running')
      expect(running.every((each) => each.startedAt !== null && each.cpuPercent !== null)).toBe(true)
    })
  })

  it('pages through containers in the order of their names', async () => {
    const { fleet } = await start(await simulate({ hosts: 2, containers: 21 }))
    await eventually(() => expect(fleet.service.containers({ limit: 1 }).total).toBe(21))
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = fleet.service.containers({ limit: 5, cursor })
      names.push(...page.items.map(({ name, endpointId }) => `${name} ${endpointId}`))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(names).toHaveLength(21)
    expect(new Set(names).size).toBe(21)
    expect(() => fleet.service.containers({ limit: 5, cursor: 'bm90IGEgY3Vyc29y' })).toThrow('cursor')
  })

  it('samples the other hosts in time while one never answers', async () => {
    const simulated = await simulate({ hosts: 3, containers: 15, deadHost: 1 })
    const { fleet, samples } = await start(simulated)
    await eventually(() => {
      const sampled = new Set(
        samples.filter(({ metric }) => metric === 'cpu.percent').map(({ endpointId }) => endpointId),
      )
      // This machine and the two that answer.
      expect(sampled.size).toBe(3)
    })
    const dead = fleet.service.endpoints().find(({ name }) => name === simulated.endpoints[1]?.name)
    expect(dead?.status).toBe('connecting')
  })

  it('tells that an endpoint is down and why, once, and heals by itself', async () => {
    const simulated = await simulate({ hosts: 1, containers: 4 })
    const { fleet, live } = await start(simulated)
    const endpoint = () => fleet.service.endpoints().find(({ kind }) => kind === 'docker')!
    await eventually(() => expect(endpoint().status).toBe('up'))
    simulated.conduct(0).mode = 'hang'
    await eventually(() =>
      expect(endpoint()).toMatchObject({ status: 'down', error: expect.stringContaining('did not answer') }),
    )
    simulated.conduct(0).mode = 'answer'
    await eventually(() => expect(endpoint()).toMatchObject({ status: 'up', error: null }))
    await eventually(() => {
      const told = live
        .said<FleetEvent>('fleet:event')
        .filter(({ kind, endpointId }) => kind === 'endpoint' && endpointId === endpoint().id)
      expect(told.map(({ action }) => action)).toEqual(['down', 'up'])
    })
  }, 60_000)

  it('follows the events on when a proxy ends their stream, and calls nothing down', async () => {
    const simulated = await simulate({ hosts: 1, containers: 4 })
    const proxy = await startEngineProxy(simulated.endpoints[0]!.url)
    closers.push(() => proxy.close())
    const behind = { ...simulated.endpoints[0]!, url: proxy.url }
    const { fleet, live } = await start({ ...simulated, endpoints: [behind] })
    for (const [count, how] of [
      [1, 'end'],
      [2, 'cut'],
      [3, 'cut'],
    ] as const) {
      await eventually(() => expect(proxy.eventStreams).toBe(count))
      proxy.endEvents(how)
    }
    await eventually(() => expect(proxy.eventStreams).toBe(4))
    const [target] = fleet.service.containers({ limit: 9, state: ['running'] }).items
    const ref = { endpointId: target!.endpointId, container: target!.name }
    await fleet.service.act(ref, 'stop')
    await eventually(() => {
      const told = live
        .said<FleetEvent>('fleet:event')
        .filter(({ endpointId }) => endpointId === ref.endpointId)
      expect(told.map(({ action }) => action)).toContain('stop')
      expect(told.filter(({ kind }) => kind === 'endpoint')).toEqual([])
    })
  })

  it('shows an action, its events and the change of one container only', async () => {
    const { fleet, live } = await start(await simulate({ hosts: 1, containers: 6 }))
    await eventually(() => expect(live.said<FleetChanges>('fleet:changes').length).toBeGreaterThan(0))
    await eventually(() =>
      expect(fleet.service.containers({ limit: 9 }).items.every(({ startedAt }) => startedAt !== null)).toBe(
        true,
      ),
    )
    const [target] = fleet.service.containers({ limit: 9, state: ['running'] }).items
    const ref = { endpointId: target!.endpointId, container: target!.name }
    await new Promise((resolve) => setTimeout(resolve, 600))
    const before = live.said<FleetChanges>('fleet:changes').length
    expect(await fleet.service.act(ref, 'stop')).toMatchObject({
      changed: true,
      container: { state: 'exited' },
    })
    expect(await fleet.service.act(ref, 'stop')).toMatchObject({ changed: false })
    await eventually(() => {
      const changes = live.said<FleetChanges>('fleet:changes').slice(before)
      const names = new Set(changes.flatMap(({ upserts }) => upserts.map(({ name }) => name)))
      expect([...names]).toEqual([target!.name])
    })
    expect(fleet.service.overview().counts.stopped).toBeGreaterThan(0)
    await eventually(async () => {
      const { items } = await fleet.service.containerEvents(ref, { limit: 50 })
      expect(items.map(({ action }) => action)).toEqual(expect.arrayContaining(['die', 'stop']))
    })
    expect(await fleet.service.act(ref, 'start')).toMatchObject({
      container: { state: 'running', exitCode: null },
    })
  })

  it('refuses actions where the endpoint does not allow them', async () => {
    const { fleet } = await start(await simulate({ hosts: 1, containers: 3 }), false)
    await eventually(() => expect(fleet.service.containers({ limit: 1 }).total).toBe(3))
    const [target] = fleet.service.containers({ limit: 1 }).items
    await expect(
      fleet.service.act({ endpointId: target!.endpointId, container: target!.id }, 'stop'),
    ).rejects.toMatchObject({ status: 403, code: 'actions_disabled' })
  })

  it('does not stop the container that it runs in', async () => {
    const simulated = await simulate({ hosts: 1, containers: 3 })
    const { store } = await start(simulated)
    const state = createFleetState({ maxGapMs: 3_000 })
    const [row] = (await store.listEndpoints()).filter(({ kind }) => kind === 'docker')
    state.putEndpoint(row!)
    const engine = openEngine(simulated.endpoints[0]!.url)
    await engine.connect()
    const [own] = await engine.containers()
    const summary = containerFromList(own!, { id: row!.id, name: row!.name })
    state.replaceContainers(row!.id, [{ summary, addresses: new Map() }])
    const service = createFleetService({
      state,
      store,
      collector: {
        sync: async () => {},
        stop: async () => {},
        sourceOf: () => engine,
        refresh: async () => {},
      },
      events: { add: () => {}, recent: () => [], start: async () => {}, stop: async () => {} },
      processes: { top: () => Promise.reject(new Error('not asked for')) },
      ownContainerId: own!.Id.slice(0, 12),
    })
    const ref = { endpointId: row!.id, container: summary.name }
    for (const action of ['stop', 'restart'] as const) {
      await expect(service.act(ref, action)).rejects.toMatchObject({
        status: 409,
        code: 'container_protected',
      })
    }
    expect(await service.container(ref)).toMatchObject({ protected: true })
    engine.close()
  })

  it('streams samples and log lines of what is watched, and stops with the last watcher', async () => {
    const simulated = await simulate({ hosts: 1, containers: 8, logScale: 50 })
    const { fleet, live } = await start(simulated)
    await eventually(() =>
      expect(fleet.service.containers({ limit: 1, state: ['running'] }).total).toBeGreaterThan(0),
    )
    const [target] = fleet.service.containers({ limit: 9, state: ['running'] }).items
    const room = `${target!.endpointId}:${target!.name}`
    await live.watch('container:', room)
    await live.watch('logs:', room)
    const containerSamples = () =>
      live.said<LiveSample>('sample').filter(({ subject }) => subject === 'container')
    await eventually(() => expect(containerSamples().at(-1)?.values['cpu.percent']).toBeTypeOf('number'))
    await eventually(() => expect(live.said<LogLines>('logs:lines').length).toBeGreaterThan(0))
    await live.unwatch('container:', room)
    await live.unwatch('logs:', room)
    await expect((async () => live.watch('container:', '999:web'))()).rejects.toMatchObject({ status: 404 })
    await expect(
      (async () => live.watch('container:', `${target!.endpointId}:../x`))(),
    ).rejects.toMatchObject({ status: 404 })
  })

  it('reads, searches and downloads logs', async () => {
    const { fleet } = await start(await simulate({ hosts: 1, containers: 8, logScale: 20 }))
    await eventually(() =>
      expect(fleet.service.containers({ limit: 1, state: ['running'] }).total).toBeGreaterThan(0),
    )
    let found: { endpointId: number; container: string } | undefined
    for (const { endpointId, id } of fleet.service.containers({ limit: 9, state: ['running'] }).items) {
      const ref = { endpointId, container: id }
      if ((await fleet.service.logs(ref, { tail: 20 })).lines.length === 20) found ??= ref
    }
    const ref = found!
    const page = await fleet.service.logs(ref, { tail: 20 })
    expect(page.lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, index) => index))
    const times = page.lines.map(({ at }) => at ?? '')
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)))
    const word = /[a-z]{4,}/i.exec(page.lines[0]!.text)![0]
    const hits = await fleet.service.logs(ref, { tail: 50, q: word.toUpperCase() })
    expect(hits.lines.length).toBeGreaterThan(0)
    expect(hits.lines.every(({ text }) => text.toLowerCase().includes(word.toLowerCase()))).toBe(true)
    const misses = await fleet.service.logs(ref, { tail: 50, q: word, regex: true, invert: true })
    expect(misses.lines.some(({ text }) => text.toLowerCase().includes(word.toLowerCase()))).toBe(false)
    await expect(fleet.service.logs(ref, { tail: 5, q: '(', regex: true })).rejects.toMatchObject({
      code: 'invalid_regex',
    })
    const { response, toText } = await fleet.service.logDownload(
      ref,
      { tail: 20 },
      new AbortController().signal,
    )
    let text = ''
    for await (const chunk of response.pipe(toText)) text += String(chunk)
    expect(text.split('\n').length).toBeGreaterThanOrEqual(20)
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  it('reads this machine and says what is wrong with its engine', async () => {
    const { fleet, samples } = await start(await simulate({ hosts: 1, containers: 1 }))
    await eventually(() =>
      expect(samples.some(({ subject, metric }) => subject === 'host' && metric === 'cpu.percent')).toBe(
        true,
      ),
    )
    const local = fleet.service.hosts().find(({ kind }) => kind === 'local')!
    expect(local).toMatchObject({ status: 'up', metricsFrom: 'host', memoryUsedBytes: expect.any(Number) })
    expect(fleet.service.host(local.endpointId).filesystems.length).toBeGreaterThan(0)
    await eventually(() => {
      const endpoint = fleet.service.endpoint(local.endpointId)
      expect(endpoint).toMatchObject({
        status: 'down',
        error: expect.stringContaining('no socket'),
        hint: expect.any(String),
      })
    })
    const { items } = await fleet.service.hostProcesses(local.endpointId)
    expect(items.some(({ pid }) => pid === process.pid)).toBe(true)
  })

  it('masks secrets in what an inspection shows', async () => {
    const { fleet } = await start(await simulate({ hosts: 2, containers: 40 }))
    await eventually(() => expect(fleet.service.containers({ limit: 1 }).total).toBe(40))
    let secrets = 0
    for (const { endpointId, id } of fleet.service.containers({ limit: 100 }).items) {
      for (const { name, value, masked } of (await fleet.service.container({ endpointId, container: id }))
        .env) {
        if (!/PASSWORD|SECRET|TOKEN/.test(name) || name.endsWith('_FILE')) continue
        secrets++
        expect({ value, masked }).toEqual({ value: '••••••••', masked: true })
      }
    }
    expect(secrets).toBeGreaterThan(0)
  })
})
