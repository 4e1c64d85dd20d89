import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { settled, type Visit, visit } from './browser.ts'

const FOLDER = fileURLToPath(new URL('../docs/screenshots', import.meta.url))
/** `1` for all of them, else how the names of those to take begin, with commas between. */
const ONLY = (process.env.SCREENSHOTS ?? '1').split(',')
/** Charts are drawn and fonts are there. */
const DRAWN_MS = 1_500

const LOOKS = [
  { look: 'dark', theme: 'dark', viewport: 'desktop' },
  { look: 'light', theme: 'light', viewport: 'desktop' },
  { look: 'phone', theme: 'dark', viewport: 'phone' },
] as const

/**
 * A new folder for what a product in a picture has: its paths are in the picture, so its name tells nothing of this run. If
 * it is there, another run takes pictures, or one that was killed has left it.
 */
export async function openPictureFolder(): Promise<{ path: string; close(): Promise<void> }> {
  const path = join(tmpdir(), 'holdfast')
  await mkdir(path)
  return { path, close: () => rm(path, { recursive: true, force: true }) }
}

export interface Photographer {
  /**
   * One picture in each look.
   *
   * @param prepare brings the page into the state that is wanted, once it has loaded.
   */
  take(name: string, path: string, prepare?: (page: Page) => Promise<unknown>): Promise<void>
  close(): Promise<void>
}

/** One visitor for each look: signing in for every picture would fill the audit log with it. */
export async function openPhotographer(
  browser: Browser,
  url: string,
  options: { signedIn: boolean } = { signedIn: true },
): Promise<Photographer> {
  await mkdir(FOLDER, { recursive: true })
  const visitors: { look: string; visitor: Visit }[] = []
  for (const { look, ...others } of LOOKS)
    visitors.push({ look, visitor: await visit(browser, url, { ...others, ...options }) })
  return {
    async take(name, path, prepare = async () => null) {
      if (!ONLY.some((only) => only === '1' || name.startsWith(only))) return
      for (const { look, visitor } of visitors) {
        const { page } = visitor
        await page.goto(path)
        await settled(page)
        await prepare(page)
        await page.waitForTimeout(DRAWN_MS)
        await page.screenshot({ path: `${FOLDER}/${name}-${look}.png` })
      }
    },
    async close() {
      for (const { visitor } of visitors) await visitor.close()
    },
  }
}
