import { defineRoute, type Route } from '../core/http/route.ts'
import { SystemInfo } from './health.schema.ts'
import type { SystemService } from './system.service.ts'

export function systemRoutes(deps: { system: SystemService }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/system',
        summary: 'Version, stores, domains and collector of this installation',
        tags: ['System'],
        access: 'viewer',
        responses: { 200: SystemInfo },
      },
      () => deps.system.describe(),
    ),
  ]
}
