import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { APIRequestContext, Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, it } from 'vitest'
import { Engine } from '../backend/src/demo/engine.ts'
import { createEngineServer } from '../backend/src/demo/server.ts'
import { buildWorld } from '../backend/src/demo/world.ts'
import { launchBrowser, visit } from './browser.ts'
import { aContainer, allPages, type PageCase } from './pages.ts'
import { openPhotographer } from './pictures.ts'
import { type Product, startProduct } from './product.ts'

/** Shows what else runs on the machine that takes the pictures. */
const PRIVATE = ['host-processes', 'host-hardware']
/** Taken of a storage in motion, in a file of their own, or of nothing but emptiness. */
const ELSEWHERE = ['storage', 'storage-plan', 'storage-quarantine', 'storage-timeline']
/** Live charts look like charts after a few samples. */
const MOVING_MS = 120_000
const START_MS = 600_000

let product: Product
let browser: Browser
let engine: Awaited<ReturnType<typeof startLocalEngine>>
let pages: PageCase[]

beforeAll(async () => {
  engine = await startLocalEngine()
  product = await startProduct({ hosts: 5, containers: 100, history: '30d', dockerSocket: engine.socket })
  browser = await launchBrowser()
  const { page, context, close } = await visit(browser, product.url)
  const cart = await aContainer(context.request, 'shop-cart-1')
  const proxy = await aContainer(context.request, 'edge-traefik-1')
  /** Pages that say more of another container than the first. */
  const paths: Partial<Record<string, string>> = {
    'container-events': `/containers/${cart.endpointId}/${cart.name}?tab=events`,
    'container-logs': `/containers/${proxy.endpointId}/${proxy.name}?tab=logs`,
  }
  pages = (await allPages(context))
    .filter(({ name }) => ![...PRIVATE, ...ELSEWHERE].includes(name))
    .map((page) => ({ ...page, path: paths[page.name] ?? page.path }))
  // Watched, it is sampled each second.
  await page.goto('/')
  await doSomeWork(context.request)
  await page.waitForTimeout(MOVING_MS)
  await close()
}, START_MS)

afterAll(async () => {
  await browser?.close()
  await product?.stop()
  await engine?.stop()
})

/** An invented engine for this machine, whose own one would give another picture on every machine. */
async function startLocalEngine() {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-engine-'))
  const socket = join(folder, 'docker.sock')
  const [host] = buildWorld({ hosts: 1, containers: 9, seed: 7, faults: false })
  if (!host) throw new Error('The simulated world is empty')
  const server = createEngineServer(new Engine(host, Date.now), { delayMs: 0, mode: 'answer' }, 1)
  await once(server.listen(socket), 'listening')
  return {
    socket,
    async stop() {
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What an operator does on a morning, so that no list is empty. */
async function doSomeWork(request: APIRequestContext): Promise<void> {
  const call = async (method: 'POST' | 'PATCH', path: string, data: unknown = {}) => {
    const answer = await request.fetch(path, { method, data, headers: { origin: product.url } })
    if (!answer.ok()) throw new Error(`${method} ${path}: ${await answer.text()}`)
  }
  await call('POST', '/api/users', { username: 'ben', password: 'a-long-password', role: 'operator' })
  await call('POST', '/api/users', { username: 'chloe', password: 'a-long-password', role: 'viewer' })
  await call('POST', '/api/tokens', { name: 'prometheus', scopes: ['metrics'] })
  const expiresAt = new Date(Date.now() + 90 * 86_400_000).toISOString()
  await call('POST', '/api/tokens', { name: 'deploy script', scopes: ['read', 'write'], expiresAt })
  await call('PATCH', '/api/settings', { values: { 'audit.retention.days': 730 } })
  for (const name of ['shop-cart-1', 'payments-gateway-1']) {
    const { endpointId, id } = await aContainer(request, name)
    await call('POST', `/api/containers/${endpointId}/${id}/restart`)
  }
  for (let i = 0; i < 2; i++) {
    await call('POST', '/api/backups')
    await backedUp(request)
  }
}

async function backedUp(request: APIRequestContext): Promise<void> {
  for (;;) {
    const answer = await request.get('/api/backups')
    const { operation }: { operation: unknown } = await answer.json()
    if (operation === null) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog')
  await palette.getByRole('combobox').fill('api')
  await palette.getByRole('option').first().waitFor()
}

it('takes a picture of every page', { timeout: 900_000 }, async () => {
  const member = await openPhotographer(browser, product.url)
  for (const { name, path } of pages.filter(({ signedIn }) => signedIn)) await member.take(name, path)
  await member.take('palette', '/', openPalette)
  await member.close()
  const guest = await openPhotographer(browser, product.url, { signedIn: false })
  for (const { name, path } of pages.filter(({ signedIn }) => !signedIn)) await guest.take(name, path)
  await guest.close()
})

it('takes a picture of the first start', { timeout: 180_000 }, async () => {
  const fresh = await startProduct({ withAdmin: false, history: '0', hosts: 1, containers: 20 })
  try {
    const guest = await openPhotographer(browser, fresh.url, { signedIn: false })
    await guest.take('setup', new URL(fresh.setupUrl()).pathname)
    await guest.close()
  } finally {
    await fresh.stop()
  }
})
