import { z } from 'zod'
import { bytes, count, endpointId, pageOf, timestamp } from './parts.schema.ts'

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

export type EndpointKind = z.infer<typeof EndpointKind>
export type EndpointStatus = z.infer<typeof EndpointStatus>
export type Endpoint = z.infer<typeof Endpoint>
export type EndpointInput = z.infer<typeof EndpointInput>
export type EndpointPatch = z.infer<typeof EndpointPatch>
export type EndpointTestResult = z.infer<typeof EndpointTestResult>
