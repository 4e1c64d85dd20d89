import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../src/core/log.ts'
import { createLogger } from '../src/core/log.ts'
import type { AppDb } from '../src/db/app-db.ts'
import { openStorage, type Storage, type StorageConfig } from '../src/db/app-db-router.ts'
import type { Domain } from '../src/db/domains.ts'
import type { StoreIntervals } from '../src/db/managed-store.ts'
import { type Placement, type PlacementRow, putPlacement } from '../src/db/placement-store.ts'
import type { Gate, SettleRoles } from '../src/db/storage-control.ts'
import { openDatabase, type TestDatabase } from './databases.ts'
import { QUICK_INTERVALS } from './product.ts'
import { type StoreProxy, startProxy } from './proxy.ts'

export interface StorageChanges {
  readonly config?: Partial<StorageConfig>
  readonly settleRoles?: SettleRoles
  readonly log?: Log
  readonly intervals?: Partial<StoreIntervals>
}

/** A SQLite folder and a PostgreSQL database behind a proxy, for the storage of one installation. */
export interface TwoStores {
  readonly dataDir: string
  readonly database: TestDatabase
  readonly proxy: StoreProxy
  /** Starts the storage, after the one before is closed: a restart. */
  open(changes?: StorageChanges): Promise<Storage>
  close(): Promise<void>
}

export async function createTwoStores(): Promise<TwoStores> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-storage-'))
  const database = await openDatabase('postgres', { migrated: true })
  const proxy = await startProxy(database.location)
  let storage: Storage | undefined
  return {
    dataDir,
    database,
    proxy,
    async open({ config, settleRoles, intervals, log = createLogger('silent') } = {}) {
      await storage?.close()
      storage = undefined
      storage = await openStorage({
        config: {
          dataDir,
          postgresAppUrl: proxy.url,
          postgresAppMaxConnections: 5,
          storagePlacement: undefined,
          storagePlacements: {},
          ...config,
        },
        log,
        clock: () => new Date(),
        intervals: { ...QUICK_INTERVALS, ...intervals },
        ...(settleRoles && { settleRoles }),
      })
      return storage
    },
    async close() {
      await storage?.close()
      await proxy.close()
      await database.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** The store itself, past the router. */
export function storeDb(storage: Storage, name: Placement): AppDb {
  const store = storage.control.store(name)
  if (!store) throw new Error(`${name} is away`)
  return store.db
}

export const other = (placement: Placement): Placement => (placement === 'sqlite' ? 'postgres' : 'sqlite')

/** Writes what a flip writes: `announced` into the old store only, `made` into both. */
export async function writeFlip(
  storage: Storage,
  domains: readonly Domain[],
  upTo: 'announced' | 'made',
): Promise<{ placement: Placement; epoch: number }> {
  const { placement: from, epoch: before } = storage.control.decision(domains[0]!)!
  const placement = other(from)
  const epoch = before + 1
  const put = (name: Placement, state: PlacementRow['state']) => {
    const rows = domains.map((domain) => ({ domain, placement, epoch, state }))
    return storeDb(storage, name).transaction((tx) => putPlacement(tx, rows, new Date().toISOString()))
  }
  await put(from, 'pending')
  if (upTo === 'made') await put(placement, 'complete')
  return { placement, epoch }
}

/** A whole flip to the other store, without its rows. `paused` runs while the gate is closed. */
export async function flip(
  storage: Storage,
  domains: readonly Domain[],
  paused: (gate: Gate) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const gate = await storage.control.close(domains, { deadlineMs: 10_000 })
  await paused(gate)
  const { placement, epoch } = await writeFlip(storage, domains, 'made')
  gate.flip(placement, epoch)
  gate.open()
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 1_000) throw new Error('it did not come to that')
    await sleep(10)
  }
}
