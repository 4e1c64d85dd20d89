import { z } from 'zod'
import { defineRoute, pageOf, pageQuery, type Route } from '../core/http/route.ts'
import type { MonitoringService } from './monitoring.service.ts'

const Snapshot = z
  .object({
    id: z.string(),
    at: z.string(),
    containersRunning: z.int(),
    containersStopped: z.int(),
    containersUnhealthy: z.int(),
    endpointsUp: z.int(),
    endpointsDown: z.int(),
  })
  .meta({ id: 'MonitoringSnapshot' })

const instant = z.iso.datetime({ offset: true }).optional()

export function monitoringRoutes(deps: { monitoring: MonitoringService }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/monitoring/snapshots',
        summary: 'Counts of the fleet over time, newest first',
        tags: ['Monitoring'],
        access: 'viewer',
        query: pageQuery.extend({ from: instant, to: instant }),
        responses: { 200: pageOf(Snapshot) },
      },
      ({ query }) => deps.monitoring.snapshots(query),
    ),
  ]
}
