// `npm run check`: everything that must hold before a commit; --static leaves the tests out.
// Ends with `N passed, N failed`, a step counting as one.
import { spawnSync } from 'node:child_process'
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
if (!process.argv.includes('--static')) steps.push(['tests', process.execPath, ['scripts/test.mjs']])

const failed = []
for (const [name, command, args] of steps) {
  say(name)
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (result.status !== 0) failed.push(name)
}
for (const name of failed) say(`failed: ${name}`)
process.stdout.write(`${steps.length - failed.length} passed, ${failed.length} failed\n`)
process.exit(failed.length === 0 ? 0 : 1)
