import { z } from 'zod'

const timestamp = z.string().meta({ description: 'ISO 8601 UTC', example: '2026-11-21T03:04:05.123Z' })
const bytes = z.number().nonnegative()
const count = z.int().nonnegative()
const endpointId = z.int().positive()

/** A page of a list: `nextCursor` is opaque and null on the last page. */
function pageOf<T extends z.ZodType>(item: T, id: string) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id })
}

// ---- endpoints ----

export const EndpointKind = z.enum(['local', 'docker', 'portainer']).meta({ id: 'EndpointKind' })
export const EndpointStatus = z
  .enum(['up', 'down', 'connecting', 'disabled'])
  .meta({ id: 'EndpointStatus', description: 'down: `error` and `hint` say why and what to do' })

export const Endpoint = z
  .object({
    id: endpointId,
    parentId: endpointId.nullable().meta({ description: 'The Portainer server this environment belongs to' }),
    kind: EndpointKind,
    name: z.string(),
    url: z.string().nullable().meta({ description: 'null for this machine when no engine was found' }),
    enabled: z.boolean(),
    allowActions: z.boolean(),
    status: EndpointStatus,
    error: z.string().nullable(),
    hint: z.string().nullable(),
    engineVersion: z.string().nullable(),
    apiVersion: z.string().nullable(),
    os: z.string().nullable(),
    arch: z.string().nullable(),
    cpus: count.nullable(),
    memoryBytes: bytes.nullable(),
    lastSeenAt: timestamp.nullable(),
    containers: count,
    hasTls: z.boolean(),
    hasApiKey: z.boolean(),
  })
  .meta({ id: 'Endpoint' })

const EndpointTls = z
  .object({
    ca: z.string().max(65_536).optional().meta({ description: 'PEM; the system store when left out' }),
    cert: z.string().max(65_536).optional(),
    key: z.string().max(65_536).optional(),
    verify: z.boolean().default(true),
  })
  .strict()
  .meta({ id: 'EndpointTls' })

const endpointName = z.string().trim().min(1).max(100)
const endpointUrl = z.string().trim().min(1).max(2048).meta({
  description: 'unix:///path, tcp://host:port, http://host:port or https://host:port',
  example: 'tcp://10.0.0.5:2376',
})

export const EndpointInput = z
  .object({
    kind: z.enum(['docker', 'portainer']),
    name: endpointName,
    url: endpointUrl,
    tls: EndpointTls.optional(),
    apiKey: z.string().min(1).max(4096).optional(),
    allowActions: z.boolean().default(false),
  })
  .strict()
  .meta({ id: 'EndpointInput' })

export const EndpointPatch = z
  .object({
    name: endpointName.optional(),
    url: endpointUrl.optional(),
    enabled: z.boolean().optional(),
    allowActions: z.boolean().optional(),
    tls: EndpointTls.nullable().optional().meta({ description: 'null removes it' }),
    apiKey: z.string().min(1).max(4096).nullable().optional(),
  })
  .strict()
  .meta({ id: 'EndpointPatch' })

export const EndpointTestResult = z
  .object({
    ok: z.boolean(),
    message: z.string(),
    hint: z.string().optional(),
    engineVersion: z.string().optional(),
    environments: z.array(z.object({ id: z.int(), name: z.string() })).optional(),
  })
  .meta({ id: 'EndpointTestResult' })

export const EndpointPage = pageOf(Endpoint, 'EndpointPage')

// ---- hosts ----

export const HostSummary = z
  .object({
    endpointId,
    name: z.string(),
    kind: EndpointKind,
    status: EndpointStatus,
    os: z.string().nullable(),
    kernel: z.string().nullable(),
    arch: z.string().nullable(),
    cpus: count.nullable(),
    cpuModel: z.string().nullable(),
    memoryBytes: bytes.nullable(),
    uptimeSeconds: z.number().nullable(),
    cpuPercent: z.number().nullable().meta({ description: '0–100 of all cores' }),
    memoryUsedBytes: bytes.nullable(),
    load1: z.number().nullable(),
    containers: count,
    running: count,
    sampledAt: timestamp.nullable(),
    metricsFrom: z.enum(['host', 'containers']).meta({
      description: 'containers: the host itself cannot be read, values are the sum over its containers',
    }),
  })
  .meta({ id: 'HostSummary' })
export const HostPage = pageOf(HostSummary, 'HostPage')

export const FileSystem = z
  .object({
    mount: z.string(),
    device: z.string(),
    type: z.string(),
    totalBytes: bytes,
    usedBytes: bytes,
    availableBytes: bytes,
  })
  .meta({ id: 'FileSystem' })

export const Disk = z
  .object({
    device: z.string(),
    readBytesPerSecond: z.number().nullable(),
    writeBytesPerSecond: z.number().nullable(),
    busyPercent: z.number().nullable(),
  })
  .meta({ id: 'Disk' })

export const NetworkInterface = z
  .object({
    name: z.string(),
    kind: z.enum(['physical', 'virtual']),
    up: z.boolean(),
    speedMbit: z.number().nullable(),
    mac: z.string().nullable(),
    rxBytesPerSecond: z.number().nullable(),
    txBytesPerSecond: z.number().nullable(),
  })
  .meta({ id: 'NetworkInterface' })

export const Temperature = z.object({ sensor: z.string(), celsius: z.number() }).meta({ id: 'Temperature' })

export const HostDetail = HostSummary.extend({
  engineVersion: z.string().nullable(),
  load5: z.number().nullable(),
  load15: z.number().nullable(),
  corePercents: z.array(z.number()).meta({ description: 'Per core, in order; empty when not known' }),
  memoryAvailableBytes: bytes.nullable(),
  memoryCachedBytes: bytes.nullable(),
  swapTotalBytes: bytes.nullable(),
  swapUsedBytes: bytes.nullable(),
  processCount: count.nullable(),
  filesystems: z.array(FileSystem),
  disks: z.array(Disk),
  interfaces: z.array(NetworkInterface),
  temperatures: z.array(Temperature),
}).meta({ id: 'HostDetail' })

export const HostProcess = z
  .object({
    pid: z.int(),
    parentPid: z.int(),
    user: z.string(),
    name: z.string(),
    command: z.string().meta({ description: 'Arguments with secrets masked' }),
    state: z.string(),
    cpuPercent: z.number().nullable().meta({ description: '100 per core; null at the first reading' }),
    memoryBytes: bytes,
    startedAt: timestamp.nullable(),
  })
  .meta({ id: 'HostProcess' })
export const HostProcesses = z
  .object({ items: z.array(HostProcess), total: count, sampledAt: timestamp })
  .meta({ id: 'HostProcesses' })

// ---- containers ----

export const ContainerStateName = z
  .enum(['created', 'running', 'paused', 'restarting', 'exited', 'dead', 'removing'])
  .meta({ id: 'ContainerState' })
export const ContainerHealth = z
  .enum(['healthy', 'unhealthy', 'starting', 'none'])
  .meta({ id: 'ContainerHealth' })

const PortMapping = z
  .object({
    ip: z.string().nullable(),
    private: z.int(),
    public: z.int().nullable(),
    type: z.string().meta({ description: 'tcp, udp or sctp' }),
  })
  .meta({ id: 'PortMapping' })

export const ContainerSummary = z
  .object({
    endpointId,
    endpointName: z.string(),
    id: z.string(),
    name: z.string(),
    image: z.string(),
    imageId: z.string(),
    state: ContainerStateName,
    health: ContainerHealth,
    status: z.string().meta({ description: "The engine's words, e.g. `Up 3 hours (healthy)`" }),
    exitCode: z.int().nullable(),
    stack: z.string().nullable(),
    service: z.string().nullable(),
    createdAt: timestamp,
    startedAt: timestamp.nullable(),
    restartCount: count,
    ports: z.array(PortMapping),
    networks: z.array(z.string()),
    labels: z.record(z.string(), z.string()).meta({ description: 'Secrets masked' }),
    cpuPercent: z.number().nullable().meta({ description: '100 per core, as `docker stats` gives it' }),
    memoryUsedBytes: bytes.nullable().meta({ description: 'Without page cache' }),
    memoryLimitBytes: bytes.nullable().meta({ description: "The host's memory when no limit is set" }),
    sampledAt: timestamp.nullable(),
  })
  .meta({ id: 'ContainerSummary' })
export const ContainerPage = z
  .object({ items: z.array(ContainerSummary), nextCursor: z.string().nullable(), total: count })
  .meta({ id: 'ContainerPage' })

const EnvironmentVariable = z
  .object({ name: z.string(), value: z.string(), masked: z.boolean() })
  .meta({ id: 'EnvironmentVariable' })

const ContainerMount = z
  .object({
    type: z.string(),
    source: z.string(),
    destination: z.string(),
    mode: z.string(),
    rw: z.boolean(),
  })
  .meta({ id: 'ContainerMount' })

const ContainerNetwork = z
  .object({
    name: z.string(),
    ip: z.string().nullable(),
    gateway: z.string().nullable(),
    mac: z.string().nullable(),
    aliases: z.array(z.string()),
  })
  .meta({ id: 'ContainerNetwork' })

const ContainerHealthcheck = z
  .object({
    test: z.array(z.string()),
    intervalMs: z.number(),
    retries: count,
    log: z.array(z.object({ at: timestamp, exitCode: z.int(), output: z.string() })),
  })
  .meta({ id: 'ContainerHealthcheck' })

export const ContainerDetail = ContainerSummary.extend({
  command: z.array(z.string()),
  entrypoint: z.array(z.string()),
  workingDir: z.string(),
  user: z.string(),
  hostname: z.string(),
  env: z.array(EnvironmentVariable),
  mounts: z.array(ContainerMount),
  networkSettings: z.array(ContainerNetwork),
  restartPolicy: z.string(),
  limits: z.object({
    cpus: z.number().nullable(),
    memoryBytes: bytes.nullable(),
    pids: z.int().nullable(),
  }),
  privileged: z.boolean(),
  capAdd: z.array(z.string()),
  healthcheck: ContainerHealthcheck.nullable(),
  finishedAt: timestamp.nullable(),
  oomKilled: z.boolean(),
  error: z.string(),
  logDriver: z.string(),
  tty: z.boolean(),
  protected: z.boolean().meta({ description: 'The container this product runs in: actions are refused' }),
}).meta({ id: 'ContainerDetail' })

export const ContainerProcesses = z
  .object({
    titles: z.array(z.string()),
    rows: z.array(z.array(z.string())).meta({ description: 'One value per title; secrets masked' }),
  })
  .meta({ id: 'ContainerProcesses' })

export const ContainerAction = z.enum(['start', 'stop', 'restart']).meta({ id: 'ContainerAction' })
export const ContainerActionResult = z
  .object({
    changed: z.boolean().meta({ description: 'false: it already was in that state' }),
    container: ContainerSummary,
  })
  .meta({ id: 'ContainerActionResult' })

// ---- logs ----

export const LogStream = z.enum(['stdout', 'stderr']).meta({ id: 'LogStream' })
export const LogLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).meta({ id: 'LogLevel' })

export const LogLine = z
  .object({
    at: z.string().nullable().meta({
      description: 'ISO 8601 UTC with nanoseconds, as the engine gives it; null when it gave none',
    }),
    stream: LogStream,
    text: z.string().meta({ description: 'As written, ANSI sequences and markup included' }),
    level: LogLevel.nullable().meta({ description: 'Guessed from the text' }),
    seq: count.meta({ description: 'Grows by one within one answer or one live stream' }),
    truncated: z.boolean().optional().meta({ description: 'The line went on beyond 64 KiB' }),
  })
  .meta({ id: 'LogLine' })

export const LogPage = z
  .object({
    lines: z.array(LogLine).meta({ description: 'Oldest first' }),
    scanned: count.meta({ description: 'Lines looked at to find them' }),
    truncated: z.boolean().meta({ description: 'More lines match, or the scan stopped at its limit' }),
  })
  .meta({ id: 'LogPage' })

// ---- stacks, images, networks, events ----

export const StackSummary = z
  .object({
    endpointId,
    endpointName: z.string(),
    name: z.string(),
    services: z.array(z.string()),
    containers: count,
    running: count,
    unhealthy: count,
    restarting: count,
    cpuPercent: z.number().nullable(),
    memoryUsedBytes: bytes.nullable(),
  })
  .meta({ id: 'StackSummary' })
export const StackPage = pageOf(StackSummary, 'StackPage')

export const ImageSummary = z
  .object({
    endpointId,
    endpointName: z.string(),
    id: z.string(),
    tags: z.array(z.string()),
    digests: z.array(z.string()),
    sizeBytes: bytes,
    createdAt: timestamp,
    containers: count.meta({ description: 'Containers made from it, stopped ones included' }),
    dangling: z.boolean(),
  })
  .meta({ id: 'ImageSummary' })
export const ImagePage = pageOf(ImageSummary, 'ImagePage')

export const NetworkSummary = z
  .object({
    endpointId,
    endpointName: z.string(),
    id: z.string(),
    name: z.string(),
    driver: z.string(),
    scope: z.string(),
    internal: z.boolean(),
    attachable: z.boolean(),
    ipv6: z.boolean(),
    subnets: z.array(z.object({ subnet: z.string(), gateway: z.string().nullable() })),
    stack: z.string().nullable(),
    createdAt: timestamp,
    containers: z.array(z.object({ id: z.string(), name: z.string(), ip: z.string().nullable() })),
  })
  .meta({ id: 'NetworkSummary' })
export const NetworkPage = pageOf(NetworkSummary, 'NetworkPage')

export const FleetEventKind = z
  .enum(['container', 'image', 'network', 'endpoint'])
  .meta({ id: 'FleetEventKind' })
export const FleetEvent = z
  .object({
    id: z.int().meta({ description: 'Negative in a live message whose event could not be stored yet' }),
    at: timestamp,
    endpointId,
    kind: FleetEventKind,
    action: z.string().meta({ description: 'start, die, oom, health_status: unhealthy, pull, up, down, …' }),
    subjectId: z.string(),
    subjectName: z.string(),
    stack: z.string().nullable(),
    attributes: z.record(z.string(), z.string()).meta({ description: 'Secrets masked' }),
  })
  .meta({ id: 'FleetEvent' })
export const FleetEventPage = pageOf(FleetEvent, 'FleetEventPage')

// ---- overview ----

export const FleetCounts = z
  .object({
    endpoints: count,
    endpointsUp: count,
    hosts: count,
    containers: count,
    running: count,
    stopped: count,
    unhealthy: count,
    restarting: count,
    stacks: count,
    images: count,
    networks: count,
  })
  .meta({ id: 'FleetCounts' })

export const TopItem = z
  .object({
    endpointId,
    name: z.string(),
    stack: z.string().nullable(),
    value: z.number(),
    unit: z.enum(['percent', 'bytes']),
    spark: z.array(z.number()).meta({ description: 'Up to 30 samples, oldest first' }),
  })
  .meta({ id: 'TopItem' })

export const HeatCell = z
  .object({
    endpointId,
    id: z.string(),
    name: z.string(),
    stack: z.string().nullable(),
    state: ContainerStateName,
    health: ContainerHealth,
  })
  .meta({ id: 'HeatCell' })

export const FleetOverview = z
  .object({
    generatedAt: timestamp,
    counts: FleetCounts,
    hosts: z.array(HostSummary),
    top: z.object({ cpu: z.array(TopItem), memory: z.array(TopItem) }),
    changes: z.array(FleetEvent).meta({ description: 'Newest first, of the last hour, at most 50' }),
    heat: z.array(HeatCell),
  })
  .meta({ id: 'FleetOverview' })

// ---- live messages ----

export const FleetChanges = z
  .object({
    seq: count,
    upserts: z.array(ContainerSummary),
    removes: z.array(z.object({ endpointId, id: z.string() })),
    endpoints: z.array(Endpoint).meta({ description: 'Only those that changed' }),
    removedEndpoints: z.array(endpointId),
    counts: FleetCounts,
  })
  .meta({ id: 'FleetChanges', description: 'Socket message `fleet:changes` of room `fleet`' })

export const FleetSamples = z
  .object({
    at: timestamp,
    rows: z.array(z.tuple([endpointId, z.string(), z.number().nullable(), z.number().nullable()])).meta({
      description: '[endpointId, name, cpuPercent, memoryUsedBytes]',
    }),
  })
  .meta({ id: 'FleetSamples', description: 'Socket message `fleet:samples` of room `fleet`' })

export const LiveSample = z
  .object({
    endpointId,
    subject: z.enum(['host', 'container']),
    name: z.string(),
    timeMs: z.int(),
    values: z.record(z.string(), z.number()).meta({
      description: 'By metric, or metric[instance]; a value that is not known is not there',
    }),
  })
  .meta({ id: 'LiveSample', description: 'Socket message `sample` of rooms `host:…` and `container:…`' })

export const LogLines = z
  .object({ endpointId, name: z.string(), lines: z.array(LogLine), dropped: count })
  .meta({ id: 'LogLines', description: 'Socket message `logs:lines` of rooms `logs:…`' })

export type EndpointKind = z.infer<typeof EndpointKind>
export type EndpointStatus = z.infer<typeof EndpointStatus>
export type Endpoint = z.infer<typeof Endpoint>
export type EndpointInput = z.infer<typeof EndpointInput>
export type EndpointPatch = z.infer<typeof EndpointPatch>
export type EndpointTestResult = z.infer<typeof EndpointTestResult>
export type HostSummary = z.infer<typeof HostSummary>
export type HostDetail = z.infer<typeof HostDetail>
export type HostProcess = z.infer<typeof HostProcess>
export type HostProcesses = z.infer<typeof HostProcesses>
export type FileSystem = z.infer<typeof FileSystem>
export type Disk = z.infer<typeof Disk>
export type NetworkInterface = z.infer<typeof NetworkInterface>
export type Temperature = z.infer<typeof Temperature>
export type ContainerStateName = z.infer<typeof ContainerStateName>
export type ContainerHealth = z.infer<typeof ContainerHealth>
export type ContainerSummary = z.infer<typeof ContainerSummary>
export type ContainerDetail = z.infer<typeof ContainerDetail>
export type ContainerProcesses = z.infer<typeof ContainerProcesses>
export type ContainerAction = z.infer<typeof ContainerAction>
export type ContainerActionResult = z.infer<typeof ContainerActionResult>
export type LogStream = z.infer<typeof LogStream>
export type LogLevel = z.infer<typeof LogLevel>
export type LogLine = z.infer<typeof LogLine>
export type LogPage = z.infer<typeof LogPage>
export type StackSummary = z.infer<typeof StackSummary>
export type ImageSummary = z.infer<typeof ImageSummary>
export type NetworkSummary = z.infer<typeof NetworkSummary>
export type FleetEventKind = z.infer<typeof FleetEventKind>
export type FleetEvent = z.infer<typeof FleetEvent>
export type FleetCounts = z.infer<typeof FleetCounts>
export type TopItem = z.infer<typeof TopItem>
export type HeatCell = z.infer<typeof HeatCell>
export type FleetOverview = z.infer<typeof FleetOverview>
export type FleetChanges = z.infer<typeof FleetChanges>
export type FleetSamples = z.infer<typeof FleetSamples>
export type LiveSample = z.infer<typeof LiveSample>
export type LogLines = z.infer<typeof LogLines>
