import pg from 'pg'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled, visit } from './browser.ts'
import { expectAccessible, type Stage, setStage } from './stage.ts'

let stage: Stage
let page: Page

beforeAll(async () => {
  stage = await setStage({ history: '0', hosts: 1, containers: 5 })
  page = stage.page
})
afterAll(() => stage?.close())

async function onDatabase(sql: string): Promise<void> {
  const client = new pg.Client(stage.postgresUrl)
  await client.connect()
  await client.query(sql)
  await client.end()
}

const index = () => page.locator('[data-finding="schema.index"]')

async function runAgain(): Promise<void> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/api/doctor'))
  await page.getByRole('button', { name: 'Run again' }).click()
  await answered
}

describe('the doctor page', () => {
  it('shows what is wrong with its cure, and that it is gone', async () => {
    await onDatabase('DROP INDEX idx_audit_created')
    await page.goto('/doctor')
    await settled(page)
    await index().getByText('An index is missing').waitFor()
    expect(await index().getByText('Warning').isVisible()).toBe(true)
    await expectAccessible(page)
    const command = await index().locator('code').textContent()
    await onDatabase(command ?? '')
    await runAgain()
    await index().waitFor({ state: 'detached' })
    expect(await page.getByText('Tables, keys and indexes').count()).toBe(0)
    await page.getByRole('switch', { name: /Show what is fine/ }).click()
    await page.getByText('Tables, keys and indexes').first().waitFor()
    await expectAccessible(page)
  })

  it('says that there is nothing to mend', async () => {
    await page.route('**/api/doctor', async (route) => {
      const response = await route.fetch()
      const report: { findings: { severity: string }[] } = await response.json()
      const findings = report.findings.filter(({ severity }) => severity === 'ok')
      const counts = { error: 0, warning: 0, info: 0, ok: findings.length }
      await route.fulfill({ response, json: { ...report, findings, counts } })
    })
    await page.goto('/doctor')
    await settled(page)
    await page.getByRole('main').getByText('were looked at and are fine').waitFor()
    await expectAccessible(page)
    expect(stage.complaints.errors).toEqual([])
  })

  it.each([
    ['in light', { theme: 'light' }],
    ['on a phone', { viewport: 'phone' }],
  ] as const)('reads well %s', async (_name, options) => {
    const opened = await visit(stage.browser, stage.product.url, options)
    await opened.page.goto('/doctor')
    await settled(opened.page)
    await opened.page.locator('[data-finding]').first().waitFor()
    await opened.page.getByRole('switch', { name: /Show what is fine/ }).click()
    await expectAccessible(opened.page)
    const overflow = await opened.page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)
    expect(overflow).toBe(0)
    await opened.close()
  })

  it('is for admins alone', async () => {
    const opened = await visit(stage.browser, stage.product.url, { signedIn: false })
    const { status } = await opened.page.request
      .get('/api/doctor')
      .then((answer) => ({ status: answer.status() }))
    expect(status).toBe(401)
    await opened.close()
  })
})
