import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, settled, visit } from './browser.ts'
import { ADMIN, type Product, startProduct } from './product.ts'
import { expectAccessible } from './stage.ts'

const RESTORE_MS = 60_000

let product: Product
let browser: Browser
let page: Page

beforeAll(async () => {
  product = await startProduct({ history: '0', hosts: 1, containers: 5 })
  browser = await launchBrowser()
  ;({ page } = await visit(browser, product.url))
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const rows = () => page.locator('[data-backup]')

describe('the backups page', () => {
  it('begins empty, makes a backup and proves it', async () => {
    await page.goto('/backups')
    await settled(page)
    await page.getByText('No backup yet').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Back up now' }).click()
    await rows().first().getByText('proved', { exact: true }).waitFor()
    await page.getByRole('progressbar').waitFor({ state: 'detached' })
    // Afresh: a button that is just being enabled is still pale.
    await page.goto('/backups')
    await settled(page)
    await expectAccessible(page)
  })

  it('shows what a restore loses, restores, and signs everybody out', { timeout: 180_000 }, async () => {
    await page.goto('/settings')
    await page.getByLabel('Name of this installation').fill('Changed since')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.goto('/backups')
    await rows().first().getByRole('button', { name: 'Restore' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('cell', { name: 'settings', exact: true }).waitFor()
    await expectAccessible(page)
    const confirm = dialog.getByRole('button', { name: 'Restore' })
    expect(await confirm.isEnabled()).toBe(false)
    await dialog.getByRole('textbox').fill('restore')
    await confirm.click()
    await page.getByLabel('Password').waitFor({ timeout: RESTORE_MS })
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password').fill(ADMIN.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL((url) => !url.pathname.startsWith('/login'))
    await page.goto('/backups')
    await page.getByText('was restored').waitFor()
    await page.getByText('before a restore').waitFor()
    await expectAccessible(page)
    await page.goto('/settings')
    expect(await page.getByLabel('Name of this installation').inputValue()).toBe('Holdfast')
  })

  it('drops what was set aside, deletes a backup, and takes it back', async () => {
    await page.goto('/backups')
    await page.getByRole('button', { name: /^Drop holdfast\.db/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click()
    await page.getByText('Set aside by restores').waitFor({ state: 'detached' })
    const name = (await rows().last().getAttribute('data-backup')) ?? ''
    const file = await page.context().request.get(`/api/backups/${name}/file`)
    await page.getByRole('button', { name: `Actions of ${name}` }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator(`[data-backup="${name}"]`).waitFor({ state: 'detached' })
    await page.locator('input[type=file]').setInputFiles({
      name,
      mimeType: 'application/x-tar',
      buffer: await file.body(),
    })
    await page.locator(`[data-backup="${name}"]`).getByText('not proved yet').waitFor()
  })
})
