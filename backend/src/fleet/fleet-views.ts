import { sumContainers } from './collector.ts'
import type { ImageSummary, NetworkSummary } from './fleet.schema.ts'
import type { EndpointEntry } from './fleet-entries.ts'
import type { HostDetail, HostSummary } from './host.schema.ts'

/** A host as it is shown: this machine from its own readings, others from their engine and containers. */
export function hostSummary(entry: EndpointEntry): HostSummary {
  const { row, facts, host } = entry
  const reading = host?.reading
  const sums = host || entry.status !== 'up' ? undefined : sumContainers(entry)
  let running = 0
  let newest: string | null = null
  for (const { summary } of entry.containers.values()) {
    if (summary.state === 'running') running++
    if (summary.sampledAt !== null && (newest === null || summary.sampledAt > newest))
      newest = summary.sampledAt
  }
  return {
    endpointId: row.id,
    name: row.name,
    kind: row.kind,
    // This machine can be read whatever its engine says.
    status: host && row.enabled ? 'up' : entry.status,
    os: host?.facts.os ?? facts?.os ?? null,
    kernel: host?.facts.kernel ?? facts?.kernel ?? null,
    arch: host?.facts.arch ?? facts?.arch ?? null,
    cpus: host?.facts.cpus ?? facts?.cpus ?? null,
    cpuModel: host?.facts.cpuModel ?? null,
    memoryBytes: reading?.memoryTotalBytes ?? facts?.memoryBytes ?? null,
    uptimeSeconds: reading?.uptimeSeconds ?? null,
    cpuPercent: host ? (reading?.cpuPercent ?? null) : (sums?.cpuPercent ?? null),
    memoryUsedBytes: host ? (reading?.memoryUsedBytes ?? null) : (sums?.memoryUsedBytes ?? null),
    load1: reading?.load?.[0] ?? null,
    containers: entry.containers.size,
    running,
    sampledAt: reading ? new Date(reading.timeMs).toISOString() : newest,
    metricsFrom: host ? 'host' : 'containers',
  }
}

export function hostDetail(entry: EndpointEntry): HostDetail {
  const reading = entry.host?.reading
  const cores = reading ? [...reading.corePercents].sort(([a], [b]) => a - b) : []
  return {
    ...hostSummary(entry),
    engineVersion: entry.facts?.engineVersion ?? null,
    load5: reading?.load?.[1] ?? null,
    load15: reading?.load?.[2] ?? null,
    corePercents: cores.map(([, percent]) => percent),
    memoryAvailableBytes: reading?.memoryAvailableBytes ?? null,
    memoryCachedBytes: reading?.memoryCachedBytes ?? null,
    swapTotalBytes: reading?.swapTotalBytes ?? null,
    swapUsedBytes: reading?.swapUsedBytes ?? null,
    processCount: reading?.processCount ?? null,
    filesystems: reading?.filesystems ?? [],
    disks: reading?.disks ?? [],
    interfaces: reading?.interfaces ?? [],
    temperatures: reading?.temperatures ?? [],
  }
}

/** Images with the number of containers made from each. */
export function imagesOf(entry: EndpointEntry): ImageSummary[] {
  const uses = new Map<string, number>()
  for (const { summary } of entry.containers.values()) {
    uses.set(summary.imageId, (uses.get(summary.imageId) ?? 0) + 1)
  }
  return entry.images.map((image) => ({ ...image, containers: uses.get(image.id) ?? 0 }))
}

/** Networks with the containers on each: the engine's own list leaves them out. */
export function networksOf(entry: EndpointEntry): NetworkSummary[] {
  const members = new Map<string, NetworkSummary['containers']>()
  for (const { summary, addresses } of entry.containers.values()) {
    for (const [network, ip] of addresses) {
      const list = members.get(network) ?? []
      list.push({ id: summary.id, name: summary.name, ip: ip === '' ? null : ip })
      members.set(network, list)
    }
  }
  for (const list of members.values()) list.sort((a, b) => (a.name < b.name ? -1 : 1))
  return entry.networks.map((network) => ({ ...network, containers: members.get(network.name) ?? [] }))
}
