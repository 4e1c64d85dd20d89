import { describe, expect, it } from 'vitest'
import { aContainer } from '../../../test/fleet.ts'
import type {
  ContainerSummary,
  FleetChanges,
  FleetEvent,
  FleetOverview,
  HeatCell,
  HostSummary,
} from '../../lib/api/types.ts'
import { findTrouble } from './attention.ts'
import { applyChanges, filterOverview } from './filter-overview.ts'
import { groupHeat } from './heat-groups.ts'

const aCell = (part: Partial<HeatCell> = {}): HeatCell => ({
  endpointId: 1,
  id: 'a'.repeat(12),
  name: 'web',
  stack: null,
  state: 'running',
  health: 'none',
  exitCode: null,
  ...part,
})

const aHost = (part: Partial<HostSummary> = {}): HostSummary => ({
  endpointId: 1,
  name: 'nas',
  kind: 'docker',
  status: 'up',
  os: null,
  kernel: null,
  arch: null,
  cpus: null,
  cpuModel: null,
  memoryBytes: null,
  uptimeSeconds: null,
  cpuPercent: null,
  memoryUsedBytes: null,
  load1: null,
  containers: 0,
  running: 0,
  sampledAt: null,
  metricsFrom: 'host',
  ...part,
})

const anEvent = (part: Partial<FleetEvent> = {}): FleetEvent => ({
  id: 1,
  at: '2026-11-21T03:00:00.000Z',
  endpointId: 1,
  kind: 'container',
  action: 'die',
  subjectId: 'a',
  subjectName: 'web',
  stack: null,
  attributes: {},
  ...part,
})

const counts = {
  endpoints: 2,
  endpointsUp: 2,
  hosts: 2,
  containers: 3,
  running: 3,
  stopped: 0,
  unhealthy: 0,
  restarting: 0,
  stacks: 1,
  images: 9,
  networks: 4,
}

const anOverview = (part: Partial<FleetOverview> = {}): FleetOverview => ({
  generatedAt: '2026-11-21T03:00:00.000Z',
  counts,
  hosts: [aHost(), aHost({ endpointId: 2, name: 'pi' })],
  top: { cpu: [], memory: [] },
  changes: [],
  heat: [aCell(), aCell({ endpointId: 2, id: 'b', state: 'exited', stack: 'blog' })],
  ...part,
})

/** Only what the overview reads of a container. */
const anUpsert = (cell: HeatCell): ContainerSummary => aContainer({ ...cell, endpointName: '' })

const someChanges = (part: Partial<FleetChanges>): FleetChanges => ({
  seq: 1,
  upserts: [],
  removes: [],
  endpoints: [],
  removedEndpoints: [],
  counts,
  ...part,
})

describe('filterOverview', () => {
  it('counts what one endpoint has and leaves out what only the fleet knows', () => {
    const shown = filterOverview(anOverview(), 2)
    expect(shown.counts).toMatchObject({ containers: 1, running: 0, stopped: 1, stacks: 1, images: null })
    expect(shown.hosts.map((host) => host.name)).toEqual(['pi'])
  })

  it('is the whole fleet without an endpoint', () => {
    const overview = anOverview()
    expect(filterOverview(overview, undefined)).toBe(overview)
  })
})

describe('applyChanges', () => {
  it('replaces, adds and removes single cells and keeps the others as they are', () => {
    const before = anOverview()
    const after = applyChanges(
      before,
      someChanges({
        upserts: [
          anUpsert(aCell({ state: 'exited', exitCode: 3 })),
          anUpsert(aCell({ id: 'c', name: 'new' })),
        ],
        removes: [{ endpointId: 2, id: 'b' }],
      }),
    )
    expect(after.heat).toEqual([aCell({ state: 'exited', exitCode: 3 }), aCell({ id: 'c', name: 'new' })])
    expect(after.hosts).toBe(before.hosts)
  })

  it('keeps the cells when only counts changed', () => {
    const before = anOverview()
    expect(applyChanges(before, someChanges({})).heat).toBe(before.heat)
  })
})

describe('groupHeat', () => {
  it('orders by names only, so that a change of state moves nothing', () => {
    const cells = [
      aCell({ id: '1', name: 'web-10', stack: 'shop' }),
      aCell({ id: '2', name: 'web-2', stack: 'shop' }),
      aCell({ id: '3', name: 'lonely' }),
      aCell({ id: '4', name: 'db', stack: 'blog' }),
    ]
    const names = groupHeat(cells).map((group) => [group.stack, group.cells.map((cell) => cell.name)])
    expect(names).toEqual([
      ['blog', ['db']],
      ['shop', ['web-2', 'web-10']],
      [null, ['lonely']],
    ])
  })

  it('keeps stacks of the same name on two endpoints apart', () => {
    expect(groupHeat([aCell({ stack: 's' }), aCell({ stack: 's', endpointId: 2 })])).toHaveLength(2)
  })
})

describe('findTrouble', () => {
  it('lists endpoints first and dates containers by their newest event', () => {
    const trouble = findTrouble(
      [aHost({ status: 'down', sampledAt: '2026-11-21T02:00:00.000Z' })],
      [aCell({ state: 'restarting' }), aCell({ id: 'c', name: 'ok' })],
      [anEvent({ at: '2026-11-21T02:59:00.000Z' }), anEvent(), anEvent({ subjectName: 'ok' })],
      [],
    )
    expect(trouble.map((each) => [each.kind, each.since])).toEqual([
      ['endpoint', '2026-11-21T02:00:00.000Z'],
      ['container', '2026-11-21T03:00:00.000Z'],
    ])
  })

  it('lists an engine that does not answer on a host that is read', () => {
    const engines = [{ id: 1, status: 'down', lastSeenAt: null } as const]
    const kinds = (host: HostSummary) => findTrouble([host], [], [], engines).map(({ kind }) => kind)
    expect(kinds(aHost())).toEqual(['engine'])
    expect(kinds(aHost({ status: 'down' }))).toEqual(['endpoint'])
    expect(kinds(aHost({ endpointId: 2 }))).toEqual([])
  })

  it('says nothing of containers that were stopped or are starting', () => {
    const stopped = [0, 143, null].map((exitCode) => aCell({ state: 'exited', exitCode }))
    const calm = [...stopped, aCell({ health: 'starting' })]
    expect(findTrouble([], calm, [], [])).toEqual([])
  })

  it('lists what ended with an error', () => {
    expect(findTrouble([], [aCell({ state: 'exited', exitCode: 1 })], [], [])).toHaveLength(1)
  })
})
