import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, settled, type Visit, visit } from './browser.ts'
import { ADMIN, type Product, startProduct } from './product.ts'

let product: Product
let browser: Browser
let guest: Visit

beforeAll(async () => {
  product = await startProduct({ withAdmin: false, history: '0', hosts: 1, containers: 5 })
  browser = await launchBrowser()
  guest = await visit(browser, product.url, { signedIn: false })
})

afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

// One story: each step starts where the one before ended.
describe('first start', () => {
  it('shows the overview before anybody has an account, and leads to making one', async () => {
    const { page } = guest
    await page.goto('/')
    await settled(page)
    await page.getByText('no admin exists yet').waitFor()
    expect(await page.getByRole('link', { name: /^Containers \d+$/ }).count()).toBe(1)
    await page.getByRole('link', { name: 'Create the admin' }).click()
    await page.getByRole('heading', { name: 'Create the admin' }).waitFor()
  })

  it('says on other pages that the admin comes first', async () => {
    const { page } = guest
    await page.goto('/settings')
    await page.getByText('Create the admin first').waitFor()
  })

  it('refuses a wrong setup token and passwords that differ', async () => {
    const { page } = guest
    await page.goto('/setup')
    await page.getByLabel('Setup token').fill('not-the-token')
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
    await page.getByLabel('Password again').fill('something else')
    await page.getByRole('button', { name: /Create the admin/ }).click()
    await page.getByText('The two are not the same').waitFor()
    await page.getByLabel('Password again').fill(ADMIN.password)
    await page.getByRole('button', { name: /Create the admin/ }).click()
    await page.getByRole('alert').waitFor()
    expect(new URL(page.url()).pathname).toBe('/setup')
  })

  it('makes the admin from the address in the log and signs in', async () => {
    const { page } = guest
    await page.goto(product.setupUrl())
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
    await page.getByLabel('Password again').fill(ADMIN.password)
    await page.getByRole('button', { name: /Create the admin/ }).click()
    await page.waitForURL(`${product.url}/`)
    await settled(page)
    expect(await page.getByText('no admin exists yet').count()).toBe(0)
    await page.getByRole('button', { name: 'Account' }).click()
    await page.getByText(`${ADMIN.username} · admin`).waitFor()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  it('keeps the setup page closed from then on', async () => {
    const { page } = guest
    await page.goto(product.setupUrl())
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})

describe('sign in', () => {
  it('asks for it and then opens the page that was wanted', async () => {
    const { page } = guest
    await page.goto('/audit?action=auth.')
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password').fill('a wrong password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Password').fill(ADMIN.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Audit' }).waitFor()
    expect(page.url()).toContain('/audit?action=auth.')
    await page.getByText('auth.setup').filter({ visible: true }).first().waitFor()
  })

  it('does not follow a link to another site', async () => {
    const { page } = await visit(browser, product.url, { signedIn: false })
    await page.goto('/login?next=//example.com/')
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password').fill(ADMIN.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${product.url}/`)
    await page.context().close()
  })

  it('opens the start page that the user has chosen', async () => {
    const chosen = await visit(browser, product.url)
    await chosen.page.goto('/settings?tab=sessions')
    await settled(chosen.page)
    const start = chosen.page.getByRole('combobox', { name: 'Start page' })
    await start.selectOption('Containers')
    await chosen.page.getByText('Saved').waitFor()
    const { page, close } = await visit(browser, product.url, { signedIn: false })
    await page.goto('/')
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password').fill(ADMIN.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${product.url}/containers`)
    await start.selectOption('Overview')
    await expect.poll(() => start.inputValue()).toBe('/')
    await close()
    await chosen.close()
  })

  it('sends a visitor back to it when the session is ended elsewhere', async () => {
    const here = await visit(browser, product.url)
    const there = await visit(browser, product.url)
    await here.page.goto('/hosts')
    await settled(here.page)
    await there.page.goto('/settings?tab=sessions')
    await settled(there.page)
    const others = there.page.getByRole('button', { name: 'End', exact: true })
    const count = await others.count()
    expect(count).toBeGreaterThan(0)
    for (let left = count; left > 0; left -= 1) {
      await others.first().click()
      await expect.poll(() => others.count()).toBe(left - 1)
    }
    await here.page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 15_000 })
    await here.page.getByText('Your session has ended').waitFor()
    expect(here.page.url()).toContain('next=%2Fhosts')
    await there.close()
    await here.close()
  })
})
