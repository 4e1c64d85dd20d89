export type Role = 'viewer' | 'operator' | 'admin'

export interface User {
  id: string
  username: string
  role: Role
  createdAt: string
  updatedAt: string
  defaultLandingPage: string
}

export interface AuthState {
  setupRequired: boolean
  /** No admin exists yet and the server listens on loopback only: the overview is readable without signing in. */
  preview: boolean
  version: string
  /** The admin's name for this installation. */
  instanceName: string
  user: User | null
}

export interface Session {
  id: string
  current: boolean
  userAgent: string | null
  ipAddress: string | null
  createdAt: string
  lastActiveAt: string
  expiresAt: string
}

export type TokenScope = 'read' | 'write' | 'admin' | 'metrics'

export interface ApiToken {
  id: string
  userId: string
  username: string
  name: string
  scopes: TokenScope[]
  createdAt: string
  lastUsedAt: string | null
  expiresAt: string | null
}

export interface Setting {
  key: string
  value: unknown
  default: unknown
  /** false: the default is in force. */
  isSet: boolean
  type: 'number' | 'boolean' | 'string' | 'json' | 'secret'
  group: string
  label: string
  help: string
  min?: number
  max?: number
  unit?: string
  updatedAt: string | null
}

export interface AuditEntry {
  id: string
  at: string
  userId: string | null
  username: string | null
  action: string
  targetType: string | null
  targetId: string | null
  details: unknown
  ipAddress: string | null
  requestId: string | null
}

export interface StoreStatus {
  name: 'sqlite' | 'postgres'
  version: string | null
  timescaleVersion: string | null
  reachable: boolean
  sizeBytes: number | null
  reason: string | null
}

export interface DomainStatus {
  domain: string
  title: string
  phase: number
  placement: 'sqlite' | 'postgres'
  epoch: number
  available: boolean
  reason: string | null
  tables: { name: string; rows?: number; sizeBytes?: number }[]
  retentionDays: number | null
}

export interface SystemStatus {
  version: string
  node: string
  uptimeSeconds: number
  rssBytes: number
  eventLoopDelayP99Ms: number
  startedAt: string
  liveConnections: number
  stores: StoreStatus[]
  domains: DomainStatus[]
  collector: {
    endpoints: number
    containers: number
    lastSampleAgeMs: number | null
    droppedSamples: number
    queueLength: number
  }
}

export interface Ready {
  status: string
  checks: Record<string, { status: string; error?: string; reason?: string }>
}

export type EndpointKind = 'local' | 'docker' | 'portainer'
export type EndpointStatus = 'up' | 'down' | 'connecting' | 'disabled'

export interface Endpoint {
  id: number
  parentId: number | null
  kind: EndpointKind
  name: string
  url: string | null
  enabled: boolean
  allowActions: boolean
  status: EndpointStatus
  error: string | null
  hint: string | null
  engineVersion: string | null
  apiVersion: string | null
  os: string | null
  arch: string | null
  cpus: number | null
  memoryBytes: number | null
  lastSeenAt: string | null
  containers: number | null
  hasTls: boolean
  hasApiKey: boolean
}

export interface EndpointInput {
  kind: 'docker' | 'portainer'
  name: string
  url: string
  tls?: { ca?: string; cert?: string; key?: string; verify: boolean }
  apiKey?: string
  allowActions?: boolean
}

export interface EndpointPatch {
  name?: string
  url?: string
  enabled?: boolean
  allowActions?: boolean
  tls?: { ca?: string; cert?: string; key?: string; verify: boolean } | null
  apiKey?: string | null
}

export interface EndpointTest {
  ok: boolean
  message: string
  hint?: string
  engineVersion?: string
  environments?: { id: number; name: string }[]
}

export interface HostSummary {
  endpointId: number
  name: string
  kind: EndpointKind
  status: EndpointStatus
  os: string | null
  kernel: string | null
  arch: string | null
  cpus: number | null
  cpuModel: string | null
  memoryBytes: number | null
  uptimeSeconds: number | null
  cpuPercent: number | null
  memoryUsedBytes: number | null
  load1: number | null
  containers: number
  running: number
  sampledAt: string | null
  /** `containers`: the host itself cannot be read, values are the sum over its containers */
  metricsFrom: 'host' | 'containers'
}

export interface FileSystem {
  mount: string
  device: string
  type: string
  totalBytes: number
  usedBytes: number
  availableBytes: number
}

export interface HostDetail extends HostSummary {
  engineVersion: string | null
  load5: number | null
  load15: number | null
  corePercents: number[]
  memoryAvailableBytes: number | null
  memoryCachedBytes: number | null
  swapTotalBytes: number | null
  swapUsedBytes: number | null
  processCount: number | null
  filesystems: FileSystem[]
  disks: {
    device: string
    readBytesPerSecond: number | null
    writeBytesPerSecond: number | null
    busyPercent: number | null
  }[]
  interfaces: {
    name: string
    kind: 'physical' | 'virtual'
    up: boolean
    speedMbit: number | null
    mac: string | null
    rxBytesPerSecond: number | null
    txBytesPerSecond: number | null
  }[]
  temperatures: { sensor: string; celsius: number }[]
}

export interface HostProcess {
  pid: number
  parentPid: number
  user: string
  name: string
  command: string
  state: string
  /** 100 per core; null at the first reading */
  cpuPercent: number | null
  memoryBytes: number
  startedAt: string | null
}

export interface ContainerProcesses {
  titles: string[]
  /** one value per title */
  rows: string[][]
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing'
export type ContainerHealth = 'healthy' | 'unhealthy' | 'starting' | 'none'

export interface ContainerPort {
  ip: string | null
  private: number
  public: number | null
  type: string
}

export interface ContainerSummary {
  endpointId: number
  endpointName: string
  id: string
  name: string
  image: string
  imageId: string
  state: ContainerState
  health: ContainerHealth
  status: string
  exitCode: number | null
  stack: string | null
  service: string | null
  createdAt: string
  startedAt: string | null
  restartCount: number
  ports: ContainerPort[]
  networks: string[]
  labels: Record<string, string>
  cpuPercent: number | null
  memoryUsedBytes: number | null
  memoryLimitBytes: number | null
  sampledAt: string | null
}

export interface ContainerDetail extends ContainerSummary {
  command: string[]
  entrypoint: string[]
  workingDir: string
  user: string
  hostname: string
  env: { name: string; value: string; masked: boolean }[]
  mounts: { type: string; source: string; destination: string; mode: string; rw: boolean }[]
  networkSettings: {
    name: string
    ip: string | null
    gateway: string | null
    mac: string | null
    aliases: string[]
  }[]
  restartPolicy: string
  limits: { cpus: number | null; memoryBytes: number | null; pids: number | null }
  privileged: boolean
  capAdd: string[]
  healthcheck: {
    test: string[]
    intervalMs: number
    retries: number
    log: { at: string; exitCode: number; output: string }[]
  } | null
  finishedAt: string | null
  oomKilled: boolean
  error: string
  logDriver: string
  tty: boolean
  /** the container this product runs in: actions are refused */
  protected: boolean
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

export interface LogLine {
  /** ISO 8601 UTC with nanoseconds; null when the engine gave none */
  at: string | null
  stream: 'stdout' | 'stderr'
  /** As the container wrote it, ANSI sequences included. */
  text: string
  level: LogLevel | null
  seq: number
  truncated?: boolean
}

export interface LogPage {
  lines: LogLine[]
  scanned: number
  truncated: boolean
}

export interface StackSummary {
  endpointId: number
  endpointName: string
  name: string
  services: string[]
  containers: number
  running: number
  unhealthy: number
  restarting: number
  cpuPercent: number | null
  memoryUsedBytes: number | null
}

export interface ImageSummary {
  endpointId: number
  endpointName: string
  id: string
  tags: string[]
  digests: string[]
  sizeBytes: number
  createdAt: string
  /** made from it, stopped ones included */
  containers: number
  dangling: boolean
}

export interface NetworkSummary {
  endpointId: number
  endpointName: string
  id: string
  name: string
  driver: string
  scope: string
  internal: boolean
  attachable: boolean
  ipv6: boolean
  subnets: { subnet: string; gateway: string | null }[]
  stack: string | null
  createdAt: string
  containers: { id: string; name: string; ip: string | null }[]
}

export interface FleetEvent {
  id: number
  at: string
  endpointId: number
  kind: 'container' | 'image' | 'network' | 'endpoint'
  action: string
  subjectId: string
  subjectName: string
  stack: string | null
  attributes: Record<string, string>
}

export interface FleetCounts {
  endpoints: number
  endpointsUp: number
  hosts: number
  containers: number
  running: number
  stopped: number
  unhealthy: number
  restarting: number
  stacks: number
  images: number
  networks: number
}

export interface TopItem {
  endpointId: number
  name: string
  stack: string | null
  value: number
  unit: string
  spark: number[]
}

export interface HeatCell {
  endpointId: number
  id: string
  name: string
  stack: string | null
  state: ContainerState
  health: ContainerHealth
}

export interface FleetOverview {
  generatedAt: string
  counts: FleetCounts
  hosts: HostSummary[]
  top: { cpu: TopItem[]; memory: TopItem[] }
  changes: FleetEvent[]
  heat: HeatCell[]
}

export type Resolution = 'raw' | '1m' | '5m' | '1h' | '1d'

export interface RangeSeries {
  metric: string
  instance: string
  unit: string
  times: number[]
  mean: (number | null)[]
  min?: (number | null)[]
  max?: (number | null)[]
}

export interface RangeResult {
  resolution: Resolution
  stepMs: number
  series: RangeSeries[]
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** What `/live` sends. */
export interface FleetChanges {
  seq: number
  upserts: ContainerSummary[]
  removes: { endpointId: number; id: string }[]
  endpoints: Endpoint[]
  removedEndpoints: number[]
  counts: FleetCounts
}

/** Newest values of every container, once a collection cycle. */
export interface FleetSamples {
  at: string
  rows: [endpointId: number, name: string, cpuPercent: number | null, memoryUsedBytes: number | null][]
}

export interface LiveSample {
  endpointId: number
  subject: 'host' | 'container'
  name: string
  timeMs: number
  /** Keyed `metric` or `metric[instance]`. */
  values: Record<string, number>
}

export interface LogLines {
  endpointId: number
  name: string
  lines: LogLine[]
  dropped: number
}
