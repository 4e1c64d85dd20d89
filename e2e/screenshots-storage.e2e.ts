import type { APIResponse, Page } from 'playwright-core'
import { afterAll, beforeAll, it } from 'vitest'
import { finishMoves } from './finish-moves.ts'
import { openPhotographer, type Photographer } from './pictures.ts'
import { type Stage, setStage } from './stage.ts'

/** The rows of `metrics` are enough to see a copy on its way. */
const HISTORY = '30d'
const MIRRORED = ['traces', 'audit', 'llm-traces', 'monitoring', 'notifications', 'settings']

interface Unit {
  readonly state: string
  readonly verify: { readonly clean: boolean } | null
}

let stage: Stage
let photographer: Photographer

beforeAll(async () => {
  stage = await setStage({ hosts: 3, containers: 40, history: HISTORY })
  photographer = await openPhotographer(stage.browser, stage.product.url)
})
afterAll(() => stage?.close())

const answered = async (asked: Promise<APIResponse>): Promise<APIResponse> => {
  const answer = await asked
  if (!answer.ok()) throw new Error(`${answer.url()}: ${await answer.text()}`)
  return answer
}
const change = (method: 'POST' | 'PUT', path: string, data: unknown = {}) =>
  answered(stage.page.request.fetch(path, { method, data, headers: { origin: stage.product.url } }))

async function until(unit: string, condition: (unit: Unit) => boolean): Promise<void> {
  for (;;) {
    const answer = await answered(stage.page.request.get(`/api/storage/units/${unit}`))
    if (condition(await answer.json())) return
    await stage.page.waitForTimeout(250)
  }
}

const scrollTo = (page: Page, unit: string) => page.locator(`[data-unit="${unit}"]`).scrollIntoViewIfNeeded()

it('takes pictures of a move from its plan to its end', { timeout: 900_000 }, async () => {
  const { page, product, postgresUrl } = stage
  await photographer.take('storage-planned', '/storage?tab=plan', async (shown) => {
    await shown.getByRole('button', { name: 'Make the plan' }).click()
    await shown.getByText('Disk needed').waitFor()
  })
  for (const unit of MIRRORED) await change('POST', `/api/storage/units/${unit}/mirror`)
  for (const unit of MIRRORED) await until(unit, ({ verify }) => verify?.clean === true)
  await change('PUT', '/api/storage/units/settings/shadow', { share: 100 })
  for (let i = 0; i < 40; i++) await page.request.get('/api/settings')
  await photographer.take('storage-moving', '/storage')
  await photographer.take('storage-verified', '/storage', async (shown) => {
    await shown.locator('[data-unit="settings"] summary').click()
    await scrollTo(shown, 'settings')
  })
  await change('POST', '/api/storage/units/metrics/mirror')
  await until('metrics', ({ state }) => state === 'copying')
  await photographer.take('storage-copying', '/storage', (shown) => scrollTo(shown, 'metrics'))
  await photographer.close()

  await product.halt()
  await finishMoves(product.dataDir, postgresUrl)
  await product.start({ STORAGE_PLACEMENT: undefined })
  const afterwards = await openPhotographer(stage.browser, product.url)
  await afterwards.take('storage-finished', '/storage', (shown) =>
    shown.getByText('nothing uses the SQLite file any more').waitFor(),
  )
  await afterwards.close()
})
