import { join } from 'node:path'
import type { APIResponse, Page } from 'playwright-core'
import { afterAll, beforeAll, it } from 'vitest'
import { fillDomains } from './fill-domains.ts'
import { finishMoves } from './finish-moves.ts'
import { openPhotographer, openPictureFolder, type Photographer } from './pictures.ts'
import { type Stage, setStage } from './stage.ts'

/** The rows of `metrics` are enough to see a copy on its way. */
const HISTORY = '30d'
/** From the start, so that they can be cut over; `monitoring` joins them later. */
const MIRRORED = ['traces', 'audit', 'llm-traces', 'settings']

interface Unit {
  readonly progress: { readonly copiedRows: number } | null
  readonly verify: { readonly clean: boolean; readonly running: boolean } | null
  readonly actions: readonly { readonly action: string; readonly possible: boolean }[]
}

let folder: Awaited<ReturnType<typeof openPictureFolder>>
let stage: Stage
let photographer: Photographer

beforeAll(async () => {
  folder = await openPictureFolder()
  stage = await setStage({
    hosts: 3,
    containers: 40,
    history: HISTORY,
    dataDir: join(folder.path, 'data'),
  })
  await stage.product.halt()
  await fillDomains(stage.product.dataDir)
  await stage.product.start()
  photographer = await openPhotographer(stage.browser, stage.product.url)
})
afterAll(async () => {
  await stage?.close()
  await folder?.close()
})

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

const may =
  (action: string) =>
  ({ actions }: Unit): boolean =>
    actions.some((each) => each.action === action && each.possible)
const isClean = ({ verify }: Unit): boolean => verify?.clean === true && !verify.running

const step = (action: string, unit: string) => change('POST', `/api/storage/units/${unit}/${action}`)

const scrollTo = (page: Page, unit: string) => page.locator(`[data-unit="${unit}"]`).scrollIntoViewIfNeeded()

/** One unit finished, one live in its new store, one ready for it, one just mirrored. */
async function moveSome(): Promise<void> {
  for (const unit of MIRRORED) await step('mirror', unit)
  for (const unit of MIRRORED) await until(unit, isClean)
  for (const unit of MIRRORED) await until(unit, may('cutover'))
  for (const unit of ['traces', 'audit']) await step('cutover', unit)
  await until('traces', may('verify'))
  await step('verify', 'traces')
  await until('traces', may('finish'))
  await step('finish', 'traces')
  await until('traces', may('purge'))
  await step('verify', 'audit')
  await until('audit', isClean)
  await step('mirror', 'monitoring')
  await until('monitoring', isClean)
}

it('takes pictures of a move from its plan to its end', { timeout: 900_000 }, async () => {
  const { page, product, postgresUrl } = stage
  await photographer.take('storage-planned', '/storage?tab=plan', async (shown) => {
    await shown.getByRole('button', { name: 'Make the plan' }).click()
    await shown.getByText('Disk needed').waitFor()
  })
  await moveSome()
  await change('PUT', '/api/storage/units/settings/shadow', { share: 100 })
  for (let i = 0; i < 40; i++) await page.request.get('/api/settings')
  await photographer.take('storage-moving', '/storage')
  await photographer.take('storage-verified', '/storage', async (shown) => {
    await shown.getByRole('button', { name: 'Details settings' }).click()
    await shown.getByRole('dialog').waitFor()
  })
  await photographer.take('storage-timeline', '/storage?tab=timeline')
  await step('mirror', 'metrics')
  await until('metrics', ({ progress }) => (progress?.copiedRows ?? 0) > 0)
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
