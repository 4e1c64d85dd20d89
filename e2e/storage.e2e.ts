import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled } from './browser.ts'
import { expectAccessible, type Stage, setStage } from './stage.ts'

/** A cut over waits for a calm minute and for a backup that was read back. */
const FLIP_MS = 150_000

let stage: Stage
let page: Page

beforeAll(async () => {
  stage = await setStage({ history: '0', hosts: 1, containers: 5 })
  page = stage.page
})
afterAll(() => stage?.close())

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

describe('the storage page', () => {
  it('plans and rehearses a unit', async () => {
    await page.goto('/storage')
    await settled(page)
    await card('settings').getByRole('link', { name: 'Plan settings' }).click()
    await page.getByRole('button', { name: 'Make the plan' }).click()
    await page.getByRole('button', { name: 'Rehearse settings' }).click()
    await page.getByText('every row equal').waitFor()
    await expectAccessible(page)
  })

  it('shows the tables of a unit, and why other steps are not possible', async () => {
    await page.goto('/storage')
    await settled(page)
    await press('Details', 'sessions')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('cell', { name: 'login_attempts' }).waitFor()
    await dialog.getByText('It is not paused').waitFor()
    await expectAccessible(page)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  it('mirrors, cuts over and rolls back, live', { timeout: FLIP_MS + 60_000 }, async () => {
    await page.goto('/storage')
    await settled(page)
    await press('Mirror', 'settings')
    expect(await page.getByRole('dialog').textContent()).toContain('Can be undone')
    await confirm('Mirror')
    await card('settings').getByRole('img', { name: 'Changes flow from SQLite to PostgreSQL' }).waitFor()
    await card('settings').getByText('rows equal').waitFor()
    await expectAccessible(page)
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
    expect(stage.complaints).toEqual({ errors: [], foreign: [] })
  })
})
