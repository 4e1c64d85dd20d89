import type { Browser, Page } from 'playwright-core'
import { expect } from 'vitest'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { violations } from './accessibility.ts'
import { launchBrowser, type Visit, visit } from './browser.ts'
import { type Product, type ProductOptions, startProduct } from './product.ts'

export interface Stage extends Visit {
  readonly product: Product
  readonly browser: Browser
  /** Of the database to which domains can be moved. */
  readonly postgresUrl: string
}

/** A product in SQLite with a database beside it, and ADMIN's browser on it. `close` ends all of them. */
export async function setStage(options: Omit<ProductOptions, 'postgresUrl'>): Promise<Stage> {
  const endings: (() => Promise<void>)[] = []
  const close = async () => {
    for (const end of endings.reverse()) await end()
  }
  try {
    const postgres = await startPostgres()
    endings.push(() => postgres.stop())
    const product = await startProduct({ ...options, postgresUrl: postgres.url })
    endings.push(() => product.stop())
    const browser = await launchBrowser()
    endings.push(() => browser.close())
    const visitor = await visit(browser, product.url)
    return { ...visitor, product, browser, postgresUrl: postgres.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

export async function expectAccessible(page: Page): Promise<void> {
  const found = await violations(page)
  expect(found.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([])
}
