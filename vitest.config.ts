import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'backend/**/*.test.ts',
      'frontend/**/*.test.{ts,tsx}',
      'bench/**/*.test.ts',
      'scripts/**/*.test.{ts,mjs}',
    ],
    globalSetup: ['backend/test/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // The first test of a run that needs a server waits until it is installed and started.
    hookTimeout: 180_000,
    testTimeout: 60_000,
  },
})
