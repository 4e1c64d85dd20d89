import { z } from 'zod'

const status = z.enum(['healthy', 'degraded', 'unhealthy'])

export const Liveness = z.object({ status: z.literal('healthy') }).meta({ id: 'Liveness' })

export const Readiness = z
  .object({
    status,
    checks: z.record(
      z.string(),
      z.object({
        status,
        error: z.string().optional(),
        reason: z.string().optional().meta({ description: 'Details, for callers who are signed in' }),
      }),
    ),
  })
  .meta({ id: 'Readiness' })

export const StoreInfo = z
  .object({
    name: z.enum(['sqlite', 'postgres']),
    version: z.string().nullable(),
    timescaleVersion: z.string().nullable(),
    reachable: z.boolean(),
    sizeBytes: z.number().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'StoreInfo' })

export const DomainInfo = z
  .object({
    domain: z.string(),
    title: z.string(),
    phase: z.int(),
    placement: z.enum(['sqlite', 'postgres']).nullable(),
    epoch: z.int(),
    available: z.boolean(),
    reason: z.string().nullable(),
    tables: z.array(
      z.object({ name: z.string(), rows: z.number().optional(), sizeBytes: z.number().optional() }),
    ),
    retentionDays: z.number().nullable(),
  })
  .meta({ id: 'DomainInfo' })

export const CollectorInfo = z
  .object({
    endpoints: z.int(),
    containers: z.int(),
    lastSampleAgeMs: z.number().nullable(),
    droppedSamples: z.int(),
    queueLength: z.int(),
  })
  .meta({ id: 'CollectorInfo' })
export type CollectorInfo = z.infer<typeof CollectorInfo>

export const SystemInfo = z
  .object({
    version: z.string(),
    node: z.string(),
    uptimeSeconds: z.number(),
    rssBytes: z.number(),
    eventLoopDelayP99Ms: z.number(),
    startedAt: z.string(),
    liveConnections: z.int(),
    stores: z.array(StoreInfo),
    domains: z.array(DomainInfo),
    collector: CollectorInfo,
  })
  .meta({ id: 'SystemInfo' })
