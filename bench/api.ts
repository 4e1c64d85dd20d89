// A light endpoint of the built product: at full speed beside bare Express, and at 500 requests a second
// while somebody draws 30 days of 300 containers every second.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { migrate } from '../backend/src/db/migrate.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'
import { median, quick, report, rounded, say } from './bench.ts'
import { fillHistory, historyStartMs, nameOf, nowMs } from './metrics-history.ts'
import { startProduct } from './product.ts'

const OFFERED = 500
const CONNECTIONS = 50
const ROUNDS = quick ? 2 : 5
const SECONDS = quick ? 4 : 10
const LIGHT = `/api/metrics/series?endpointId=1&subject=container&name=${nameOf(7)}`
const HEAVY = `/api/metrics/all?subject=container&metric=cpu.percent&from=${historyStartMs}&to=${nowMs}&points=1000`

interface Load {
  readonly requestsPerSecond: number
  readonly p99Ms: number
}

/** Calls the light endpoint from a thread of its own. */
async function load(base: string, token: string, offered?: number): Promise<Load> {
  const result = await autocannon({
    url: base + LIGHT,
    connections: CONNECTIONS,
    duration: SECONDS,
    workers: 1,
    headers: { authorization: `Bearer ${token}` },
    ...(offered === undefined ? {} : { overallRate: offered }),
  })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were not 2xx, ${result.errors} failed`)
  }
  return { requestsPerSecond: result.requests.total / result.duration, p99Ms: result.latency.p99 }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  const path = join(folder, 'holdfast.db')
  say('filling 30 days of 300 containers')
  const store = await openSqliteStore({ path })
  await migrate(store)
  await fillHistory(store.db)
  await store.close()

  const product = await startProduct({ DATA_DIR: folder })
  const bare = fork(fileURLToPath(new URL('./bare-express.mjs', import.meta.url)), [path], { execArgv: [] })
  try {
    const [bareUrl] = await once(bare, 'message')
    const { secret } = await product.post<{ secret: string }>('/api/tokens', {
      name: 'bench',
      scopes: ['read'],
    })
    await load(product.url, secret)

    const full: Load[] = []
    const bareFull: Load[] = []
    const idle: Load[] = []
    const busy: Load[] = []
    const heavyMs: number[] = []
    let loopMaxMs = 0
    for (let round = 0; round < ROUNDS; round++) {
      say(`round ${round + 1} of ${ROUNDS}`)
      bareFull.push(await load(String(bareUrl), secret))
      full.push(await load(product.url, secret))
      idle.push(await load(product.url, secret, OFFERED))
      await product.loopDelay()
      const drawing = setInterval(() => {
        const start = performance.now()
        void product.get(HEAVY).then(() => heavyMs.push(performance.now() - start))
      }, 1000)
      busy.push(await load(product.url, secret, OFFERED))
      clearInterval(drawing)
      loopMaxMs = Math.max(loopMaxMs, (await product.loopDelay()).maxMs)
    }
    const middle = (loads: Load[], key: keyof Load) => median(loads.map((one) => one[key]))
    report({
      name: 'api',
      figures: {
        requestsPerSecond: rounded(middle(full, 'requestsPerSecond')),
        bareRequestsPerSecond: rounded(middle(bareFull, 'requestsPerSecond')),
        p99Ms: rounded(middle(full, 'p99Ms')),
        offeredPerSecond: OFFERED,
        idlePerSecond: rounded(middle(idle, 'requestsPerSecond')),
        busyPerSecond: rounded(middle(busy, 'requestsPerSecond')),
        idleP99Ms: rounded(middle(idle, 'p99Ms')),
        busyP99Ms: rounded(middle(busy, 'p99Ms')),
        heavyMedianMs: rounded(median(heavyMs)),
        busyLoopMaxMs: rounded(loopMaxMs),
      },
      ratios: {
        ofBareExpress: rounded(middle(full, 'requestsPerSecond') / middle(bareFull, 'requestsPerSecond')),
        busyOfIdleRate: rounded(middle(busy, 'requestsPerSecond') / middle(idle, 'requestsPerSecond')),
        busyOfIdleP99: rounded(middle(busy, 'p99Ms') / middle(idle, 'p99Ms')),
      },
    })
  } finally {
    bare.kill()
    await product.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
