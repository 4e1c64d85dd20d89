import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, it } from 'vitest'
import { startPostgres, type TestServer } from '../backend/test/postgres-server.ts'
import { launchBrowser, settled, visit } from './browser.ts'
import { type Product, startProduct } from './product.ts'

const FOLDER = fileURLToPath(new URL('../docs/screenshots', import.meta.url))
const DRAWN_MS = 1_000
const LOOKS = [
  { look: 'dark', theme: 'dark', viewport: 'desktop' },
  { look: 'light', theme: 'light', viewport: 'desktop' },
  { look: 'phone', theme: 'dark', viewport: 'phone' },
] as const
/** The rows of `metrics` are enough to see a copy on its way. */
const HISTORY = '10d'

let postgres: TestServer
let product: Product
let browser: Browser
let page: Page

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true })
  postgres = await startPostgres()
  product = await startProduct({ hosts: 3, containers: 40, history: HISTORY, postgresUrl: postgres.url })
  browser = await launchBrowser()
  ;({ page } = await visit(browser, product.url))
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
  await postgres?.stop()
})

/** One picture in each look. */
async function take(
  name: string,
  path: string,
  prepare: (page: Page) => Promise<unknown> = async () => null,
) {
  for (const { look, theme, viewport } of LOOKS) {
    const { page: shown, close } = await visit(browser, product.url, { theme, viewport })
    await shown.goto(path)
    await settled(shown)
    await prepare(shown)
    await shown.waitForTimeout(DRAWN_MS)
    await shown.screenshot({ path: `${FOLDER}/${name}-${look}.png` })
    await close()
  }
}

async function post(path: string, body?: unknown): Promise<void> {
  const answer = await page.request.post(path, { headers: { origin: product.url }, data: body ?? {} })
  if (!answer.ok()) throw new Error(`${path}: ${await answer.text()}`)
}

async function until(unit: string, condition: (unit: { verify: { clean: boolean } | null }) => boolean) {
  for (;;) {
    const answer = await page.request.get(`/api/storage/units/${unit}`)
    if (condition(await answer.json())) return
    await page.waitForTimeout(250)
  }
}

const step = (unit: string, action: string, body?: unknown) =>
  post(`/api/storage/units/${unit}/${action}`, body)

it('takes pictures of a plan, of mirrors and of a unit that was compared', { timeout: 900_000 }, async () => {
  await page.goto('/')
  await settled(page)
  await take('storage-planned', '/storage?tab=plan&what=1', async (shown) => {
    await shown.getByRole('button', { name: 'Make the plan' }).click()
    await shown.getByText('Disk needed').waitFor()
  })
  for (const unit of ['audit', 'monitoring', 'settings']) await step(unit, 'mirror')
  for (const unit of ['audit', 'monitoring', 'settings'])
    await until(unit, ({ verify }) => verify?.clean === true)
  const shadow = await page.request.put('/api/storage/units/settings/shadow', {
    headers: { origin: product.url },
    data: { share: 100 },
  })
  if (!shadow.ok()) throw new Error(await shadow.text())
  for (let i = 0; i < 40; i++) await page.request.get('/api/settings')
  await step('metrics', 'mirror')
  await take('storage-moving', '/storage')
  await take('storage-verified', '/storage', async (shown) => {
    const card = shown.locator('[data-unit="settings"]')
    await card.locator('summary').click()
    await card.scrollIntoViewIfNeeded()
  })
})
