import { z } from 'zod'
import { ContainerHealth, ContainerStateName, ContainerSummary } from './container.schema.ts'
import { Endpoint } from './endpoint.schema.ts'
import { HostSummary } from './host.schema.ts'
import { bytes, count, endpointId, pageOf, timestamp } from './parts.schema.ts'

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
    exitCode: z.int().nullable().meta({ description: 'Of a container that has ended' }),
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
