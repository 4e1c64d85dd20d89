import { defineRoute, type Route } from '../core/http/route.ts'
import type { ProcessMetrics } from './process-metrics.ts'

export function processMetricsRoutes(deps: { metrics: ProcessMetrics }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/metrics',
        summary: 'Metrics of this process for Prometheus',
        description: 'With METRICS_TOKEN as bearer token, an API token with the scope metrics, or as admin.',
        tags: ['Health'],
        access: 'admin',
        scope: 'metrics',
        responses: { 200: { contentType: 'text/plain', description: 'Prometheus text format' } },
      },
      async ({ res }) => {
        const { contentType, text } = await deps.metrics.render()
        res.setHeader('Content-Type', contentType)
        res.setHeader('Cache-Control', 'no-store')
        res.send(text)
        return undefined
      },
    ),
  ]
}
