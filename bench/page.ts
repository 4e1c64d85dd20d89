// The page in a real Chromium: script fetched at first load and the largest paint of the overview.
import type { Request } from 'playwright-core'
import { launchBrowser, settled, visit } from '../e2e/browser.ts'
import { startProduct } from '../e2e/product.ts'
import { median, quick, report, say } from './bench.ts'

const ROUNDS = quick ? 5 : 15
const LARGEST_PAINT = `new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: 'largest-contentful-paint', buffered: true })
})`

const product = await startProduct()
const browser = await launchBrowser()
try {
  const paints: number[] = []
  let scriptBytes = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    // A new profile each time: nothing is cached.
    const { page, close } = await visit(browser, product.url)
    const scripts: Request[] = []
    page.on('requestfinished', (request) => {
      if (request.resourceType() === 'script') scripts.push(request)
    })
    await page.goto('/')
    await settled(page)
    paints.push(await page.evaluate<number>(LARGEST_PAINT))
    const sizes = await Promise.all(scripts.map((request) => request.sizes()))
    scriptBytes = sizes.reduce((sum, size) => sum + size.responseBodySize, 0)
    say(`round ${round + 1}: largest paint after ${Math.round(paints.at(-1) ?? 0)} ms`)
    await close()
  }
  report({
    name: 'page',
    figures: {
      jsKb: Math.round(scriptBytes / 1000),
      lcpMs: Math.round(median(paints)),
      lcpBestMs: Math.round(Math.min(...paints)),
      rounds: ROUNDS,
    },
    ratios: {},
    notes: ['jsKb is what travels, compressed'],
  })
} finally {
  await browser.close()
  await product.stop()
}
