import type { FleetChanges, FleetCounts, FleetOverview, HeatCell } from '../../lib/api/types.ts'

const STOPPED = new Set(['created', 'exited', 'dead'])

/** The part of the overview that is about one endpoint. Images and networks are counted only for the fleet: null. */
export interface OverviewCounts extends Omit<FleetCounts, 'images' | 'networks'> {
  images: number | null
  networks: number | null
}

export interface ShownOverview extends Omit<FleetOverview, 'counts'> {
  counts: OverviewCounts
}

export function filterOverview(overview: FleetOverview, endpointId: number | undefined): ShownOverview {
  if (endpointId === undefined) return overview
  const isHere = (item: { endpointId: number }) => item.endpointId === endpointId
  const heat = overview.heat.filter(isHere)
  const hosts = overview.hosts.filter(isHere)
  const count = (matches: (cell: HeatCell) => boolean) => heat.filter(matches).length
  return {
    ...overview,
    hosts,
    heat,
    top: { cpu: overview.top.cpu.filter(isHere), memory: overview.top.memory.filter(isHere) },
    changes: overview.changes.filter(isHere),
    counts: {
      endpoints: 1,
      endpointsUp: hosts.some((host) => host.status === 'up') ? 1 : 0,
      hosts: hosts.length,
      containers: heat.length,
      running: count((cell) => cell.state === 'running'),
      stopped: count((cell) => STOPPED.has(cell.state)),
      unhealthy: count((cell) => cell.health === 'unhealthy'),
      restarting: count((cell) => cell.state === 'restarting'),
      stacks: new Set(heat.flatMap((cell) => cell.stack ?? [])).size,
      images: null,
      networks: null,
    },
  }
}

/** The overview after a live batch: counts and cells are replaced, everything else stays the same object. */
export function applyChanges(overview: FleetOverview, changes: FleetChanges): FleetOverview {
  const keyOf = (item: { endpointId: number; id: string }) => `${item.endpointId}/${item.id}`
  const removed = new Set(changes.removes.map(keyOf))
  const fresh = new Map(
    changes.upserts.map(({ endpointId, id, name, stack, state, health, exitCode }) => [
      keyOf({ endpointId, id }),
      { endpointId, id, name, stack, state, health, exitCode },
    ]),
  )
  if (removed.size === 0 && fresh.size === 0) return { ...overview, counts: changes.counts }
  const known = new Set(overview.heat.map(keyOf))
  const heat = overview.heat
    .filter((cell) => !removed.has(keyOf(cell)))
    .map((cell) => fresh.get(keyOf(cell)) ?? cell)
  const added = [...fresh].filter(([key]) => !known.has(key) && !removed.has(key)).map(([, cell]) => cell)
  return { ...overview, counts: changes.counts, heat: [...heat, ...added] }
}
