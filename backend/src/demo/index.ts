export { type SimulatedFleet, type SimulatedFleetOptions, startSimulatedFleet } from './fleet.ts'
export { writeHistory } from './history.ts'
export { type SpawnedFleet, spawnSimulatedFleet } from './spawn.ts'
export { buildWorld, imageOf } from './world.ts'
