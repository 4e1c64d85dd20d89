import type { Endpoint, FleetEvent, HeatCell, HostSummary } from '../../lib/api/types.ts'
import { containerLook } from '../../ui/fleet-status.tsx'

export type Trouble =
  | { kind: 'endpoint'; key: string; host: HostSummary; since: string | null }
  /** The host is read, its engine does not answer. */
  | { kind: 'engine'; key: string; host: HostSummary; since: string | null }
  | { kind: 'container'; key: string; cell: HeatCell; since: string | null }

/**
 * What is wrong now: endpoints and engines that do not answer, then containers that are dead, unhealthy, restarting or have failed.
 * `since` is the newest event of the subject within the last hour; null when it is older than what the overview knows.
 */
export function findTrouble(
  hosts: readonly HostSummary[],
  heat: readonly HeatCell[],
  changes: readonly FleetEvent[],
  endpoints: readonly Pick<Endpoint, 'id' | 'status' | 'lastSeenAt'>[],
): Trouble[] {
  const newest = new Map<string, string>()
  for (const event of changes) {
    const key = `${event.kind}/${event.endpointId}/${event.subjectName}`
    const known = newest.get(key)
    if (known === undefined || known < event.at) newest.set(key, event.at)
  }
  const hostsDown = hosts
    .filter((host) => host.status === 'down')
    .map(
      (host): Trouble => ({
        kind: 'endpoint',
        key: `endpoint/${host.endpointId}`,
        host,
        since: host.sampledAt,
      }),
    )
  const enginesDown = hosts.flatMap((host): Trouble[] => {
    const engine = endpoints.find(({ id, status }) => id === host.endpointId && status === 'down')
    if (host.status === 'down' || !engine) return []
    return [{ kind: 'engine', key: `engine/${host.endpointId}`, host, since: engine.lastSeenAt }]
  })
  const containers = heat
    .filter((cell) => {
      const { tone } = containerLook(cell.state, cell.health, cell.exitCode)
      return tone === 'critical' || tone === 'warn'
    })
    .map(
      (cell): Trouble => ({
        kind: 'container',
        key: `container/${cell.endpointId}/${cell.id}`,
        cell,
        since: newest.get(`container/${cell.endpointId}/${cell.name}`) ?? null,
      }),
    )
  return [...hostsDown, ...enginesDown, ...containers]
}
