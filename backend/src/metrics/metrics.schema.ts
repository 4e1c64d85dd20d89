import { z } from 'zod'
import { queryId, queryInteger } from '../core/http/route.ts'

const MAX_TIME_MS = 8_640_000_000_000_000

const subject = z.enum(['host', 'container'])
const metric = z.string().min(1).max(100)
const time = queryInteger(0, MAX_TIME_MS)
const points = queryInteger(1, 5_000).default(500)
const values = z.array(z.number().nullable())
const resolution = z.enum(['raw', '1m', '5m', '1h', '1d'])

const timeRange = { from: time, to: time }
const isForward = ({ from, to }: { from: number; to: number }) => from < to
const FORWARD = { path: ['to'], message: 'must be after from' }

/** `name` is '' for the host itself. */
const thing = { endpointId: queryId, subject, name: z.string().max(300).default('') }

export const rangeQuery = z
  .object({
    ...thing,
    metrics: z
      .string()
      .max(2_000)
      .default('')
      .transform((text) => [...new Set(text.split(',').filter((part) => part !== ''))]),
    ...timeRange,
    points,
  })
  .refine(isForward, FORWARD)

export const rangeAllQuery = z.object({ subject, metric, ...timeRange, points }).refine(isForward, FORWARD)

export const topQuery = z
  .object({ subject, metric, ...timeRange, limit: queryInteger(1, 500).default(10) })
  .refine(isForward, FORWARD)

export const latestQuery = z.object({ subject: subject.optional() })

export const seriesQuery = z.object(thing)

export const metricRangeSchema = z
  .object({
    resolution,
    stepMs: z
      .number()
      .describe('Distance of two points; at resolution raw the usual distance of two samples.'),
    series: z.array(
      z.object({
        metric: z.string(),
        instance: z.string(),
        unit: z.string(),
        times: z.array(z.number()).describe('Epoch ms: starts of buckets, or times of samples.'),
        mean: values.describe('One per time; null where there is no sample.'),
        min: values.optional(),
        max: values.optional(),
      }),
    ),
  })
  .meta({ id: 'MetricRange' })

export const metricRangeAllSchema = z
  .object({
    resolution,
    stepMs: z.number(),
    unit: z.string(),
    times: z.array(z.number()).describe('Epoch ms: starts of buckets, the same for all series.'),
    series: z.array(
      z.object({
        endpointId: z.number(),
        name: z.string(),
        instance: z.string(),
        mean: values.describe(
          'One per time, to whole bytes or four decimals; null where there is no sample.',
        ),
      }),
    ),
  })
  .meta({ id: 'MetricRangeAll' })

export const latestValuesSchema = z
  .object({
    items: z.array(
      z.object({
        endpointId: z.number(),
        subject,
        name: z.string(),
        metric: z.string(),
        instance: z.string(),
        unit: z.string(),
        timeMs: z.number(),
        value: z.number(),
      }),
    ),
  })
  .meta({ id: 'MetricLatest' })

export const topSchema = z
  .object({
    items: z.array(
      z.object({
        endpointId: z.number(),
        name: z.string(),
        instance: z.string(),
        unit: z.string(),
        mean: z.number(),
        max: z.number(),
      }),
    ),
  })
  .meta({ id: 'MetricTop' })

export const seriesSchema = z
  .object({ items: z.array(z.object({ metric: z.string(), instance: z.string(), unit: z.string() })) })
  .meta({ id: 'MetricSeries' })
