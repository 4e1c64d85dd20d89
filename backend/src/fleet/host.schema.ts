import { z } from 'zod'
import { EndpointKind, EndpointStatus } from './endpoint.schema.ts'
import { bytes, count, endpointId, pageOf, timestamp } from './parts.schema.ts'

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

export type HostSummary = z.infer<typeof HostSummary>
export type HostDetail = z.infer<typeof HostDetail>
export type HostProcess = z.infer<typeof HostProcess>
export type HostProcesses = z.infer<typeof HostProcesses>
export type FileSystem = z.infer<typeof FileSystem>
export type Disk = z.infer<typeof Disk>
export type NetworkInterface = z.infer<typeof NetworkInterface>
export type Temperature = z.infer<typeof Temperature>
