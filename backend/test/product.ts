import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '../src/core/log.ts'
import { openStorage, type Storage, type StorageConfig, type StorageDeps } from '../src/db/app-db-router.ts'
import type { StoreIntervals } from '../src/db/managed-store.ts'
import { createMoves, type MovesService, type StorageUnit, settleRoles } from '../src/moves/index.ts'

/** A store that is away is noticed, and back, at once. */
export const QUICK_INTERVALS: StoreIntervals = {
  heartbeatMs: 100,
  firstRetryMs: 20,
  longestRetryMs: 100,
  answerMs: 3_000,
  patienceMs: 60_000,
}

export interface TestStorageOptions extends Partial<Omit<StorageDeps, 'config'>> {
  readonly dataDir: string
  readonly postgresUrl: string | undefined
  /** What differs: nothing says where domains begin, unless this does. */
  readonly config?: Partial<StorageConfig>
}

/** The product's storage, which says nothing in a log. */
export function openTestStorage({
  dataDir,
  postgresUrl,
  config,
  ...deps
}: TestStorageOptions): Promise<Storage> {
  return openStorage({
    config: {
      dataDir,
      postgresAppUrl: postgresUrl,
      postgresAppMaxConnections: 10,
      storagePlacement: undefined,
      storagePlacements: {},
      ...config,
    },
    log: createLogger('silent'),
    clock: () => new Date(),
    settleRoles,
    ...deps,
  })
}

/** Moves between the stores of `storage`, not started yet. */
export function createTestMoves(
  storage: Storage,
  dataDir: string,
  deps: Partial<Parameters<typeof createMoves>[0]> = {},
): MovesService {
  return createMoves({
    control: storage.control,
    status: () => storage.status(),
    log: createLogger('silent'),
    clock: () => new Date(),
    dataDir,
    ...deps,
  })
}

/** Waits until a unit is as `condition` wants it, however long that takes. */
export async function untilUnit(
  moves: MovesService,
  unit: string,
  condition: (unit: StorageUnit) => boolean,
): Promise<StorageUnit> {
  for (;;) {
    const now = await moves.unit(unit)
    if (condition(now)) return now
    await sleep(20)
  }
}
