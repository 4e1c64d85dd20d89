// `npm run check`: everything that must hold before a commit; --static leaves the tests out.
// Ends with `N passed, N failed`, a step counting as one.
import { spawn, spawnSync } from 'node:child_process'
import { bin, ensureInstalled, root, say } from './ensure.mjs'

ensureInstalled()
const steps = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types of the backend', bin('tsc'), ['-p', 'backend', '--noEmit']],
  ['types of the frontend', bin('tsc'), ['-p', 'frontend', '--noEmit']],
  [
    'dependency directions',
    bin('depcruise'),
    ['--config', '.dependency-cruiser.mjs', 'backend/src', 'frontend/src'],
  ],
  ['dead code', bin('knip'), ['--treat-config-hints-as-errors']],
]
const failed = []

/** Two at a time: each keeps one core busy. What they print comes when they have ended. */
async function runSteps() {
  const waiting = [...steps]
  const lane = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const [name, command, args] = step
      const output = []
      const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
      const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
      say(name)
      process.stdout.write(Buffer.concat(output))
      if (code !== 0) failed.push(name)
    }
  }
  await Promise.all([lane(), lane()])
}

await runSteps()
let count = steps.length
if (!process.argv.includes('--static')) {
  count++
  say('tests')
  const tests = spawnSync(process.execPath, ['scripts/test.mjs'], { cwd: root, stdio: 'inherit' })
  if (tests.status !== 0) failed.push('tests')
}
for (const name of failed) say(`failed: ${name}`)
process.stdout.write(`${count - failed.length} passed, ${failed.length} failed\n`)
process.exitCode = failed.length === 0 ? 0 : 1
