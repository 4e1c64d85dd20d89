import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, settled, type Visit, visit } from './browser.ts'
import { aContainer } from './pages.ts'
import { type Product, startProduct } from './product.ts'

let product: Product
let browser: Browser
let ana: Visit
let page: Page

beforeAll(async () => {
  product = await startProduct()
  browser = await launchBrowser()
  ana = await visit(browser, product.url)
  page = ana.page
})

afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

describe('overview', () => {
  it('moves while one looks at it', async () => {
    await page.goto('/')
    await settled(page)
    const chart = page.getByRole('img', { name: /^CPU\./ }).first()
    await chart.waitFor()
    // The picture, not its words: on a machine that is busy all the time these say 100 % and stay so.
    const picture = () => page.evaluate(CHART_PICTURE)
    const before = await picture()
    await expect.poll(picture, { timeout: 20_000, interval: 250 }).not.toBe(before)
  })

  it('draws its lines in colour, also for those who want no motion', async () => {
    await page.goto('/')
    await settled(page)
    const canvas = page
      .getByRole('img', { name: /^CPU\./ })
      .first()
      .locator('canvas')
    await canvas.waitFor()
    await expect.poll(() => page.evaluate(COLOURED_PIXELS), { timeout: 20_000 }).toBeGreaterThan(20)
  })

  it('has counts that lead to the list they count', async () => {
    await page.goto('/')
    await settled(page)
    await page.getByRole('link', { name: /^Unhealthy/ }).click()
    await page.waitForURL(/\/containers\?health=unhealthy/)
  })

  it('walks through the container cells with the arrow keys', async () => {
    await page.goto('/')
    await settled(page)
    const cells = page.locator('[data-heat-cell]')
    await cells.first().focus()
    await page.keyboard.press('ArrowRight')
    expect(await cells.nth(1).evaluate((cell) => cell === cell.ownerDocument.activeElement)).toBe(true)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/containers\/\d+\/[^/]+$/)
  })
})

describe('containers', () => {
  it('keeps the filter in the address and finds it there again', async () => {
    const { name } = await aContainer(ana.context.request)
    await page.goto('/containers')
    await settled(page)
    await page.keyboard.press('/')
    await page.keyboard.type(name)
    await page.waitForURL((url) => url.searchParams.get('q') === name)
    await page.reload()
    await settled(page)
    await page.getByRole('link', { name, exact: true }).first().waitFor()
    expect(await page.getByRole('searchbox').first().inputValue()).toBe(name)
  })

  it('narrows every page to the endpoint chosen at the top', async () => {
    await page.goto('/containers')
    await settled(page)
    await page.getByRole('combobox', { name: 'Endpoint' }).selectOption({ index: 1 })
    await page.waitForURL(/endpoint=\d+/)
    await page.getByRole('link', { name: 'Images' }).click()
    await page.waitForURL(/\/images\?endpoint=\d+/)
  })

  it('draws charts of one container, now and of the last day', async () => {
    const { endpointId, name } = await aContainer(ana.context.request)
    await page.goto(`/containers/${endpointId}/${name}`)
    await settled(page)
    await page.getByRole('img', { name: /^CPU/ }).first().waitFor()
    await page.goto(`/containers/${endpointId}/${name}?range=24h`)
    await settled(page)
    const chart = page.getByRole('img', { name: /^CPU/ }).first()
    await expect.poll(() => chart.getAttribute('aria-label'), { timeout: 20_000 }).toMatch(/\d/)
    const month = page.waitForResponse(/\/api\/metrics\/range\?/)
    await page.goto(`/containers/${endpointId}/${name}?range=30d`)
    const answer: { resolution: string } = await (await month).json()
    expect(answer.resolution).toBe('1h')
  })

  it('follows its log', async () => {
    const { endpointId, name } = await aContainer(ana.context.request)
    await page.goto(`/containers/${endpointId}/${name}?tab=logs`)
    await settled(page)
    await page.getByRole('log').waitFor()
    await expect.poll(() => page.getByRole('log').textContent(), { timeout: 30_000 }).toMatch(/\S/)
  })
})

describe('a search in a log', () => {
  const searchOf = async (q: string) => {
    const { endpointId, name } = await aContainer(ana.context.request)
    await page.goto(`/containers/${endpointId}/${name}?tab=logs&q=${q}`)
  }
  const endpoint = /\/logs\/search\?/

  it('shows what it finds, in order and nothing else', async () => {
    await searchOf('e')
    const rows = page.locator('[data-log-row] mark')
    await rows.first().waitFor()
    expect(new Set(await rows.allTextContents())).toEqual(new Set(['e']))
    await page.getByText(/^Searching/).waitFor({ state: 'detached' })
    await page.waitForTimeout(500)
    expect(await page.getByText('ended at its limit').count()).toBe(0)
  })

  it('says how far it is and can be stopped', async () => {
    await page.route(endpoint, () => {})
    await searchOf('anything')
    await page.getByText(/^Searching: 0 found/).waitFor()
    await page.getByRole('tabpanel').getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByText(/^Stopped after 0 lines/).waitFor()
    await page.getByText('No match in the lines looked at').waitFor()
    expect(await page.getByText('No line matches').count()).toBe(0)
    await page.unroute(endpoint)
    await page.getByRole('button', { name: 'Search again' }).click()
    await page.getByText('No line matches').waitFor()
  })

  it('says that it met its limit and goes on from there when asked', async () => {
    const asked: (string | null)[] = []
    const at = '2026-11-01T00:00:00.000000000Z'
    await page.route(endpoint, (route) => {
      asked.push(new URL(route.request().url()).searchParams.get('until'))
      const end = { type: 'end', scanned: 200_000, from: at, at, truncated: true, limit: 'lines' }
      return route.fulfill({ contentType: 'application/x-ndjson', body: `${JSON.stringify(end)}\n` })
    })
    await searchOf('anything')
    await page.getByText(/ended at its limit of 200,000 lines/).waitFor()
    await page.getByRole('button', { name: 'Search further back' }).click()
    await expect.poll(() => asked).toEqual([null, at])
    await page.getByText('Narrow it, or download the log').waitFor()
    await page.unroute(endpoint)
  })
})

describe('keyboard', () => {
  it('finds a container from anywhere', async () => {
    const { name } = await aContainer(ana.context.request)
    await page.goto('/system')
    await settled(page)
    await page.keyboard.press('Control+k')
    await page.keyboard.type(name)
    await page
      .getByRole('option', { name: new RegExp(`^${name}`) })
      .first()
      .waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/containers/\\d+/${name}`))
  })

  it('goes to pages with two keys and shows them all with ?', async () => {
    await page.goto('/')
    await settled(page)
    await page.keyboard.press('g')
    await page.keyboard.press('h')
    await page.waitForURL(/\/hosts$/)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('switches dark and light, and remembers it', async () => {
    await page.goto('/')
    await settled(page)
    const theme = () => page.locator('html').getAttribute('data-theme')
    expect(await theme()).toBe('dark')
    await page.keyboard.press('t')
    expect(await theme()).toBe('light')
    await page.reload()
    expect(await theme()).toBe('light')
    await page.keyboard.press('t')
  })
})

describe('a lost connection', () => {
  it('says so, and heals by itself', { timeout: 150_000 }, async () => {
    await page.goto('/')
    await settled(page)
    await product.halt()
    await page.getByText('Live updates lost').waitFor({ timeout: 20_000 })
    await product.start()
    await page.getByText('Live updates lost').waitFor({ state: 'detached', timeout: 60_000 })
  })
})

/** Counts pixels that are neither grey nor see-through: those of a line, as grid and labels have no colour. */
const COLOURED_PIXELS = `(() => {
  const canvas = document.querySelector('[role=img][aria-label^="CPU."] canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue, alpha] = data.slice(at, at + 4)
    if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) count += 1
  }
  return count
})()`

const CHART_PICTURE = `document.querySelector('[role=img][aria-label^="CPU."] canvas').toDataURL()`
