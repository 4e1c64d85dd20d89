import { expect, it } from 'vitest'
import { Tally } from '../core/tally.ts'
import { createProcessMetrics } from './process-metrics.ts'

it('tells people from probes', () => {
  const metrics = createProcessMetrics({
    readiness: async () => ({ status: 'healthy', checks: {} }),
    collector: () => ({
      endpoints: 0,
      containers: 0,
      lastSampleAgeMs: null,
      droppedSamples: 0,
      queueLength: 0,
    }),
    connections: () => 0,
    slowConnections: () => 0,
    moves: () => ({ units: [], pauses: new Tally([1]).figures(), abortedFlips: 0 }),
  })
  try {
    expect(metrics.isAsked()).toBe(false)
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      metrics.observe({ method: 'get', path }, 200, 0.001)
    }
    expect(metrics.isAsked()).toBe(false)
    metrics.observe({ method: 'get', path: '/api/fleet/overview' }, 200, 0.001)
    expect(metrics.isAsked()).toBe(true)
  } finally {
    metrics.close()
  }
})
