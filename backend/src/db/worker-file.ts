import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The file of a worker. Built, it lies beside the module that starts it. From source, where it and what it imports are
 * TypeScript, which Node 20 cannot run in a worker, they are put together once into node_modules/.cache, under a name made of the
 * content.
 *
 * @param from `import.meta.url` of the module that starts it. @param name of the worker's file, without its ending.
 */
export async function workerFile(from: string, name: string): Promise<URL> {
  if (from.endsWith('.js')) return new URL(`./${name}.js`, from)
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`./${name}.ts`, from))],
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    write: false,
  })
  const code = outputFiles[0]?.text ?? ''
  const folder = new URL('../../../node_modules/.cache/holdfast/', import.meta.url)
  const digest = createHash('sha256').update(code).digest('hex').slice(0, 16)
  const file = new URL(`${name}-${digest}.mjs`, folder)
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    const temporary = new URL(`${name}-${digest}.${process.pid}.tmp`, folder)
    writeFileSync(temporary, code)
    renameSync(temporary, file)
  }
  return file
}
