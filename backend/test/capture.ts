import { afterEach, beforeEach } from 'vitest'
import type { domains } from '../src/db/domains.ts'
import type { SqlStore } from '../src/db/sql-store.ts'
import { readTableShapes, type TableShape } from '../src/db/transfer/index.ts'
import { type Capture, createCapture, type QueueBatch, type Triggers } from '../src/moves/capture.ts'
import { openDatabase, type TestDatabase } from './databases.ts'

/** Keys of a batch as `table key,key`, in no order. */
export const logged = (batch: QueueBatch) =>
  [...batch.tables].flatMap(([table, { keys }]) => keys.map((key) => `${table} ${key.join(',')}`)).sort()

/** A unit in one store, with everything a test does to its capture. */
export class CaptureBench {
  readonly store: SqlStore
  readonly capture: Capture
  readonly unit: string
  readonly shapes: readonly TableShape[]

  constructor(store: SqlStore, unit: string, shapes: readonly TableShape[]) {
    this.store = store
    this.capture = createCapture(store.db.dialect)
    this.unit = unit
    this.shapes = shapes
  }

  install(
    role: 'authority' | 'mirror' | 'retired' | 'none' = 'authority',
    triggers?: Triggers,
  ): Promise<void> {
    return this.store.transaction((tx) => this.capture.install(tx, this.unit, this.shapes, role, triggers))
  }

  setRole(role: 'authority' | 'mirror' | 'retired', options = {}): Promise<void> {
    return this.store.transaction((tx) => this.capture.setRole(tx, this.unit, this.shapes, role, options))
  }

  read(limit = 1_000): Promise<QueueBatch> {
    return this.store.snapshot((session) => this.capture.read(session, this.shapes, limit))
  }

  async take(): Promise<string[]> {
    const batch = await this.read()
    await this.store.transaction((tx) => this.capture.acknowledge(tx, batch))
    return logged(batch)
  }

  check(triggers?: Triggers): Promise<string[]> {
    return this.store.snapshot((session) => this.capture.check(session, this.unit, this.shapes, triggers))
  }

  role() {
    return this.store.snapshot((session) => this.capture.role(session, this.unit))
  }

  depth() {
    return this.store.snapshot((session) => this.capture.depth(session, this.shapes))
  }

  applying<T>(work: (tx: Parameters<Parameters<SqlStore['transaction']>[0]>[0]) => Promise<T>): Promise<T> {
    return this.store.transaction(async (tx) => {
      await this.capture.beginApply(tx, this.unit)
      const result = await work(tx)
      await this.capture.endApply(tx, this.unit)
      return result
    })
  }
}

/** Adds a user. */
export const addUser = (id: string, name = id) =>
  [`INSERT INTO users (id, username, password_hash) VALUES ($1, $2, 'x')`, [id, name]] as const

export interface CaptureStores {
  readonly sqlite: TestDatabase
  readonly postgres: TestDatabase
  shapesOf(unit: keyof typeof domains): Promise<TableShape[]>
}

/** Two migrated databases for each test of a file; call it once. @returns those of the test that runs. */
export function captureStores(): () => CaptureStores {
  let stores: CaptureStores | undefined
  beforeEach(async () => {
    const sqlite = await openDatabase('sqlite', { migrated: true })
    const postgres = await openDatabase('postgres', { migrated: true })
    stores = { sqlite, postgres, shapesOf: (unit) => readTableShapes(sqlite.store, postgres.store, [unit]) }
  })
  afterEach(() => Promise.all([stores?.sqlite.close(), stores?.postgres.close()]))
  return () => stores!
}
