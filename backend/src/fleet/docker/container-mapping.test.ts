import { describe, expect, it } from 'vitest'
import { MASK } from '../mask-secrets.ts'
import { containerDetail, containerFromList, isoOrNull } from './container-mapping.ts'
import { effectOfEvent, engineTime, sinceAfter } from './engine-events.ts'
import { EngineContainer, EngineContainerDetail, EngineEvent } from './engine-types.ts'

const ID = 'c4e1c1634a11a20730d02749e989a21f3b653d94d7b727482149bde4fbe65062'
const endpoint = { id: 3, name: 'atlas' }

const list = (over: object = {}) =>
  containerFromList(
    EngineContainer.parse({
      Id: ID,
      Names: ['/proxy/web', '/web'],
      Image: 'web:1',
      ImageID: 'sha256:1',
      Created: 1_795_233_277,
      State: 'running',
      Status: 'Up 3 hours (healthy)',
      Ports: [
        { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { PrivatePort: 53, Type: 'udp' },
      ],
      Labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'web',
        'app.token': 'abc',
      },
      NetworkSettings: { Networks: { shop_net: { IPAddress: '172.18.0.2' }, b: null } },
      ...over,
    }),
    endpoint,
  )

describe('list', () => {
  it('takes name, stack, health, ports and networks from the engine', () => {
    expect(list()).toMatchObject({
      endpointId: 3,
      endpointName: 'atlas',
      name: 'web',
      stack: 'shop',
      service: 'web',
      health: 'healthy',
      createdAt: '2026-11-21T03:54:37.000Z',
      ports: [
        { ip: null, private: 53, public: null, type: 'udp' },
        { ip: '::', private: 80, public: 8080, type: 'tcp' },
      ],
      networks: ['b', 'shop_net'],
      labels: { 'app.token': MASK },
    })
  })

  it.each([
    ['Exited (137) 2 hours ago', 'exited', 137, 'none'],
    ['Restarting (1) 5 seconds ago', 'restarting', 1, 'none'],
    ['Up 4 seconds (health: starting)', 'running', null, 'starting'],
    ['Up 4 seconds (unhealthy)', 'running', null, 'unhealthy'],
    ['Created', 'created', null, 'none'],
  ])('reads %s', (Status, State, exitCode, health) => {
    expect(list({ Status, State })).toMatchObject({ exitCode, health })
  })

  it('bears what other engines leave out, and words they use', () => {
    expect(
      list({
        Names: null,
        Ports: null,
        Labels: null,
        NetworkSettings: undefined,
        State: 'configured',
        Status: null,
      }),
    ).toMatchObject({ name: ID.slice(0, 12), state: 'created', stack: null, labels: {}, ports: [] })
    expect(list({ Labels: { 'com.docker.stack.namespace': 'swarm' } }).stack).toBe('swarm')
  })
})

describe('detail', () => {
  it('shows the configuration with its secrets masked', () => {
    const detail = EngineContainerDetail.parse({
      Id: ID,
      Name: '/web',
      Created: '2026-11-21T03:54:35.298362Z',
      Image: 'sha256:1',
      RestartCount: 2,
      State: {
        Status: 'exited',
        ExitCode: 137,
        OOMKilled: true,
        StartedAt: '2026-11-21T03:54:35.534370174Z',
        FinishedAt: '2026-11-21T04:00:00Z',
        Health: {
          Status: 'unhealthy',
          Log: [{ Start: '2026-11-21T03:55:00Z', ExitCode: 1, Output: 'redis://:pw12@h down' }],
        },
      },
      HostConfig: {
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
        LogConfig: { Type: 'json-file' },
        Memory: 67_108_864,
        CpuQuota: 50_000,
        PidsLimit: -1,
        CapAdd: ['NET_ADMIN'],
      },
      Config: {
        Env: ['DB_PASSWORD=hunter2', 'PATH=/bin', 'DATABASE_URL=postgres://app:pw12@db/app'],
        Cmd: ['serve', '--token=abc'],
        Entrypoint: '/entry.sh',
        Healthcheck: { Test: ['CMD-SHELL', 'curl -H "X-Api-Key: abc" localhost'], Interval: 5e9, Retries: 2 },
        Labels: { secret: 'x' },
      },
      Mounts: [
        { Type: 'volume', Name: 'data', Source: '/var/lib/x', Destination: '/data', Mode: 'z', RW: true },
      ],
      NetworkSettings: {
        Networks: { shop_net: { IPAddress: '172.18.0.2', Gateway: '', MacAddress: 'm', Aliases: null } },
      },
    })
    const shown = containerDetail(list({ State: 'exited', Status: 'Exited (137) 1 hour ago' }), detail, false)
    expect(JSON.stringify(shown)).not.toMatch(/hunter2|pw12|abc/)
    expect(shown).toMatchObject({
      restartCount: 2,
      exitCode: 137,
      oomKilled: true,
      health: 'unhealthy',
      startedAt: '2026-11-21T03:54:35.534Z',
      restartPolicy: 'on-failure:3',
      limits: { cpus: 0.5, memoryBytes: 67_108_864, pids: null },
      entrypoint: ['/entry.sh'],
      mounts: [{ type: 'volume', source: 'data', destination: '/data', mode: 'z', rw: true }],
      networkSettings: [{ name: 'shop_net', ip: '172.18.0.2', gateway: null, mac: 'm', aliases: [] }],
      healthcheck: { intervalMs: 5000, retries: 2 },
      env: [
        { name: 'DB_PASSWORD', value: MASK, masked: true },
        { name: 'PATH', value: '/bin', masked: false },
        { name: 'DATABASE_URL', value: `postgres://app:${MASK}@db/app`, masked: true },
      ],
    })
  })

  it("takes Go's zero time for no time", () => {
    expect(isoOrNull('0001-01-01T00:00:00Z')).toBeNull()
    expect(isoOrNull('')).toBeNull()
  })
})

describe('events', () => {
  const event = (Type: string, Action: string, Attributes: Record<string, string> = {}) =>
    effectOfEvent(
      EngineEvent.parse({
        Type,
        Action,
        Actor: { ID, Attributes },
        time: 1_795_233_304,
        timeNano: 1_795_233_304_122_000_000,
      }),
      3,
    )

  it('keeps what happened to a container, with its stack and exit code', () => {
    const { event: kept, containerId } = event('container', 'die', {
      name: 'web',
      exitCode: '137',
      image: 'web:1',
      'com.docker.compose.project': 'shop',
      'app.token': 'abc',
    })
    expect(containerId).toBe(ID)
    expect(kept).toEqual({
      at: '2026-11-21T03:55:04.122Z',
      endpointId: 3,
      kind: 'container',
      action: 'die',
      subjectId: ID,
      subjectName: 'web',
      stack: 'shop',
      attributes: { exitCode: '137', image: 'web:1' },
    })
  })

  it('keeps of hostile ones what every store can hold', () => {
    const emoji = `${'x'.repeat(499)}🤖`
    const { event: kept } = effectOfEvent(
      EngineEvent.parse({
        Type: 'container',
        Action: 'rename',
        Actor: {
          ID,
          Attributes: { name: emoji, oldName: 'a\0b\ud800', 'com.docker.compose.project': 's\0' },
        },
        time: 1e300,
        timeNano: 0,
      }),
      3,
    )
    expect(kept).toMatchObject({
      subjectName: `${'x'.repeat(499)}\ufffd`,
      stack: 's\ufffd',
      attributes: { oldName: 'a\ufffdb\ufffd' },
    })
    expect(Math.abs(Date.parse(kept?.at ?? '') - Date.now())).toBeLessThan(60_000)
  })

  it('keeps the new state of health, not the checks', () => {
    expect(event('container', 'health_status: unhealthy', { name: 'web' }).event?.action).toBe(
      'health_status: unhealthy',
    )
    expect(event('container', 'exec_start: /bin/sh -c check')).toEqual({
      event: undefined,
      containerId: undefined,
      images: false,
      networks: false,
    })
  })

  it('knows which lists are out of date', () => {
    expect(event('image', 'pull', { name: 'web:2' })).toMatchObject({
      images: true,
      event: { kind: 'image' },
    })
    expect(event('network', 'create', { name: 'n' })).toMatchObject({ networks: true })
    expect(event('network', 'connect', { name: 'n', container: 'abc' })).toMatchObject({
      event: undefined,
      containerId: 'abc',
    })
    expect(event('volume', 'create').event).toBeUndefined()
  })

  it('continues after the last event', () => {
    expect(sinceAfter({ time: 10, timeNano: 10_000_000_500 })).toBe('10.000001500')
    expect(sinceAfter({ time: 10, timeNano: 10_999_999_500 })).toBe('11.000000500')
    expect(engineTime('2026-11-21T03:55:04.122Z', 1)).toBe('1795233304.123000000')
  })
})
