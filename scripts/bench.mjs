// `npm run bench -- NAME [--quick] [--json]`: runs bench/NAME.ts against the built product.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
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
const awake = stayAwake()
const result = spawnSync(bin('tsx'), ['--expose-gc', file, ...args], { cwd: root, stdio: 'inherit' })
for (const each of awake) each.kill()
process.exit(result.status ?? 1)

/**
 * A virtual machine whose processors sleep between two requests waits for them as long as its neighbours like. Here they
 * stay awake with something that gives way to whatever else wants to run.
 */
function stayAwake() {
  if (spawnSync('chrt', ['--idle', '0', 'true']).status !== 0) {
    say('chrt is missing (util-linux): processors fall asleep, and times are those of the whole machine')
    return []
  }
  const spin = `
    const turn = () => {
      if (process.ppid !== ${process.pid}) process.exit()
      for (const until = Date.now() + 200; Date.now() < until; );
      setImmediate(turn)
    }
    turn()`
  return Array.from({ length: availableParallelism() }, () =>
    spawn('chrt', ['--idle', '0', process.execPath, '-e', spin], { stdio: 'ignore' }),
  )
}
