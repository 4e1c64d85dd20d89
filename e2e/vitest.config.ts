import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    // Pictures for the documentation are made on request: SCREENSHOTS=1 npm run e2e -- screenshots,
    // some of them with SCREENSHOTS=overview,container-logs
    exclude: process.env.SCREENSHOTS ? [] : ['e2e/screenshots*.e2e.ts'],
    pool: 'forks',
    // Each has a product and a browser of its own. They wait more than they work, and nothing is measured here.
    maxWorkers: 2,
    hookTimeout: 180_000,
    testTimeout: 120_000,
    // What is waited for comes late on a machine that has no time.
    expect: { poll: { timeout: 30_000 } },
  },
})
