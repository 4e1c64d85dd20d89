import axe, { type Result } from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe has against a page as it stands, by all of its rules or by `rules`. No page has frames. */
export async function violations(page: Page, rules?: readonly string[]): Promise<Result[]> {
  await page.evaluate(axe.source)
  const inPage = await page.evaluateHandle<typeof axe>('axe')
  const found = await inPage.evaluate(
    (its, only) =>
      its.run({
        // It finds a selector for each element of the kinds that are wanted: of all that pass, that takes seconds.
        resultTypes: ['violations'],
        ...(only && { runOnly: { type: 'rule' as const, values: [...only] } }),
      }),
    rules,
  )
  return found.violations
}
