import { z } from 'zod'
import { defineRoute, pageQuery, queryId, type Route } from '../core/http/route.ts'
import { containerRoutes, logRoutes } from './container.routes.ts'
import {
  Endpoint,
  EndpointInput,
  EndpointPage,
  EndpointPatch,
  EndpointTestResult,
} from './endpoint.schema.ts'
import type { createEndpointAdmin } from './endpoint-admin.ts'
import { FleetEventPage, FleetOverview, ImagePage, NetworkPage, StackPage } from './fleet.schema.ts'
import type { FleetService } from './fleet.service.ts'
import { HostDetail, HostPage, HostProcesses } from './host.schema.ts'

const id = queryId
const endpointParams = z.object({ endpointId: id })
const whole = <T>(items: T[]) => ({ items, nextCursor: null })
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
