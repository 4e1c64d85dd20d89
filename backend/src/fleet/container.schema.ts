import { z } from 'zod'
import { bytes, count, endpointId, timestamp } from './parts.schema.ts'

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

export type ContainerStateName = z.infer<typeof ContainerStateName>
export type ContainerHealth = z.infer<typeof ContainerHealth>
export type ContainerSummary = z.infer<typeof ContainerSummary>
export type ContainerDetail = z.infer<typeof ContainerDetail>
export type ContainerProcesses = z.infer<typeof ContainerProcesses>
export type ContainerAction = z.infer<typeof ContainerAction>
export type ContainerActionResult = z.infer<typeof ContainerActionResult>
