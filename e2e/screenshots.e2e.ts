import { once } from 'node:events'
import { join } from 'node:path'
import type { APIRequestContext, Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, it } from 'vitest'
import { Engine } from '../backend/src/demo/engine.ts'
import { createEngineServer } from '../backend/src/demo/server.ts'
import { buildWorld } from '../backend/src/demo/world.ts'
import { launchBrowser, visit } from './browser.ts'
import { inventMachine } from './invented-machine.ts'
import { aContainer, allPages, type PageCase } from './pages.ts'
import { openPhotographer, openPictureFolder } from './pictures.ts'
import { type Product, startProduct } from './product.ts'

/** Shows the file systems of the machine that takes the pictures. */
const PRIVATE = ['host-hardware']
/** Taken of a storage in motion, in a file of their own, or of nothing but emptiness. */
const ELSEWHERE = ['storage', 'storage-plan', 'storage-quarantine', 'storage-timeline']
/** Live charts look like charts after a few samples. */
const MOVING_MS = 120_000
const START_MS = 600_000
const CONTAINERS = 100
/** Of the invented machine. */
const OWN_CONTAINERS = 9

let folder: Awaited<ReturnType<typeof openPictureFolder>>
let product: Product
let browser: Browser
let machine: ReturnType<typeof inventMachine>
let engine: Awaited<ReturnType<typeof startLocalEngine>>
let pages: PageCase[]

beforeAll(async () => {
  folder = await openPictureFolder()
  machine = inventMachine(join(folder.path, 'host'))
  engine = await startLocalEngine(join(folder.path, 'docker.sock'))
  product = await startProduct({
    hosts: 5,
    containers: CONTAINERS,
    history: '30d',
    dataDir: join(folder.path, 'data'),
    env: { ...machine.env, DOCKER_SOCKET: engine.socket },
  })
  browser = await launchBrowser()
  const { page, context, close } = await visit(browser, product.url)
  // As the doctor asks: the admin is there, so the password is no longer set.
  await product.halt()
  await product.start({ ADMIN_USERNAME: undefined, ADMIN_PASSWORD: undefined })
  await fleetIsSeen(context.request)
  const cart = await aContainer(context.request, 'shop-cart-1')
  const runner = await aContainer(context.request, 'delivery-runner-1')
  /** Pages that say more of another container than the first. */
  const paths: Partial<Record<string, string>> = {
    'container-events': `/containers/${cart.endpointId}/${cart.name}?tab=events`,
    'container-logs': `/containers/${runner.endpointId}/${runner.name}?tab=logs`,
    'stack-logs': `/stacks/${cart.endpointId}/${cart.stack}?tab=logs`,
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
  engine?.stop()
  machine?.stop()
  await folder?.close()
})

/** An invented engine for the invented machine. */
async function startLocalEngine(socket: string) {
  const [host] = buildWorld({ hosts: 1, containers: OWN_CONTAINERS, seed: 7, faults: false })
  if (!host) throw new Error('The simulated world is empty')
  const server = createEngineServer(new Engine(host, Date.now), { delayMs: 0, mode: 'answer' }, 1)
  await once(server.listen(socket), 'listening')
  return {
    socket,
    stop() {
      server.close()
      server.closeAllConnections()
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

/** Every engine has told of its containers. */
async function fleetIsSeen(request: APIRequestContext): Promise<void> {
  for (;;) {
    const answer = await request.get('/api/fleet/overview')
    const { counts }: { counts: { containers: number } } = await answer.json()
    if (counts.containers >= CONTAINERS + OWN_CONTAINERS) return
    await new Promise((resolve) => setTimeout(resolve, 500))
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

const someLines = (page: Page) => page.locator('[data-log-row]').nth(20).waitFor()

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog')
  await palette.getByRole('combobox').fill('api')
  await palette.getByRole('option').first().waitFor()
}

it('takes a picture of every page', { timeout: 900_000 }, async () => {
  const member = await openPhotographer(browser, product.url)
  for (const { name, path } of pages.filter(({ signedIn }) => signedIn))
    await member.take(name, path, name.endsWith('-logs') ? someLines : undefined)
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
