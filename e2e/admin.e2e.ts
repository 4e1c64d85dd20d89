import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, settled, visit } from './browser.ts'
import { type Product, startProduct } from './product.ts'

let product: Product
let browser: Browser
let page: Page

beforeAll(async () => {
  product = await startProduct({ history: '0', hosts: 1, containers: 5 })
  browser = await launchBrowser()
  page = (await visit(browser, product.url)).page
})

afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const VIEWER = { username: 'vera', password: 'viewers-password' }

describe('settings', () => {
  it('refuses a value out of bounds, saves a good one and goes back to the default', async () => {
    await page.goto('/settings')
    await settled(page)
    const field = page.getByLabel('Failed sign-ins before a pause', { exact: true })
    await field.fill('1')
    await page.getByText('Between 3 and 100').waitFor()
    expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
    await field.fill('7')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Save' }).waitFor({ state: 'detached' })
    await page.reload()
    expect(await field.inputValue()).toBe('7')
    await page.getByRole('button', { name: /Back to the default: Failed sign-ins/ }).click()
    await expect.poll(() => field.inputValue()).toBe('5')
  })

  it('says why an endpoint cannot be reached, without saving it', async () => {
    await page.goto('/settings?tab=endpoints')
    await settled(page)
    await page.getByRole('button', { name: 'Add endpoint' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('nowhere')
    await dialog.getByLabel('Address').fill('tcp://127.0.0.1:1')
    await dialog.getByRole('button', { name: 'Test connection' }).click()
    await dialog.getByRole('status').waitFor()
    expect(await dialog.getByRole('status').textContent()).toMatch(/\S/)
    await page.keyboard.press('Escape')
    expect(await page.getByText('nowhere').count()).toBe(0)
  })

  it('shows a new API token once', async () => {
    await page.goto('/settings?tab=tokens')
    await settled(page)
    await page.getByRole('button', { name: 'Create token' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('backup script')
    await dialog.getByRole('button', { name: 'Create token' }).click()
    await page.getByText('The token, shown this once').waitFor()
    const secret = (await dialog.locator('code').textContent()) ?? ''
    expect(secret.length).toBeGreaterThan(30)
    await dialog.getByRole('button', { name: 'Done' }).click()
    await page.getByText('backup script').waitFor()
    expect(await page.content()).not.toContain(secret)
  })

  it('adds a user, who may look but not administer', async () => {
    await page.goto('/settings?tab=users')
    await settled(page)
    await page.getByRole('button', { name: 'Add user' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('User name').fill(VIEWER.username)
    await dialog.getByLabel('Password').fill(VIEWER.password)
    await dialog.getByRole('button', { name: 'Add user' }).click()
    await page.getByText(VIEWER.username, { exact: true }).waitFor()

    const viewer = await visit(browser, product.url, { signedIn: false })
    await viewer.page.goto('/login')
    await viewer.page.getByLabel('User name').fill(VIEWER.username)
    await viewer.page.getByLabel('Password').fill(VIEWER.password)
    await viewer.page.getByRole('button', { name: 'Sign in' }).click()
    await viewer.page.waitForURL(`${product.url}/`)
    const navigation = viewer.page.getByRole('navigation', { name: 'Main' })
    await navigation.getByRole('link', { name: 'Events' }).waitFor()
    expect(await navigation.getByRole('link', { name: /^(Storage|Backups|Audit|Doctor)$/ }).count()).toBe(0)
    await viewer.page.goto('/audit')
    await viewer.page.getByText('You may not see this').waitFor()
    await viewer.page.goto('/settings')
    await settled(viewer.page)
    expect(await viewer.page.getByRole('tab', { name: 'Users' }).count()).toBe(0)
    await viewer.close()
  })
})

describe('audit', () => {
  it('tells who did all this', async () => {
    await page.goto('/audit?action=user.')
    await settled(page)
    const row = page.getByText('user.create').filter({ visible: true }).first()
    await row.click()
    await page.getByText(VIEWER.username).filter({ visible: true }).first().waitFor()
    expect(await page.content()).not.toContain(VIEWER.password)
  })
})
