import { monitorEventLoopDelay } from 'node:perf_hooks'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { CollectorInfo } from './health.schema.ts'
import type { Readiness } from './health.service.ts'
import { createMoveMetrics, type MoveFigures } from './move-metrics.ts'
import type { RecentRequests } from './recent-requests.ts'

export type ProcessMetrics = ReturnType<typeof createProcessMetrics>

const CHECK_VALUES = { healthy: 1, degraded: 0.5, unhealthy: 0 } as const

/** What /metrics shows. Reading costs one round of health checks. */
export function createProcessMetrics(deps: {
  readiness: () => Promise<Readiness>
  collector: () => CollectorInfo
  connections: () => number
  slowConnections: () => number
  moves: () => MoveFigures
  requests: RecentRequests
}) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const delay = watchLoopDelay()
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] })
  const latency = new Histogram({
    name: 'holdfast_http_request_duration_seconds',
    help: 'Time until the answer was sent, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  const health = new Gauge({
    name: 'holdfast_check',
    help: 'Health of each part: 1 healthy, 0.5 degraded, 0 unhealthy',
    labelNames: ['check'],
    registers: [registry],
  })
  const endpoints = gauge('holdfast_collector_endpoints', 'Endpoints that are sampled')
  const containers = gauge('holdfast_collector_containers', 'Containers that are known')
  const sampleAge = gauge('holdfast_collector_last_sample_age_seconds', 'Age of the newest sample')
  const dropped = gauge(
    'holdfast_metrics_dropped_samples',
    'Samples lost since the start because the queue was full',
  )
  const queue = gauge('holdfast_metrics_queue_length', 'Samples that wait to be stored')
  const sockets = gauge('holdfast_live_connections', 'Open live connections')
  const slow = gauge('holdfast_live_slow_connections', 'Live connections that take less than is sent')

  const updateMoves = createMoveMetrics(registry)

  return {
    observe(route: { method: string; path: string }, status: number, seconds: number): void {
      deps.requests.add(route.path, seconds * 1_000)
      latency.observe({ method: route.method, route: route.path, status: String(status) }, seconds)
    },

    /** Of the last minute or so. */
    eventLoopDelayP99Ms: delay.p99Ms,

    /** The text format of Prometheus. */
    async render(): Promise<{ contentType: string; text: string }> {
      const { checks } = await deps.readiness()
      health.reset()
      for (const [name, check] of Object.entries(checks))
        health.set({ check: name }, CHECK_VALUES[check.status])
      const collector = deps.collector()
      endpoints.set(collector.endpoints)
      containers.set(collector.containers)
      sampleAge.set((collector.lastSampleAgeMs ?? Number.NaN) / 1000)
      dropped.set(collector.droppedSamples)
      queue.set(collector.queueLength)
      sockets.set(deps.connections())
      slow.set(deps.slowConnections())
      const histograms = updateMoves(deps.moves())
      return { contentType: registry.contentType, text: (await registry.metrics()) + histograms }
    },

    close(): void {
      delay.stop()
      registry.clear()
    },
  }
}

const RESOLUTION_MS = 10
const WINDOW_MS = 60_000

/** How late the event loop is. What the start took would hide everything after it, so old minutes are forgotten. */
function watchLoopDelay() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let lastMs: number | undefined
  // A timer that is on time is recorded with the resolution as its delay.
  const read = () => Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS)
  const timer = setInterval(() => {
    lastMs = read()
    histogram.reset()
  }, WINDOW_MS)
  timer.unref()
  return {
    p99Ms: (): number => lastMs ?? read(),
    stop(): void {
      clearInterval(timer)
      histogram.disable()
    },
  }
}
