import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The worker's file. Built, it lies beside this one. From source, where it and what it imports are TypeScript, which
 * Node 20 cannot run in a worker, they are put together once into node_modules/.cache, under a name made of the content.
 */
export async function transferWorkerFile(): Promise<URL> {
  if (import.meta.url.endsWith('.js')) return new URL('./transfer-worker.js', import.meta.url)
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./transfer-worker.ts', import.meta.url))],
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    write: false,
  })
  const code = outputFiles[0]?.text ?? ''
  const folder = new URL('../../../../node_modules/.cache/holdfast/', import.meta.url)
  const digest = createHash('sha256').update(code).digest('hex').slice(0, 16)
  const file = new URL(`transfer-worker-${digest}.mjs`, folder)
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    const temporary = new URL(`transfer-worker-${digest}.${process.pid}.tmp`, folder)
    writeFileSync(temporary, code)
    renameSync(temporary, file)
  }
  return file
}
