// `npm run e2e [-- vitest arguments]`: the built product in a real Chromium.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { installInCi } from './debian.mjs'
import { bin, ensureBuilt, root, say } from './ensure.mjs'

function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found !== '' && existsSync(found)) return found
  }
  return undefined
}

ensureBuilt()
if (!findChromium()) installInCi('chromium', 'Chromium for the browser tests')
const chromium = findChromium()
if (!chromium) {
  say('no Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM_PATH')
  process.exit(1)
}
const result = spawnSync(
  bin('vitest'),
  ['run', '--config', 'e2e/vitest.config.ts', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CHROMIUM_PATH: chromium },
  },
)
process.exit(result.status ?? 1)
