// The first start on an empty folder: when it answers, when a chart of this machine has something to show, what it holds.
import { setTimeout as sleep } from 'node:timers/promises'
import { median, quick, report, rounded, say } from './bench.ts'
import { type Product, startProduct } from './product.ts'

const STARTS = quick ? 3 : 7
const IDLE_SECONDS = quick ? 20 : 60
const CHART_LIMIT_MS = 30_000

interface Hosts {
  readonly items: readonly { readonly endpointId: number; readonly kind: string }[]
}
interface Range {
  readonly series: readonly { readonly times: readonly number[] }[]
}

/** From the start of the process to the first answer with two points of the CPU of this machine. */
async function firstChartMs(product: Product): Promise<number> {
  for (;;) {
    const elapsed = performance.now() - product.startedAt
    if (elapsed > CHART_LIMIT_MS) throw new Error(`no chart within ${CHART_LIMIT_MS} ms`)
    const local = (await product.get<Hosts>('/api/hosts')).items.find(({ kind }) => kind === 'local')
    if (local !== undefined) {
      const to = Date.now() + 1000
      const range = await product.get<Range>(
        `/api/metrics/range?endpointId=${local.endpointId}&subject=host&name=&metrics=cpu.percent&from=${to - 600_000}&to=${to}&points=500`,
      )
      if ((range.series[0]?.times.length ?? 0) >= 2) return performance.now() - product.startedAt
    }
    await sleep(100)
  }
}

const ready: number[] = []
const readyCpu: number[] = []
for (let i = 1; i < STARTS; i++) {
  const product = await startProduct()
  ready.push(product.readyMs)
  readyCpu.push(product.readyCpuMs)
  say(`ready after ${Math.round(product.readyMs)} ms, ${Math.round(product.readyCpuMs)} ms of CPU`)
  await product.stop()
}
const product = await startProduct()
try {
  ready.push(product.readyMs)
  const chart = await firstChartMs(product)
  say(`first chart after ${Math.round(chart)} ms`)
  await sleep(IDLE_SECONDS * 1000)
  const idleRssMb = product.rssMb()
  const delay = await product.loopDelay()
  report({
    name: 'start',
    figures: {
      readyMs: Math.round(median(ready)),
      readyCpuMs: Math.round(median(readyCpu)),
      readyMaxMs: Math.round(Math.max(...ready)),
      firstChartMs: Math.round(chart),
      idleRssMb: rounded(idleRssMb),
      idleLoopP99Ms: rounded(delay.p99Ms),
      starts: STARTS,
    },
    ratios: {},
    notes: [
      'from the start of the process, on an empty data folder, SQLite',
      'an admin is made at the start: hashing the password is part of readyMs and of idleRssMb',
    ],
  })
} finally {
  await product.stop()
}
