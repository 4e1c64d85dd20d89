// A light endpoint of the built product: at full speed beside bare Express, and at 500 requests a second
// while somebody draws 30 days of 300 containers every second.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { migrate } from '../backend/src/db/migrate.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'
import { median, quick, report, rounded, say } from './bench.ts'
import { fillHistory, historyStartMs, nameOf, nowMs } from './metrics-history.ts'
import { drain, type PacedLoad, paced, pacedGets } from './paced.ts'
import { startProduct } from './product.ts'

const OFFERED = 500
const CONNECTIONS = 50
const ROUNDS = quick ? 2 : 5
const SECONDS = quick ? 4 : 10
const LIGHT = `/api/metrics/series?endpointId=1&subject=container&name=${nameOf(7)}`
const HEAVY = `/api/metrics/all?subject=container&metric=cpu.percent&from=${historyStartMs}&to=${nowMs}&points=1000`

/** Calls the light endpoint as fast as it answers, from a thread of its own. */
async function load(base: string, token: string): Promise<PacedLoad> {
  const result = await autocannon({
    url: base + LIGHT,
    connections: CONNECTIONS,
    duration: SECONDS,
    workers: 1,
    headers: { authorization: `Bearer ${token}` },
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

    const agent = new Agent({ keepAlive: true })
    const offered = () => pacedGets(product.url + LIGHT, secret, OFFERED, () => sleep(SECONDS * 1_000))
    const full: PacedLoad[] = []
    const bareFull: PacedLoad[] = []
    const idle: PacedLoad[] = []
    const busy: PacedLoad[] = []
    const heavyMs: number[] = []
    let loopMaxMs = 0
    for (let round = 0; round < ROUNDS; round++) {
      say(`round ${round + 1} of ${ROUNDS}`)
      bareFull.push(await load(String(bareUrl), secret))
      full.push(await load(product.url, secret))
      idle.push(await offered())
      await product.loopDelay()
      const stop = new AbortController()
      const drawing = paced(1, stop.signal, async (dueAt) => {
        await drain(product.url + HEAVY, secret, agent)
        heavyMs.push(performance.now() - dueAt)
      })
      busy.push(await offered())
      stop.abort()
      await drawing
      loopMaxMs = Math.max(loopMaxMs, (await product.loopDelay()).maxMs)
    }
    const middle = (loads: PacedLoad[], key: keyof PacedLoad) => median(loads.map((one) => one[key]))
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
