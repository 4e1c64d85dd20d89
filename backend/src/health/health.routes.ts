import { defineRoute, type Route } from '../core/http/route.ts'
import { Liveness, Readiness } from './health.schema.ts'
import type { Check, HealthService } from './health.service.ts'

export function healthRoutes(deps: { health: HealthService }): Route[] {
  const tags = ['Health']
  return [
    defineRoute(
      {
        method: 'get',
        path: '/health/live',
        summary: 'The process answers',
        tags,
        access: 'public',
        duringSetup: true,
        responses: { 200: Liveness },
      },
      async ({ res }) => {
        res.setHeader('Cache-Control', 'no-store')
        return { status: 'healthy' as const }
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/health/ready',
        summary: 'Each part this needs, with its state; 503 when one that is needed is unhealthy',
        tags,
        access: 'public',
        duringSetup: true,
        responses: { 200: Readiness, 503: Readiness },
      },
      async ({ res, principal }) => {
        const { status, checks } = await deps.health.readiness()
        res.setHeader('Cache-Control', 'no-store')
        if (status === 'unhealthy') res.status(503)
        const trusted = principal.role !== null
        const shown = Object.entries(checks).map(([name, check]) => [
          name,
          trusted ? check : withoutReason(check),
        ])
        return { status, checks: Object.fromEntries(shown) }
      },
    ),
  ]
}

/** A reason may name hosts and paths: strangers get the verdict alone. */
function withoutReason({ status, error }: Check): Check {
  return error === undefined ? { status } : { status, error }
}
