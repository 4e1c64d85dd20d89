import type {
  ContainerDetail,
  ContainerHealth,
  ContainerStateName,
  ContainerSummary,
} from '../container.schema.ts'
import type { ImageSummary, NetworkSummary } from '../fleet.schema.ts'
import { maskArguments, maskRecord, maskText, maskVariable } from '../mask-secrets.ts'
import type { EngineContainer, EngineContainerDetail, EngineImage, EngineNetwork } from './engine-types.ts'

const PROJECT_LABELS = [
  'com.docker.compose.project',
  'com.docker.stack.namespace',
  'io.podman.compose.project',
]
const SERVICE_LABELS = ['com.docker.compose.service', 'com.docker.swarm.service.name']
const states: ReadonlySet<string> = new Set<ContainerStateName>([
  'created',
  'running',
  'paused',
  'restarting',
  'exited',
  'dead',
  'removing',
])
function isState(value: string): value is ContainerStateName {
  return states.has(value)
}

/** What a list answer tells, before an inspection adds `startedAt`, `restartCount` and a certain exit code. */
export function containerFromList(
  container: EngineContainer,
  endpoint: { id: number; name: string },
): ContainerSummary {
  return {
    endpointId: endpoint.id,
    endpointName: endpoint.name,
    id: container.Id,
    name: containerName(container.Names, container.Id),
    image: container.Image,
    imageId: container.ImageID,
    state: stateName(container.State),
    health: healthOfStatus(container.Status),
    status: container.Status,
    exitCode: exitCodeOfStatus(container.Status),
    stack: firstLabel(container.Labels, PROJECT_LABELS),
    service: firstLabel(container.Labels, SERVICE_LABELS),
    createdAt: new Date(container.Created * 1000).toISOString(),
    startedAt: null,
    restartCount: 0,
    ports: ports(container.Ports),
    networks: Object.keys(container.NetworkSettings?.Networks ?? {}).sort(byText),
    labels: maskRecord(container.Labels),
    cpuPercent: null,
    memoryUsedBytes: null,
    memoryLimitBytes: null,
    sampledAt: null,
  }
}

/** Adds what only an inspection tells. The list stays the source of `status`, ports and names. */
export function withInspection(summary: ContainerSummary, detail: EngineContainerDetail): ContainerSummary {
  const state = stateName(detail.State.Status)
  const ended = state === 'exited' || state === 'dead' || state === 'restarting'
  return {
    ...summary,
    state,
    health: healthName(detail.State.Health?.Status),
    exitCode: ended ? detail.State.ExitCode : null,
    createdAt: isoOrNull(detail.Created) ?? summary.createdAt,
    startedAt: isoOrNull(detail.State.StartedAt),
    restartCount: detail.RestartCount,
  }
}

/** The whole configuration of a container for people: secrets in variables, labels and arguments masked. */
export function containerDetail(
  summary: ContainerSummary,
  detail: EngineContainerDetail,
  isProtected: boolean,
): ContainerDetail {
  const { HostConfig: host, Config: config, State: state } = detail
  const health = config.Healthcheck
  return {
    ...withInspection(summary, detail),
    labels: maskRecord(config.Labels),
    command: maskArguments(config.Cmd),
    entrypoint: maskArguments(config.Entrypoint),
    workingDir: config.WorkingDir,
    user: config.User,
    hostname: config.Hostname,
    env: config.Env.map(maskVariable),
    mounts: detail.Mounts.map((mount) => ({
      type: mount.Type,
      source: maskText(mount.Type === 'volume' ? mount.Name || mount.Source : mount.Source),
      destination: mount.Destination,
      mode: mount.Mode,
      rw: mount.RW,
    })),
    networkSettings: Object.entries(detail.NetworkSettings?.Networks ?? {})
      .map(([name, network]) => ({
        name,
        ip: textOrNull(network?.IPAddress),
        gateway: textOrNull(network?.Gateway),
        mac: textOrNull(network?.MacAddress),
        aliases: network?.Aliases ?? [],
      }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    restartPolicy: restartPolicy(host.RestartPolicy),
    limits: {
      cpus: cpuLimit(host),
      memoryBytes: host.Memory > 0 ? host.Memory : null,
      pids:
        host.PidsLimit !== null && host.PidsLimit !== undefined && host.PidsLimit > 0 ? host.PidsLimit : null,
    },
    privileged: host.Privileged,
    capAdd: host.CapAdd,
    healthcheck:
      health && health.Test.length > 0 && health.Test[0] !== 'NONE'
        ? {
            test: maskArguments(health.Test),
            intervalMs: health.Interval / 1e6,
            retries: health.Retries,
            log: (state.Health?.Log ?? []).map((entry) => ({
              at: isoOrNull(entry.Start) ?? summary.createdAt,
              exitCode: entry.ExitCode,
              output: maskText(entry.Output.slice(0, 4096)),
            })),
          }
        : null,
    finishedAt: isoOrNull(state.FinishedAt),
    oomKilled: state.OOMKilled,
    error: maskText(state.Error),
    logDriver: host.LogConfig?.Type ?? '',
    tty: config.Tty,
    protected: isProtected,
  }
}

export function imageSummary(image: EngineImage, endpoint: { id: number; name: string }): ImageSummary {
  const tags = image.RepoTags.filter((tag) => tag !== '<none>:<none>')
  return {
    endpointId: endpoint.id,
    endpointName: endpoint.name,
    id: image.Id,
    tags,
    digests: image.RepoDigests.filter((digest) => !digest.startsWith('<none>')),
    sizeBytes: Math.max(0, image.Size),
    createdAt: new Date(image.Created * 1000).toISOString(),
    containers: 0,
    dangling: tags.length === 0,
  }
}

export function networkSummary(
  network: EngineNetwork,
  endpoint: { id: number; name: string },
): NetworkSummary {
  return {
    endpointId: endpoint.id,
    endpointName: endpoint.name,
    id: network.Id,
    name: network.Name,
    driver: network.Driver,
    scope: network.Scope,
    internal: network.Internal,
    attachable: network.Attachable,
    ipv6: network.EnableIPv6,
    subnets: (network.IPAM?.Config ?? [])
      .filter((entry) => entry.Subnet !== '')
      .map((entry) => ({ subnet: entry.Subnet, gateway: textOrNull(entry.Gateway) })),
    stack: firstLabel(network.Labels, PROJECT_LABELS),
    createdAt: isoOrNull(network.Created) ?? new Date(0).toISOString(),
    containers: [],
  }
}

/** The Compose project (or Swarm stack) that the labels name. */
export function stackOfLabels(labels: Readonly<Record<string, string>>): string | null {
  return firstLabel(labels, PROJECT_LABELS)
}

/** An engine's timestamp with the precision of milliseconds; null for the zero time. */
export function isoOrNull(value: string): string | null {
  const time = Date.parse(value)
  // Go writes a time that never was as the year 1.
  return Number.isNaN(time) || time <= 0 ? null : new Date(time).toISOString()
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function containerName(names: readonly string[], id: string): string {
  // Links add names with a second slash (/web/db); the container's own has one.
  const own = names.find((name) => name.lastIndexOf('/') <= 0) ?? names[0]
  return own === undefined ? id.slice(0, 12) : own.replace(/^\//, '')
}

function stateName(value: string): ContainerStateName {
  const state = value.toLowerCase()
  if (isState(state)) return state
  // Podman's words.
  if (state === 'configured' || state === 'initialized') return 'created'
  if (state === 'stopped' || state === 'stopping') return 'exited'
  return 'dead'
}

function healthName(value: string | undefined): ContainerHealth {
  return value === 'healthy' || value === 'unhealthy' || value === 'starting' ? value : 'none'
}

function healthOfStatus(status: string): ContainerHealth {
  if (status.endsWith('(healthy)')) return 'healthy'
  if (status.endsWith('(unhealthy)')) return 'unhealthy'
  return status.endsWith('(health: starting)') ? 'starting' : 'none'
}

function exitCodeOfStatus(status: string): number | null {
  const code = /^(?:Exited|Restarting|Dead) \((-?\d+)\)/.exec(status)?.[1]
  return code === undefined ? null : Number(code)
}

function firstLabel(labels: Readonly<Record<string, string>>, names: readonly string[]): string | null {
  for (const name of names) {
    const value = labels[name]
    if (value !== undefined && value !== '') return value
  }
  return null
}

function ports(list: EngineContainer['Ports']): ContainerSummary['ports'] {
  return list
    .map((port) => ({
      ip: textOrNull(port.IP),
      private: port.PrivatePort,
      public: port.PublicPort ?? null,
      type: port.Type || 'tcp',
    }))
    .sort(
      (a, b) =>
        a.private - b.private || (a.public ?? 0) - (b.public ?? 0) || (a.ip ?? '').localeCompare(b.ip ?? ''),
    )
}

function cpuLimit(host: EngineContainerDetail['HostConfig']): number | null {
  if (host.NanoCpus > 0) return host.NanoCpus / 1e9
  return host.CpuQuota > 0 ? host.CpuQuota / (host.CpuPeriod > 0 ? host.CpuPeriod : 100_000) : null
}

function restartPolicy(policy: EngineContainerDetail['HostConfig']['RestartPolicy']): string {
  if (!policy || policy.Name === '') return 'no'
  return policy.Name === 'on-failure' && policy.MaximumRetryCount > 0
    ? `on-failure:${policy.MaximumRetryCount}`
    : policy.Name
}

function textOrNull(value: string | null | undefined): string | null {
  return value === undefined || value === null || value === '' ? null : value
}
