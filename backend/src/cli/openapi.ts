import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'

const DEFAULT_OUTPUT = fileURLToPath(new URL('../../../frontend/openapi.json', import.meta.url))

/** `holdfast openapi`: writes the OpenAPI document, from which the client of the web page is generated. */
export function registerOpenApi(program: Command): void {
  program
    .command('openapi')
    .description('write the OpenAPI document of the API')
    .option('-o, --output <file>', 'file to write; - for standard output', DEFAULT_OUTPUT)
    .action(async (options: { output: string }) => {
      const text = `${JSON.stringify(await describeApi(), null, 2)}\n`
      if (options.output === '-') process.stdout.write(text)
      else writeFileSync(options.output, text)
    })
}

/** Composes the product on an empty data folder, as the server does, and starts none of it. */
async function describeApi(): Promise<unknown> {
  const { createApp } = await import('../app.ts')
  const { loadConfig } = await import('../core/config/config.ts')
  const { createLogger } = await import('../core/log.ts')
  const { openStorage } = await import('../db/app-db-router.ts')
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-openapi-'))
  const log = createLogger('silent')
  const config = loadConfig({ DATA_DIR: dataDir })
  const storage = await openStorage({ config, log, clock: () => new Date() })
  try {
    const app = createApp({ config, log, storage })
    await app.stop()
    return app.openApi
  } finally {
    await storage.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
