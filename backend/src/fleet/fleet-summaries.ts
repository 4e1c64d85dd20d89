import type { Endpoint } from './endpoint.schema.ts'
import type { FleetCounts, StackSummary } from './fleet.schema.ts'
import type { EndpointEntry } from './fleet-entries.ts'

/** An endpoint as it is shown: what is stored, and what is known now. */
export function endpointView(entry: EndpointEntry): Endpoint {
  const { row, facts, host } = entry
  return {
    id: row.id,
    parentId: row.parentId,
    kind: row.kind,
    name: row.name,
    url: entry.url,
    enabled: row.enabled,
    allowActions: row.allowActions,
    status: entry.status,
    error: entry.error,
    hint: entry.hint,
    engineVersion: facts?.engineVersion ?? null,
    apiVersion: facts?.apiVersion ?? null,
    os: host?.facts.os ?? facts?.os ?? null,
    arch: host?.facts.arch ?? facts?.arch ?? null,
    cpus: host?.facts.cpus ?? facts?.cpus ?? null,
    memoryBytes: host?.reading?.memoryTotalBytes ?? facts?.memoryBytes ?? null,
    lastSeenAt: entry.lastSeenAtMs === undefined ? null : new Date(entry.lastSeenAtMs).toISOString(),
    containers: entry.containers.size,
    hasTls: row.tlsCa !== null || row.tlsCert !== null || row.tlsKeySealed !== null,
    hasApiKey: row.apiKeySealed !== null,
  }
}

export function countFleet(endpoints: Iterable<EndpointEntry>): FleetCounts {
  const counts: FleetCounts = {
    endpoints: 0,
    endpointsUp: 0,
    hosts: 0,
    containers: 0,
    running: 0,
    stopped: 0,
    unhealthy: 0,
    restarting: 0,
    stacks: 0,
    images: 0,
    networks: 0,
  }
  for (const entry of endpoints) {
    counts.endpoints++
    if (entry.status === 'up') counts.endpointsUp++
    if (entry.row.kind !== 'portainer') counts.hosts++
    counts.images += entry.images.length
    counts.networks += entry.networks.length
    const stacks = new Set<string>()
    for (const { summary } of entry.containers.values()) {
      counts.containers++
      if (summary.state === 'running') counts.running++
      else if (summary.state === 'restarting') counts.restarting++
      else counts.stopped++
      if (summary.health === 'unhealthy') counts.unhealthy++
      if (summary.stack !== null) stacks.add(summary.stack)
    }
    counts.stacks += stacks.size
  }
  return counts
}

/** Containers grouped by the stack that their labels name, per endpoint, by name. */
export function groupStacks(endpoints: Iterable<EndpointEntry>): StackSummary[] {
  const stacks: StackSummary[] = []
  for (const entry of endpoints) {
    const byName = new Map<string, StackSummary>()
    const services = new Map<string, Set<string>>()
    for (const { summary } of entry.containers.values()) {
      if (summary.stack === null) continue
      let stack = byName.get(summary.stack)
      if (!stack) {
        stack = {
          endpointId: entry.row.id,
          endpointName: entry.row.name,
          name: summary.stack,
          services: [],
          containers: 0,
          running: 0,
          unhealthy: 0,
          restarting: 0,
          cpuPercent: null,
          memoryUsedBytes: null,
        }
        byName.set(summary.stack, stack)
        services.set(summary.stack, new Set())
      }
      stack.containers++
      if (summary.state === 'running') stack.running++
      if (summary.state === 'restarting') stack.restarting++
      if (summary.health === 'unhealthy') stack.unhealthy++
      if (summary.service !== null) services.get(summary.stack)?.add(summary.service)
      if (summary.cpuPercent !== null) stack.cpuPercent = (stack.cpuPercent ?? 0) + summary.cpuPercent
      if (summary.memoryUsedBytes !== null) {
        stack.memoryUsedBytes = (stack.memoryUsedBytes ?? 0) + summary.memoryUsedBytes
      }
    }
    for (const [name, stack] of byName) {
      stack.services = [...(services.get(name) ?? [])].sort((a, b) => (a < b ? -1 : 1))
      stacks.push(stack)
    }
  }
  return stacks.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.endpointId - b.endpointId))
}
