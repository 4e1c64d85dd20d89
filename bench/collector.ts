// 1,000 simulated containers on 20 endpoints, sampled every 10 s: what the product costs, on each store.
// The simulator runs in a process of its own and is not counted.
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnSimulatedFleet } from '../backend/src/demo/index.ts'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { quick, report, rounded, say } from './bench.ts'
import { type Product, startProduct } from './product.ts'

const HOSTS = numberOption('--hosts', 20)
const CONTAINERS = numberOption('--containers', 1000)
const WARM_UP_SECONDS = numberOption('--warm-up', quick ? 12 : 30)
/** The full measure spans a run of the five-minute rollup job. */
const MEASURE_SECONDS = numberOption('--seconds', quick ? 10 : 310)

interface System {
  readonly collector: {
    readonly endpoints: number
    readonly containers: number
    readonly lastSampleAgeMs: number | null
    readonly droppedSamples: number
    readonly queueLength: number
  }
}

function numberOption(name: string, fallback: number): number {
  const index = process.argv.indexOf(name)
  return index < 0 ? fallback : Number(process.argv[index + 1])
}

async function measure(product: Product, endpoints: readonly { name: string; url: string }[]) {
  await product.loopDelay()
  const adding = performance.now()
  await Promise.all(
    endpoints.map(({ name, url }) => product.post('/api/endpoints', { kind: 'docker', name, url })),
  )
  const addingMs = performance.now() - adding
  await sleep(WARM_UP_SECONDS * 1000)
  const before = await product.get<System>('/api/system')
  if (before.collector.containers < CONTAINERS) {
    throw new Error(`only ${before.collector.containers} of ${CONTAINERS} containers are watched`)
  }
  const starting = await product.loopDelay()
  const cpu = product.cpuSeconds()
  const begin = performance.now()
  let rssMb = 0
  let oldestSampleMs = 0
  let queueLength = 0
  while (performance.now() - begin < MEASURE_SECONDS * 1000) {
    await sleep(1000)
    rssMb = Math.max(rssMb, product.rssMb())
    const { collector } = await product.get<System>('/api/system')
    oldestSampleMs = Math.max(oldestSampleMs, collector.lastSampleAgeMs ?? Number.POSITIVE_INFINITY)
    queueLength = Math.max(queueLength, collector.queueLength)
  }
  const seconds = (performance.now() - begin) / 1000
  const coreShare = (product.cpuSeconds() - cpu) / seconds
  const delay = await product.loopDelay()
  const { collector } = await product.get<System>('/api/system')
  return {
    coreShare: rounded(coreShare),
    rssMb: rounded(rssMb),
    loopP99Ms: rounded(delay.p99Ms),
    loopMaxMs: rounded(delay.maxMs),
    addingMs: Math.round(addingMs),
    startLoopP99Ms: rounded(starting.p99Ms),
    startLoopMaxMs: rounded(starting.maxMs),
    oldestSampleMs: Math.round(oldestSampleMs),
    queueLength,
    droppedSamples: collector.droppedSamples,
  }
}

async function onStore(
  name: string,
  env: Readonly<Record<string, string>>,
  endpoints: Parameters<typeof measure>[1],
) {
  const product = await startProduct(env)
  try {
    const figures = await measure(product, endpoints)
    say(`${name}: ${JSON.stringify(figures)}`)
    return figures
  } finally {
    await product.stop()
  }
}

const simulator = await spawnSimulatedFleet({ hosts: HOSTS, containers: CONTAINERS })
const server = await startPostgres({ volatile: false })
try {
  const sqlite = await onStore('sqlite', {}, simulator.endpoints)
  const postgres = await onStore(
    'postgres',
    { POSTGRES_APP_URL: server.url, STORAGE_PLACEMENT: 'postgres' },
    simulator.endpoints,
  )
  report({
    name: 'collector',
    figures: {
      containers: CONTAINERS,
      endpoints: HOSTS,
      intervalSeconds: 10,
      measuredSeconds: MEASURE_SECONDS,
      coreShare: Math.max(sqlite.coreShare, postgres.coreShare),
      rssMb: Math.max(sqlite.rssMb, postgres.rssMb),
      loopP99Ms: Math.max(sqlite.loopP99Ms, postgres.loopP99Ms),
      oldestSampleMs: Math.max(sqlite.oldestSampleMs, postgres.oldestSampleMs),
      sqlite,
      postgres,
    },
    ratios: {},
    notes: [
      'the plain figures are the worse of the two stores',
      ...(quick ? ['quick: one sampling cycle, without a run of the five-minute rollup job'] : []),
    ],
  })
} finally {
  await server.stop()
  await simulator.close()
}
