/** Entry of the simulator's own process: options come as JSON in the first argument, endpoints go to the parent. */
import { type SimulatedFleetOptions, startSimulatedFleet } from './fleet.ts'

const options: SimulatedFleetOptions = JSON.parse(process.argv[2] ?? '{}')

// Ctrl+C reaches the whole group of processes; the product stops first and then lets go of this one.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(0))

try {
  const { endpoints } = await startSimulatedFleet(options)
  process.send?.({ endpoints })
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
