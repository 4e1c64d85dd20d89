import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { launchBrowser, settled, visit } from './browser.ts'
import { allPages, type PageCase } from './pages.ts'
import { type Product, startProduct } from './product.ts'

const FOLDER = fileURLToPath(new URL('../docs/screenshots', import.meta.url))
/** Shows what else runs on the machine that takes the pictures. */
const PRIVATE = new Set(['host-processes', 'host-hardware'])
/** Live charts look like charts after a few samples. */
const MOVING_MS = 120_000
const DRAWN_MS = 1500

const LOOKS = [
  { look: 'dark', theme: 'dark', viewport: 'desktop' },
  { look: 'light', theme: 'light', viewport: 'desktop' },
  { look: 'phone', theme: 'dark', viewport: 'phone' },
] as const

let product: Product
let browser: Browser
let pages: PageCase[]

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true })
  product = await startProduct({ hosts: 5, containers: 100, history: '30d', ownEngine: true })
  browser = await launchBrowser()
  const { page, context, close } = await visit(browser, product.url)
  pages = (await allPages(context)).filter((each) => !PRIVATE.has(each.name))
  // Watched, it is sampled each second.
  await page.goto('/')
  await page.waitForTimeout(MOVING_MS)
  await close()
})

afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

describe.each(LOOKS)('$look', ({ look, theme, viewport }) => {
  it('takes a picture of every page', { timeout: 600_000 }, async () => {
    for (const { name, path, signedIn } of pages) {
      const { page, close } = await visit(browser, product.url, { theme, viewport, signedIn })
      await page.goto(path)
      await settled(page)
      await page.waitForTimeout(DRAWN_MS)
      await page.screenshot({ path: `${FOLDER}/${name}-${look}.png` })
      await close()
    }
  })
})
