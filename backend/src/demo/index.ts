export { type Unmeasured, writeHistory } from './history.ts'
export { inventEvents } from './past-events.ts'
export { type SpawnedFleet, spawnSimulatedFleet } from './spawn.ts'
export { buildWorld } from './world.ts'
