import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../core/config/config.ts'
import type { Log } from '../core/log.ts'
import type { SpawnedFleet, Unmeasured } from '../demo/index.ts'

interface DemoOptions {
  hosts: number
  containers: number
  seed: number
  history: number
  faults: boolean
}

const DATA_DIR = './data/demo'
const EVENT_BATCH = 500
/** A shorter silence between two runs is no gap in a chart. */
const LEAST_GAP_MS = 90_000

/** `holdfast demo`: a simulated fleet in a process of its own, and the product pointed at it. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('try the product on a simulated fleet')
    .option('--hosts <number>', 'simulated hosts', wholeNumber(1, 500), 5)
    .option('--containers <number>', 'containers in all', wholeNumber(1, 20_000), 100)
    .option('--seed <number>', 'another number gives another fleet', wholeNumber(0, 2 ** 31), 1)
    .option(
      '--history <time>',
      'history that the first start invents, and later ones continue: 7d, 1y, 0',
      days,
      7,
    )
    .option('--no-faults', 'no leaks, crash loops and failing health checks')
    .action(async (options: DemoOptions) => {
      const env = { ...process.env, DATA_DIR: process.env.DATA_DIR ?? DATA_DIR }
      await runDemo(options, env)
    })
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

function days(text: string): number {
  const [, amount, unit] = /^(\d+)([dwy]?)$/.exec(text) ?? []
  const value = Number(amount) * (unit === 'y' ? 365 : unit === 'w' ? 7 : 1)
  if (amount === undefined || value > 730)
    throw new InvalidArgumentError('It is 7d, 4w, 1y and the like, or 0.')
  return value
}

async function runDemo(options: DemoOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const [{ loadConfig, ConfigError }, { createLogger }, { spawnSimulatedFleet }, { runServer }] =
    await Promise.all([
      import('../core/config/config.ts'),
      import('../core/log.ts'),
      import('../demo/index.ts'),
      import('../server.ts'),
    ])
  let config: Config
  try {
    config = loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
    return
  }
  const { hosts, containers, seed, faults } = options
  let simulator: SpawnedFleet
  try {
    simulator = await spawnSimulatedFleet({ hosts, containers, seed, faults })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
    return
  }
  console.log(`Simulated fleet: ${containers} containers on ${hosts} hosts, process ${simulator.pid}.`)
  try {
    await pointAt(simulator, options, config, createLogger(config.logLevel))
  } catch (error) {
    await simulator.close()
    process.stderr.write(`The demo cannot start. ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
    return
  }
  // Until SIGINT or SIGTERM. The simulator ends with this process, after the product has stopped.
  await runServer(env)
  console.log(`Open http://${config.host}:${config.port}`)
}

/**
 * Makes the simulated hosts endpoints of the product, as a person would, and gives them their history: new ones all of
 * it, known ones what is missing since the product ran last.
 */
async function pointAt(
  simulator: SpawnedFleet,
  options: DemoOptions,
  config: Config,
  log: Log,
): Promise<void> {
  const [
    { buildWorld, inventEvents, writeHistory },
    { createFleetStore },
    { createMetricsImport },
    { openStorage },
  ] = await Promise.all([
    import('../demo/index.ts'),
    import('../fleet/index.ts'),
    import('../metrics/index.ts'),
    import('../db/app-db-router.ts'),
  ])
  const { mkdir } = await import('node:fs/promises')
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const storage = await openStorage({ config, log: log.child({ part: 'storage' }), clock: () => new Date() })
  try {
    const store = createFleetStore(storage.getAppDbFor('fleet'))
    const known = new Map((await store.listEndpoints()).map((row) => [row.name, row]))
    const world = buildWorld(options)
    const measured = createMetricsImport(storage.getAppDbFor('metrics'))
    const nowMs = Date.now()
    const begin = nowMs - options.history * 86_400_000
    const gaps: Unmeasured[] = []
    for (const [index, { name, url }] of simulator.endpoints.entries()) {
      const row = known.get(name)
      const host = world[index]
      if (row !== undefined) {
        await store.updateEndpoint(row.id, { ...row, url })
        const fromMs = (await measured.newestSampleMs(row.id)) ?? begin
        if (host !== undefined && fromMs < nowMs - LEAST_GAP_MS)
          gaps.push({ host, endpointId: row.id, fromMs })
      } else if (host !== undefined) {
        const { id } = await store.insertEndpoint({
          parentId: null,
          kind: 'docker',
          name,
          url,
          externalId: null,
          enabled: true,
          allowActions: true,
          tlsCa: null,
          tlsCert: null,
          tlsKeySealed: null,
          tlsVerify: true,
          apiKeySealed: null,
        })
        gaps.push({ host, endpointId: id, fromMs: begin })
      }
    }
    if (options.history === 0 || gaps.length === 0) return
    const startedAt = performance.now()
    const rows = await writeHistory(measured, gaps, nowMs)
    for (const gap of gaps) {
      const known = await store.lastEngineEventAt(gap.endpointId)
      const fromMs = Math.max(gap.fromMs, known === undefined ? 0 : Date.parse(known) + 1)
      const events = inventEvents({ ...gap, fromMs }, nowMs)
      for (let i = 0; i < events.length; i += EVENT_BATCH) {
        await store.insertEvents(events.slice(i, i + EVENT_BATCH))
      }
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const hours = Math.round((nowMs - Math.min(...gaps.map(({ fromMs }) => fromMs))) / 3_600_000)
    const span = hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
    console.log(`${span} of history: ${rows.toLocaleString('en')} rows in ${seconds} s.`)
  } finally {
    await storage.close()
  }
}
