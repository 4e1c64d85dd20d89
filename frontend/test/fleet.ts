import type { ContainerSummary } from '../src/lib/api/types.ts'

/** A running container that has not been sampled. */
export const aContainer = (over: Partial<ContainerSummary> = {}): ContainerSummary => ({
  endpointId: 1,
  endpointName: 'local',
  id: 'abc123',
  name: 'web-1',
  image: 'nginx:1.27',
  imageId: 'sha256:1',
  state: 'running',
  health: 'none',
  status: 'Up',
  exitCode: null,
  stack: null,
  service: null,
  createdAt: '2026-11-21T00:00:00Z',
  startedAt: null,
  restartCount: 0,
  ports: [],
  networks: [],
  labels: {},
  cpuPercent: null,
  memoryUsedBytes: null,
  memoryLimitBytes: null,
  sampledAt: null,
  ...over,
})
