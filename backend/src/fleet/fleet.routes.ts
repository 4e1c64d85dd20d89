import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { defineRoute, pageQuery, queryBoolean, queryInteger, type Route } from '../core/http/route.ts'
import type { createEndpointAdmin } from './endpoint-admin.ts'
import {
  ContainerActionResult,
  ContainerDetail,
  ContainerHealth,
  ContainerPage,
  ContainerProcesses,
  ContainerStateName,
  Endpoint,
  EndpointInput,
  EndpointPage,
  EndpointPatch,
  EndpointTestResult,
  FleetEventPage,
  FleetOverview,
  HostDetail,
  HostPage,
  HostProcesses,
  ImagePage,
  LogLevel,
  LogPage,
  LogStream,
  NetworkPage,
  StackPage,
} from './fleet.schema.ts'
import type { FleetService } from './fleet.service.ts'

const id = queryInteger(1)
const endpointParams = z.object({ endpointId: id })
const containerParams = z.object({
  endpointId: id,
  containerId: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/, 'must be an id of 12 to 64 hexadecimal digits, or a name'),
})
const isoTime = z.iso.datetime({ offset: true })
const logFilter = {
  since: isoTime.optional(),
  until: isoTime.optional(),
  q: z.string().max(500).optional(),
  regex: queryBoolean.optional(),
  invert: queryBoolean.optional(),
  stream: LogStream.optional(),
  level: LogLevel.optional(),
}

const whole = <T>(items: T[]) => ({ items, nextCursor: null })
const containerRef = (params: { endpointId: number; containerId: string }) => ({
  endpointId: params.endpointId,
  container: params.containerId,
})

export function fleetRoutes(deps: {
  service: FleetService
  admin: ReturnType<typeof createEndpointAdmin>
  /** Makes the collector follow what was changed. */
  synchronise: () => Promise<void>
}): Route[] {
  const { service, admin } = deps
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/fleet/overview',
        summary: 'The fleet at a glance',
        tags: ['Fleet'],
        access: 'viewer',
        preview: true,
        responses: { 200: FleetOverview },
      },
      async () => service.overview(),
    ),
    ...endpointRoutes(service, admin, deps.synchronise),
    ...hostRoutes(service),
    ...containerRoutes(service),
    ...logRoutes(service),
    defineRoute(
      {
        method: 'get',
        path: '/api/stacks',
        summary: 'Compose projects and Swarm stacks',
        tags: ['Fleet'],
        access: 'viewer',
        responses: { 200: StackPage },
      },
      async () => whole(service.stacks()),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/images',
        summary: 'Images of all endpoints',
        tags: ['Fleet'],
        access: 'viewer',
        responses: { 200: ImagePage },
      },
      async () => whole(service.images()),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/networks',
        summary: 'Networks of all endpoints, with the containers on them',
        tags: ['Fleet'],
        access: 'viewer',
        responses: { 200: NetworkPage },
      },
      async () => whole(service.networks()),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/events',
        summary: 'What happened in the fleet, newest first',
        tags: ['Fleet'],
        access: 'viewer',
        query: pageQuery.extend({ endpointId: id.optional(), name: z.string().max(255).optional() }),
        responses: { 200: FleetEventPage },
      },
      ({ query }) => service.events(query),
    ),
  ]
}

function endpointRoutes(
  service: FleetService,
  admin: ReturnType<typeof createEndpointAdmin>,
  synchronise: () => Promise<void>,
): Route[] {
  const params = z.object({ id })
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/endpoints',
        summary: 'Docker engines, Portainer servers and this machine',
        tags: ['Endpoints'],
        access: 'viewer',
        responses: { 200: EndpointPage },
      },
      async () => whole(service.endpoints()),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/endpoints',
        summary: 'Add an endpoint',
        tags: ['Endpoints'],
        access: 'admin',
        body: EndpointInput,
        responses: { 201: Endpoint },
        audit: 'endpoint.create',
      },
      async ({ body, audit }) => {
        const row = await admin.create(body)
        audit({
          targetType: 'endpoint',
          targetId: String(row.id),
          details: { kind: row.kind, name: row.name, url: row.url, allowActions: row.allowActions },
        })
        await synchronise()
        return service.endpoint(row.id)
      },
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/endpoints/test',
        summary: 'Try to connect with what was typed; saves nothing',
        tags: ['Endpoints'],
        access: 'admin',
        body: EndpointInput,
        responses: { 200: EndpointTestResult },
        audit: 'endpoint.test',
      },
      async ({ body, audit }) => {
        const result = await admin.test(body)
        audit({ targetType: 'endpoint', details: { kind: body.kind, url: body.url, ok: result.ok } })
        return result
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/endpoints/{id}',
        summary: 'One endpoint',
        tags: ['Endpoints'],
        access: 'viewer',
        params,
        responses: { 200: Endpoint },
      },
      async (context) => service.endpoint(context.params.id),
    ),
    defineRoute(
      {
        method: 'patch',
        path: '/api/endpoints/{id}',
        summary: 'Change an endpoint',
        description: 'A new URL needs the credentials again: stored ones are not sent to another address.',
        tags: ['Endpoints'],
        access: 'admin',
        params,
        body: EndpointPatch,
        responses: { 200: Endpoint },
        audit: 'endpoint.update',
      },
      async (context) => {
        const before = service.endpoint(context.params.id)
        const row = await admin.update(context.params.id, context.body)
        const pick = (each: {
          name: string
          url: string | null
          enabled: boolean
          allowActions: boolean
        }) => ({
          name: each.name,
          url: each.url,
          enabled: each.enabled,
          allowActions: each.allowActions,
        })
        context.audit({
          targetType: 'endpoint',
          targetId: String(row.id),
          details: {
            before: pick(before),
            after: pick(row),
            changedTls: context.body.tls !== undefined,
            changedCredentials: context.body.apiKey !== undefined,
          },
        })
        await synchronise()
        return service.endpoint(row.id)
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/endpoints/{id}',
        summary: 'Remove an endpoint; its history stays',
        tags: ['Endpoints'],
        access: 'admin',
        params,
        responses: { 204: null },
        audit: 'endpoint.delete',
      },
      async (context) => {
        const row = await admin.remove(context.params.id)
        context.audit({
          targetType: 'endpoint',
          targetId: String(row.id),
          details: { kind: row.kind, name: row.name, url: row.url },
        })
        await synchronise()
        return undefined
      },
    ),
  ]
}

function hostRoutes(service: FleetService): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/hosts',
        summary: 'Hosts with their load now',
        tags: ['Hosts'],
        access: 'viewer',
        preview: true,
        responses: { 200: HostPage },
      },
      async () => whole(service.hosts()),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/hosts/{endpointId}',
        summary: 'One host: disks, file systems, interfaces, temperatures',
        tags: ['Hosts'],
        access: 'viewer',
        preview: true,
        params: endpointParams,
        responses: { 200: HostDetail },
      },
      async ({ params }) => service.host(params.endpointId),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/hosts/{endpointId}/processes',
        summary: 'Processes that use most, CPU first',
        tags: ['Hosts'],
        access: 'viewer',
        params: endpointParams,
        responses: { 200: HostProcesses },
      },
      ({ params }) => service.hostProcesses(params.endpointId),
    ),
  ]
}

function containerRoutes(service: FleetService): Route[] {
  const path = '/api/containers/{endpointId}/{containerId}'
  const states = z
    .string()
    .transform((value) => value.split(','))
    .pipe(z.array(ContainerStateName))
  const action = (name: 'start' | 'stop' | 'restart', summary: string) =>
    defineRoute(
      {
        method: 'post',
        path: `${path}/${name}`,
        summary,
        description: 'Needs the operator role, and actions allowed on the endpoint.',
        tags: ['Containers'],
        access: 'operator',
        params: containerParams,
        responses: { 200: ContainerActionResult },
        audit: `container.${name}`,
      },
      async ({ params, audit }) => {
        audit({ targetType: 'container', targetId: `${params.endpointId}/${params.containerId}` })
        const result = await service.act(containerRef(params), name)
        audit({
          targetType: 'container',
          targetId: `${params.endpointId}/${result.container.name}`,
          details: { id: result.container.id, changed: result.changed, state: result.container.state },
        })
        return result
      },
    )
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/containers',
        summary: 'Containers of all endpoints, by name',
        tags: ['Containers'],
        access: 'viewer',
        query: pageQuery.extend({
          endpointId: id.optional(),
          state: states.optional().meta({ description: 'One or more, separated by commas' }),
          health: ContainerHealth.optional(),
          stack: z.string().max(255).optional(),
          q: z.string().max(255).optional(),
        }),
        responses: { 200: ContainerPage },
      },
      async ({ query }) => service.containers(query),
    ),
    defineRoute(
      {
        method: 'get',
        path,
        summary: 'One container with its configuration, secrets masked',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        responses: { 200: ContainerDetail },
      },
      ({ params }) => service.container(containerRef(params)),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/processes`,
        summary: 'Processes of a container; empty when it does not run',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        responses: { 200: ContainerProcesses },
      },
      ({ params }) => service.containerProcesses(containerRef(params)),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/events`,
        summary: 'What happened to a container, newest first, also before it was made anew',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: pageQuery,
        responses: { 200: FleetEventPage },
      },
      ({ params, query }) => service.containerEvents(containerRef(params), query),
    ),
    action('start', 'Start a container'),
    action('stop', 'Stop a container; it has 10 s to end by itself'),
    action('restart', 'Restart a container'),
  ]
}

function logRoutes(service: FleetService): Route[] {
  const path = '/api/containers/{endpointId}/{containerId}/logs'
  return [
    defineRoute(
      {
        method: 'get',
        path,
        summary: 'The newest log lines that match, oldest first',
        description: 'A search looks at the newest 200,000 lines for at most 20 seconds.',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: z.object({ tail: queryInteger(1, 10_000).default(500), ...logFilter }),
        responses: { 200: LogPage },
      },
      ({ params, query }) => service.logs(containerRef(params), query),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/download`,
        summary: 'The log as a text file, whole or filtered',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: z.object({ tail: queryInteger(1, 1_000_000).optional(), ...logFilter }),
        responses: {
          200: { contentType: 'text/plain', description: 'One line per log line, its time first' },
        },
      },
      async ({ params, query, res }) => {
        const abort = new AbortController()
        res.on('close', () => abort.abort())
        const { name, response, toText } = await service.logDownload(
          containerRef(params),
          query,
          abort.signal,
        )
        res.status(200)
        res.setHeader('content-type', 'text/plain; charset=utf-8')
        res.setHeader('content-disposition', `attachment; filename="${name.replace(/[^\w.-]/g, '_')}.log"`)
        res.setHeader('cache-control', 'no-store')
        try {
          await pipeline(response, toText, res)
        } catch (error) {
          // The reader went away: nobody is left to tell.
          if (!abort.signal.aborted) throw error
        }
        return undefined
      },
    ),
  ]
}
