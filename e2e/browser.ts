import { spawnSync } from 'node:child_process'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { ADMIN } from './product.ts'

export const VIEWPORTS = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const

function chromiumPath(): string {
  const given = process.env.CHROMIUM_PATH
  if (given) return given
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found !== '') return found
  }
  throw new Error('No Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM_PATH')
}

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-sync',
      '--no-first-run',
    ],
  })

/** What a visitor saw that no visitor should see. */
export interface Complaints {
  /** Errors of scripts and of the console, violations of the content security policy among them. */
  readonly errors: string[]
  /** Requests that left for another origin than the product's. */
  readonly foreign: string[]
}

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  readonly complaints: Complaints
  close(): Promise<void>
}

export interface VisitOptions {
  theme?: 'dark' | 'light'
  viewport?: keyof typeof VIEWPORTS
  /** Signs in as ADMIN first. */
  signedIn?: boolean
}

/** A fresh browser profile on the product. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { theme = 'dark', viewport = 'desktop', signedIn = true } = options
  const context = await browser.newContext({
    baseURL: url,
    viewport: VIEWPORTS[viewport],
    colorScheme: theme,
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
  })
  const complaints: Complaints = { errors: [], foreign: [] }
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.errors.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.errors.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== new URL(url).host) {
      complaints.foreign.push(request.url())
    }
  })
  if (signedIn) {
    const answer = await context.request.post('/api/auth/login', { data: ADMIN, headers: { origin: url } })
    if (!answer.ok()) throw new Error(`Signing in answered ${answer.status()}: ${await answer.text()}`)
  }
  return { page, context, complaints, close: () => context.close() }
}

/** Waits until nothing on the page is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('main').first().waitFor()
  await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
  await page.locator('figure[aria-busy="true"]').first().waitFor({ state: 'detached' })
}
