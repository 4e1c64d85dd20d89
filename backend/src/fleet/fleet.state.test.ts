import { describe, expect, it } from 'vitest'
import type { ContainerSummary } from './container.schema.ts'
import { createFleetState, SPARK_POINTS } from './fleet.state.ts'
import type { EndpointRow } from './fleet.store.ts'
import { LOCAL_ENDPOINT } from './local-endpoint.ts'

const ID = 'c4e1c1634a11a20730d02749e989a21f3b653d94d7b727482149bde4fbe65062'

const aRow = (over: Partial<EndpointRow> = {}): EndpointRow => ({
  id: 1,
  ...LOCAL_ENDPOINT,
  kind: 'docker',
  name: 'atlas',
  url: 'tcp://10.0.0.5',
  ...over,
})

const listed = (over: Partial<ContainerSummary> = {}) => ({
  addresses: new Map<string, string>(),
  summary: {
    endpointId: 1,
    endpointName: 'atlas',
    id: ID,
    name: 'web',
    image: 'web:1',
    imageId: 'sha256:1',
    state: 'running',
    health: 'none',
    status: 'Up 3 minutes',
    exitCode: null,
    stack: 'shop',
    service: 'web',
    createdAt: '2026-11-21T03:04:05.000Z',
    startedAt: null,
    restartCount: 0,
    ports: [],
    networks: [],
    labels: {},
    cpuPercent: null,
    memoryUsedBytes: null,
    memoryLimitBytes: null,
    sampledAt: null,
    ...over,
  } satisfies ContainerSummary,
})

function aState(...containers: ReturnType<typeof listed>[]) {
  let signals = 0
  const state = createFleetState({ maxGapMs: 30_000, onDirty: () => signals++ })
  state.putEndpoint(aRow())
  state.setStatus(1, 'up')
  state.replaceContainers(1, containers)
  state.takeChanges()
  return { state, signals: () => signals }
}

const reading = (cpuPercent: number | null, memoryUsedBytes = 100) => ({
  timeMs: 1_800_000_000_000,
  cpuPercent,
  memoryUsedBytes,
  memoryLimitBytes: 1000,
  memoryPercent: 10,
  netRxBytesPerSecond: null,
  netTxBytesPerSecond: null,
  blockReadBytesPerSecond: null,
  blockWriteBytesPerSecond: null,
  pids: 1,
})

describe('fleet state', () => {
  it('reports only what changed, once', () => {
    const { state } = aState(listed(), listed({ id: ID.replace('c', 'd'), name: 'db' }))
    state.replaceContainers(1, [
      listed({ state: 'paused' }),
      listed({ id: ID.replace('c', 'd'), name: 'db' }),
    ])
    expect(state.takeChanges().upserts.map(({ name, state: now }) => [name, now])).toEqual([
      ['web', 'paused'],
    ])
    expect(state.takeChanges()).toEqual({ upserts: [], removes: [], endpoints: [], removedEndpoints: [] })
  })

  it('takes the passing of time in the status for no change', () => {
    const { state, signals } = aState(listed())
    const before = signals()
    state.replaceContainers(1, [listed({ status: 'Up 4 minutes' })])
    expect(signals()).toBe(before)
    expect(state.containers()[0]?.summary.status).toBe('Up 4 minutes')
  })

  it('reports what is gone, and nothing of an endpoint that is gone', () => {
    const { state } = aState(listed())
    state.replaceContainers(1, [])
    expect(state.takeChanges().removes).toEqual([{ endpointId: 1, id: ID }])
    state.replaceContainers(1, [listed()])
    state.removeEndpoint(1)
    expect(state.takeChanges()).toMatchObject({ upserts: [], removes: [], removedEndpoints: [1] })
  })

  it('removes from a partial list only what was asked for', () => {
    const other = ID.replace('c', 'd')
    const { state } = aState(listed(), listed({ id: other, name: 'db' }))
    state.updateContainers(1, [ID], [])
    expect(state.containers().map(({ summary }) => summary.name)).toEqual(['db'])
  })

  it('keeps values of a running container through a new list, and drops them when it stops', () => {
    const { state } = aState(listed())
    state.applyReading(state.containers()[0]!, reading(12.5))
    state.replaceContainers(1, [listed({ health: 'healthy' })])
    expect(state.containers()[0]?.summary).toMatchObject({ cpuPercent: 12.5, memoryUsedBytes: 100 })
    state.replaceContainers(1, [listed({ state: 'exited', exitCode: 137 })])
    expect(state.heat()).toMatchObject([{ state: 'exited', exitCode: 137 }])
    expect(state.containers()[0]?.summary).toMatchObject({
      cpuPercent: null,
      memoryUsedBytes: null,
      exitCode: 137,
    })
  })

  it('does not report samples as changes', () => {
    const { state, signals } = aState(listed())
    const before = signals()
    state.applyReading(state.containers()[0]!, reading(50))
    expect(signals()).toBe(before)
  })

  it('goes on with the line of a container that was made anew', () => {
    const { state } = aState(listed())
    for (let at = 0; at < 40; at++) state.applyReading(state.containers()[0]!, reading(at))
    const anew = listed({ id: ID.replace('c', 'e') })
    state.replaceContainers(1, [listed(), anew])
    state.replaceContainers(1, [anew])
    state.applyReading(state.containers()[0]!, reading(40))
    const [top] = state.top('cpu', 5)
    expect(top?.spark).toHaveLength(SPARK_POINTS)
    expect(top).toMatchObject({ name: 'web', value: 40, unit: 'percent' })
    expect(state.findContainer(1, 'web')?.summary.id).toBe(anew.summary.id)
  })

  it('leaves endpoints that are down out of the top', () => {
    const { state } = aState(listed())
    state.applyReading(state.containers()[0]!, reading(50))
    state.setStatus(1, 'down', { error: 'away' })
    expect(state.top('cpu', 5)).toEqual([])
  })

  it('finds a container by name, id and unique beginning of the id', () => {
    const { state } = aState(
      listed(),
      listed({ id: `${ID.slice(0, 40)}${'0'.repeat(24)}`, name: 'abcdefabcdef' }),
    )
    expect(state.findContainer(1, 'web')?.summary.name).toBe('web')
    expect(state.findContainer(1, ID)?.summary.name).toBe('web')
    expect(state.findContainer(1, ID.slice(0, 50))?.summary.name).toBe('web')
    expect(state.findContainer(1, ID.slice(0, 12))).toBeUndefined()
    expect(state.findContainer(1, 'abcdefabcdef')?.summary.name).toBe('abcdefabcdef')
    expect(state.findContainer(2, 'web')).toBeUndefined()
  })

  it('follows a renamed container and a renamed endpoint', () => {
    const { state } = aState(listed())
    state.replaceContainers(1, [listed({ name: 'www' })])
    expect(state.findContainer(1, 'web')).toBeUndefined()
    expect(state.findContainer(1, 'www')).toBeDefined()
    state.takeChanges()
    state.putEndpoint(aRow({ name: 'titan' }))
    expect(state.takeChanges().upserts.map(({ endpointName }) => endpointName)).toEqual(['titan'])
  })

  it('counts states, health and stacks', () => {
    const id = (digit: string) => digit + ID.slice(1)
    const { state } = aState(
      listed({ health: 'unhealthy' }),
      listed({ id: id('1'), name: 'a', state: 'restarting' }),
      listed({ id: id('2'), name: 'b', state: 'exited', stack: 'data' }),
      listed({ id: id('3'), name: 'd', state: 'created', stack: null }),
    )
    expect(state.counts()).toMatchObject({
      endpoints: 1,
      endpointsUp: 1,
      containers: 4,
      running: 1,
      restarting: 1,
      stopped: 2,
      unhealthy: 1,
      stacks: 2,
    })
    expect(state.stacks().map(({ name, containers, running }) => [name, containers, running])).toEqual([
      ['data', 1, 0],
      ['shop', 2, 1],
    ])
  })
})
