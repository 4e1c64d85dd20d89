// `npm run bench -- NAME [--quick] [--json]`: runs bench/NAME.ts against the built product.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bin, ensureBuilt, root, say } from './ensure.mjs'

const [name, ...args] = process.argv.slice(2)
const file = join(root, 'bench', `${name}.ts`)
if (!name || !existsSync(file)) {
  const names = readdirSync(join(root, 'bench'))
    .filter((entry) => entry.endsWith('.ts') && entry !== 'bench.ts')
    .map((entry) => entry.slice(0, -3))
  say(`which benchmark? npm run bench -- ${names.join('|')} [--quick] [--json]`)
  process.exit(2)
}
ensureBuilt()
const result = spawnSync(bin('tsx'), ['--expose-gc', file, ...args], { cwd: root, stdio: 'inherit' })
process.exit(result.status ?? 1)
