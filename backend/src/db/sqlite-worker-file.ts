import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/**
 * The worker's file. Built, it lies beside this one. From source it is TypeScript, which Node 20 cannot run
 * in a worker (loaders registered in the main thread do not reach a worker's entry), so it is translated
 * once into node_modules/.cache, under a name made of its content.
 */
export async function sqliteWorkerFile(): Promise<URL> {
  if (import.meta.url.endsWith('.js')) return new URL('./sqlite-worker.js', import.meta.url)
  const source = readFileSync(new URL('./sqlite-worker.ts', import.meta.url), 'utf8')
  const folder = new URL('../../../node_modules/.cache/holdfast/', import.meta.url)
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 16)
  const file = new URL(`sqlite-worker-${digest}.mjs`, folder)
  if (!existsSync(file)) {
    const { transform } = await import('esbuild')
    const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node20' })
    mkdirSync(folder, { recursive: true })
    const temporary = new URL(`sqlite-worker-${digest}.${process.pid}.tmp`, folder)
    writeFileSync(temporary, code)
    renameSync(temporary, file)
  }
  return file
}
