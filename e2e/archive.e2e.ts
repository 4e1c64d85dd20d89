import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { settled, visit } from './browser.ts'
import { finishMoves } from './finish-moves.ts'
import { expectAccessible, type Stage, setStage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await setStage({ history: '0', hosts: 1, containers: 5 })
  const { product, postgresUrl } = stage
  await product.halt()
  await finishMoves(product.dataDir, postgresUrl)
  // The setting with which it began stands in the way of the archive.
  await product.start({ STORAGE_PLACEMENT: undefined })
})
afterAll(() => stage?.close())

it('puts the SQLite file away once everything is finished, and deletes it on request', async () => {
  const { product, browser } = stage
  const { page, complaints, close } = await visit(browser, product.url)
  await page.goto('/storage')
  await settled(page)
  const card = page.getByRole('region', { name: 'SQLite file' })
  await card.getByText('nothing uses the SQLite file any more').waitFor()
  await page.getByText('18 of 18 units in PostgreSQL').waitFor()
  await expectAccessible(page)

  await card.getByRole('button', { name: 'Archive the file' }).click()
  const dialog = page.getByRole('dialog')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Archive the file' }).click()
  await dialog.waitFor({ state: 'detached' })
  await card.getByText('No SQLite file is in use: everything is in PostgreSQL').waitFor()
  await card.getByText('SHA-256').waitFor()
  expect(existsSync(join(product.dataDir, 'holdfast.db'))).toBe(false)
  const path = (await card.getByRole('listitem').locator('.mono').first().textContent()) ?? ''
  expect(existsSync(path)).toBe(true)
  await expectAccessible(page)

  await card.getByRole('button', { name: 'Delete' }).click()
  const confirm = dialog.getByRole('button', { name: 'Delete' })
  expect(await confirm.isEnabled()).toBe(false)
  await dialog.getByRole('textbox').fill('delete')
  await confirm.click()
  await card.getByText('deleted', { exact: true }).waitFor()
  expect(existsSync(path)).toBe(false)
  await page.goto('/storage?tab=timeline')
  await page.getByText('archived file deleted').waitFor()
  expect(complaints).toEqual({ errors: [], foreign: [] })
  await close()
})
