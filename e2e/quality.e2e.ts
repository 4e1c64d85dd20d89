import type { Browser, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { violations } from './accessibility.ts'
import { launchBrowser, settled, type Visit, visit } from './browser.ts'
import { allPages, type PageCase } from './pages.ts'
import { type Product, startProduct } from './product.ts'

let product: Product
let browser: Browser
let pages: PageCase[]

beforeAll(async () => {
  product = await startProduct()
  browser = await launchBrowser()
  const { context, close } = await visit(browser, product.url)
  pages = await allPages(context)
  await close()
})

afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

/** Opens every page in one browser profile for those signed in and one for those who are not. */
async function walk(
  options: { theme?: 'dark' | 'light'; viewport?: 'desktop' | 'phone' },
  look: (name: string, visit: Visit) => Promise<void>,
): Promise<void> {
  for (const signedIn of [true, false]) {
    const opened = await visit(browser, product.url, { ...options, signedIn })
    for (const page of pages.filter((each) => each.signedIn === signedIn)) {
      await opened.page.goto(page.path)
      await settled(opened.page)
      await look(page.name, opened)
    }
    await opened.close()
  }
}

/** The elements are the same in both themes: a second look at their colours is enough. */
const ofColours = ['color-contrast', 'link-in-text-block']

describe.each(['dark', 'light'] as const)('in %s', (theme) => {
  it('every page passes axe, breaks nothing and asks no other server', { timeout: 300_000 }, async () => {
    const findings: string[] = []
    let looked = 0
    await walk({ theme }, async (name, { page, complaints }) => {
      looked += 1
      for (const violation of await violations(page, theme === 'dark' ? undefined : ofColours)) {
        const where = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160))
        findings.push(`${name}: ${violation.id} (${violation.help})\n  ${where.join('\n  ')}`)
      }
      findings.push(...complaints.errors.splice(0).map((error) => `${name}: ${error}`))
      findings.push(...complaints.foreign.splice(0).map((url) => `${name}: request to ${url}`))
    })
    expect(findings).toEqual([])
    expect(looked).toBe(pages.length)
  })
})

describe('on a phone', () => {
  it('no page is wider than the screen', { timeout: 300_000 }, async () => {
    const wide: string[] = []
    await walk({ viewport: 'phone' }, async (name, { page }) => {
      const overflow = await page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)
      if (overflow > 0) wide.push(`${name}: ${overflow} px`)
    })
    expect(wide).toEqual([])
  })
})

describe('first load', () => {
  it('fetches at most 250 kB of script, compressed, before anything is clicked', async () => {
    const { page, close } = await visit(browser, product.url)
    const scripts: Request[] = []
    page.on('requestfinished', (request) => {
      if (request.resourceType() === 'script') scripts.push(request)
    })
    await page.goto('/')
    await settled(page)
    await page.waitForLoadState('networkidle')
    const sizes = await Promise.all(scripts.map((request) => request.sizes()))
    const bytes = sizes.reduce((sum, size) => sum + size.responseBodySize, 0)
    expect(bytes).toBeGreaterThan(100_000)
    expect(bytes).toBeLessThanOrEqual(250_000)
    await close()
  })
})
