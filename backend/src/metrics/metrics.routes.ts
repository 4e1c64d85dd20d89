import { defineRoute, type Route } from '../core/http/route.ts'
import {
  latestQuery,
  latestValuesSchema,
  metricRangeAllSchema,
  metricRangeSchema,
  rangeAllQuery,
  rangeQuery,
  seriesQuery,
  seriesSchema,
  topQuery,
  topSchema,
} from './metrics.schema.ts'
import type { MetricsService } from './metrics.service.ts'

const shared = { method: 'get', tags: ['Metrics'], access: 'viewer', preview: true, scope: 'read' } as const

/** A value this old says nothing about now: the container is gone, or its endpoint is not sampled. */
const LATEST_MAX_AGE_MS = 3_600_000

export function metricsRoutes({ service }: { service: MetricsService }): Route[] {
  return [
    defineRoute(
      {
        ...shared,
        path: '/api/metrics/range',
        summary: 'History of one host or container',
        description:
          'The finest resolution that fits `points` per series and is still kept, chosen once for all series. ' +
          'The range is half-open; a gap is null at its step.',
        query: rangeQuery,
        responses: { 200: metricRangeSchema },
      },
      async ({ query: { from, to, points, ...query } }) =>
        service.range({ ...query, fromMs: from, toMs: to, maxPoints: points }),
    ),
    defineRoute(
      {
        ...shared,
        path: '/api/metrics/all',
        summary: 'History of one metric of every host or container',
        query: rangeAllQuery,
        responses: { 200: metricRangeAllSchema },
      },
      async ({ query: { from, to, points, ...query } }) =>
        service.rangeAll({ ...query, fromMs: from, toMs: to, maxPoints: points }),
    ),
    defineRoute(
      {
        ...shared,
        path: '/api/metrics/latest',
        summary: 'Newest value of every series of the last hour',
        query: latestQuery,
        responses: { 200: latestValuesSchema },
      },
      async ({ query: { subject } }) => ({
        items: await service.latest({ maxAgeMs: LATEST_MAX_AGE_MS, ...(subject && { subject }) }),
      }),
    ),
    defineRoute(
      {
        ...shared,
        path: '/api/metrics/top',
        summary: 'Hosts or containers with the highest mean of a metric',
        query: topQuery,
        responses: { 200: topSchema },
      },
      async ({ query: { from, to, ...query } }) => ({
        items: await service.top({ ...query, fromMs: from, toMs: to }),
      }),
    ),
    defineRoute(
      {
        ...shared,
        path: '/api/metrics/series',
        summary: 'Metrics that one host or container has',
        query: seriesQuery,
        responses: { 200: seriesSchema },
      },
      async ({ query }) => ({ items: await service.series(query) }),
    ),
  ]
}
