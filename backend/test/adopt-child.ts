import { adopt } from '../src/adopt/index.ts'
import { loadConfig } from '../src/core/config/config.ts'
import { createLogger } from '../src/core/log.ts'

// An adoption that is killed: some milliseconds after it has begun with a unit.
const [path = '', domain = '', delay = '0'] = process.argv.slice(2)
await adopt({
  path,
  config: loadConfig(process.env),
  log: createLogger('silent'),
  clock: () => new Date(),
  dryRun: false,
  onUnit(unit) {
    if (!unit.some((name) => name === domain)) return
    if (delay === '0') process.kill(process.pid, 'SIGKILL')
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(delay))
  },
})
process.exit(17)
