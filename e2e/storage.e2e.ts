import AxeBuilder from '@axe-core/playwright'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestServer } from '../backend/test/postgres-server.ts'
import { type Complaints, launchBrowser, settled, visit } from './browser.ts'
import { type Product, startProduct } from './product.ts'

/** A cut over waits for a calm minute and for a backup that was read back. */
const FLIP_MS = 150_000

let postgres: TestServer
let product: Product
let browser: Browser
let page: Page
let complaints: Complaints

beforeAll(async () => {
  postgres = await startPostgres()
  product = await startProduct({ history: '0', hosts: 1, containers: 5, postgresUrl: postgres.url })
  browser = await launchBrowser()
  ;({ page, complaints } = await visit(browser, product.url))
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
  await postgres?.stop()
})

const card = (unit: string): Locator => page.locator(`[data-unit="${unit}"]`)
const press = (step: string, unit: string) =>
  card(unit)
    .getByRole('button', { name: `${step} ${unit}` })
    .click()

async function confirm(verb: string): Promise<void> {
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: verb }).click()
  await dialog.waitFor({ state: 'detached' })
}

async function expectAccessible(): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([])
}

describe('the storage page', () => {
  it('plans and rehearses a unit', async () => {
    await page.goto('/storage')
    await settled(page)
    await card('settings').getByRole('link', { name: 'Plan settings' }).click()
    await page.getByRole('button', { name: 'Make the plan' }).click()
    await page.getByRole('button', { name: 'Rehearse settings' }).click()
    await page.getByText('every row equal').waitFor()
    await expectAccessible()
  })

  it('opens one card without stretching its neighbours', async () => {
    await page.goto('/storage')
    await settled(page)
    const heights = () =>
      page.locator('[data-unit]').evaluateAll((cards) => cards.map(({ clientHeight }) => clientHeight))
    const before = await heights()
    await card('traces').locator('summary').click()
    const after = await heights()
    expect(after[0]).toBeGreaterThan(before[0]!)
    expect(after.slice(1).every((height, at) => height <= before[at + 1]!)).toBe(true)
  })

  it('mirrors, cuts over and rolls back, live', { timeout: FLIP_MS + 60_000 }, async () => {
    await page.goto('/storage')
    await settled(page)
    await press('Mirror', 'settings')
    expect(await page.getByRole('dialog').textContent()).toContain('Can be undone')
    await confirm('Mirror')
    await card('settings').getByRole('img', { name: 'Changes flow from SQLite to PostgreSQL' }).waitFor()
    await card('settings').getByText('rows equal').waitFor()
    await expectAccessible()
    const cutOver = card('settings').getByRole('button', { name: 'Cut over settings' })
    await expect.poll(() => cutOver.isEnabled(), { timeout: FLIP_MS, interval: 500 }).toBe(true)
    await cutOver.click()
    await confirm('Cut over')
    await card('settings').getByRole('img', { name: 'Changes flow from PostgreSQL to SQLite' }).waitFor()
    await card('settings').getByText('epoch 2').waitFor()
    await press('Roll back', 'settings')
    await confirm('Roll back')
    await card('settings').getByText('epoch 3').waitFor()
    await page.goto('/storage?tab=timeline')
    await page.getByText('rolled back').waitFor()
  })

  it('gives a mirror up, and has nothing to complain about', async () => {
    await page.goto('/storage')
    await settled(page)
    await press('Give up', 'settings')
    await confirm('Give up')
    await card('settings').getByRole('button', { name: 'Mirror settings' }).waitFor()
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })
})
