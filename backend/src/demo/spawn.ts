import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SimulatedFleetOptions } from './fleet.ts'

export interface SpawnedFleet {
  readonly endpoints: readonly { readonly name: string; readonly url: string }[]
  readonly pid: number
  close(): Promise<void>
}

interface Report {
  endpoints?: SpawnedFleet['endpoints']
  error?: string
}

const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './process.ts' : './process.js', import.meta.url),
)

/**
 * Starts the simulated fleet in a process of its own, so that what it costs is not counted as the product's.
 * It ends with this process.
 *
 * @throws Error with the simulator's reason when it cannot start.
 */
export async function spawnSimulatedFleet(
  options: Omit<SimulatedFleetOptions, 'clock'>,
): Promise<SpawnedFleet> {
  const child = fork(ENTRY, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { endpoints, error } = await firstReport(child)
  if (endpoints === undefined)
    throw new Error(`The simulated fleet cannot start: ${error ?? 'it ended at once'}`)
  return {
    endpoints,
    pid: child.pid ?? 0,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

function firstReport(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    child.once('message', (report: Report) => resolve(report))
    child.once('error', reject)
    child.once('exit', () => resolve({}))
  })
}
