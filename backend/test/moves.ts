import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { AppError } from '../src/core/errors.ts'
import { createLogger, type LogLevel } from '../src/core/log.ts'
import type { AppDb } from '../src/db/app-db.ts'
import { type Storage, sqliteFile } from '../src/db/app-db-router.ts'
import type { Domain } from '../src/db/domains.ts'
import type { Placement } from '../src/db/placement-store.ts'
import { quoteName } from '../src/db/sql-text.ts'
import type { StorageControl } from '../src/db/storage-control.ts'
import { readTableShapes, type TableShape } from '../src/db/transfer/index.ts'
import { type MoveLimits, type MovesService, type StorageUnit, unitNamed } from '../src/moves/index.ts'
import { layMigratedSqlite, openDatabase, type TestDatabase } from './databases.ts'
import { fillTables, type RowRules, randomOf, readRules } from './move-data.ts'
import { awaitsCopy, OPERATOR, QUICK } from './move-steps.ts'
import { createTestMoves, openTestStorage, QUICK_INTERVALS } from './product.ts'
import { type StoreProxy, startProxy } from './proxy.ts'

export { awaitsCopy, OPERATOR } from './move-steps.ts'

/** A store that answers late, on a machine that has no time, is not away: what it holds could not be compared then. */
const intervals = { ...QUICK_INTERVALS, answerMs: 60_000 }
/** Far longer than anything stands still: a test that waits in vain shall say what for. */
const PATIENCE_MS = 45_000

export interface MoveBench {
  readonly dataDir: string
  readonly database: TestDatabase
  /** What PostgreSQL is behind, with `behindProxy`. */
  readonly proxy: StoreProxy
  storage: Storage
  moves: MovesService
  /** The database of one store, past the router. */
  db(placement: Placement): AppDb
  shapes(unit: string): Promise<TableShape[]>
  rules(unit: string): Promise<RowRules[]>
  /** Writes so many rows into each table of the unit, by their rules. */
  fill(unit: string, perTable: number, seed?: number): Promise<void>
  /** Mirrors, and waits until every row was compared. */
  mirror(unit: string): Promise<StorageUnit>
  /** Compares every row, and waits for the result. */
  verify(unit: string): Promise<StorageUnit>
  /** Waits until the unit is as `condition` wants it. */
  until(unit: string, condition: (unit: StorageUnit) => boolean): Promise<StorageUnit>
  /** Cuts over, once the copy of the file that this wants was taken. */
  cutOver(unit: string): Promise<StorageUnit>
  /** Stops the product and starts it again on the same stores. */
  restart(options?: { readonly withoutPostgres?: boolean }): Promise<void>
  /** Stops the moves alone and starts them again. */
  restartMoves(): Promise<void>
  /** All rows of the unit's tables on both sides; the lists are equal when the stores are. */
  contents(unit: string): Promise<{ sqlite: unknown[]; postgres: unknown[] }>
  close(): Promise<void>
}

export interface MoveBenchOptions {
  readonly placement?: Placement
  readonly limits?: Partial<MoveLimits>
  readonly logLevel?: LogLevel
  /** PostgreSQL can be taken away and brought back. */
  readonly behindProxy?: boolean
  /** The time of the moves. */
  readonly clock?: () => Date
  /** Stands between the moves and the stores. */
  readonly control?: (control: StorageControl) => StorageControl
}

/** A {@link openMoveBench} for one test, closed when that ends. */
export async function moveBench(options: MoveBenchOptions = {}): Promise<MoveBench> {
  const bench = await openMoveBench(options)
  onTestFinished(() => bench.close())
  return bench
}

/** Why it was refused; empty when it was not. */
export const reasonsOf = (promise: Promise<unknown>): Promise<string[]> =>
  promise.then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof AppError) || !Array.isArray(error.extra.reasons)) throw error
      return error.extra.reasons
    },
  )

/** The product's storage on a SQLite file and a PostgreSQL database of its own, with moves between them. */
export async function openMoveBench(options: MoveBenchOptions = {}): Promise<MoveBench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-moves-'))
  if (options.placement !== 'postgres') await layMigratedSqlite(sqliteFile(dataDir))
  const database = await openDatabase('postgres', { migrated: true })
  const proxy = options.behindProxy ? await startProxy(database.location) : undefined
  const log = createLogger(options.logLevel ?? 'silent')

  function openMoves(storage: Storage): MovesService {
    return createTestMoves(storage, dataDir, {
      ...(options.control && { control: options.control(storage.control) }),
      ...(options.clock && { clock: options.clock }),
      log,
      limits: { ...QUICK, ...options.limits },
      // A machine that runs tests is late all the time.
      throttle: { reason: () => null, rest: async () => 0, stop: () => undefined },
    })
  }

  async function start(withoutPostgres = false): Promise<{ storage: Storage; moves: MovesService }> {
    const storage = await openTestStorage({
      dataDir,
      postgresUrl: withoutPostgres ? undefined : (proxy?.url ?? database.location),
      // Only for a fresh installation; later starts keep what is.
      config: first ? { storagePlacement: options.placement ?? 'sqlite' } : {},
      log,
      intervals,
    })
    first = false
    const moves = openMoves(storage)
    await moves.start()
    return { storage, moves }
  }

  let first = true
  const running = await start()
  const bench: MoveBench = {
    dataDir,
    database,
    get proxy() {
      if (!proxy) throw new Error('PostgreSQL is behind no proxy')
      return proxy
    },
    ...running,
    db(placement) {
      const store = bench.storage.control.store(placement)
      if (!store) throw new Error(`${placement} is away`)
      return store.db
    },
    shapes(unit) {
      const { control } = bench.storage
      const sqlite = control.store('sqlite')
      const target = control.store('postgres')
      if (!sqlite || !target) throw new Error('a store is away')
      return readTableShapes(sqlite, target, unitNamed(unit).domains)
    },
    async rules(unit) {
      return readRules(bench.db('postgres'), await bench.shapes(unit))
    },
    async fill(unit, perTable, seed = 1) {
      const dbOf = (domain: Domain) => bench.storage.getAppDbFor(domain)
      await fillTables(randomOf(seed), await bench.rules(unit), dbOf, perTable)
    },
    async mirror(unit) {
      await bench.moves.act(unit, 'mirror', OPERATOR)
      return bench.until(unit, ({ state, verify }) => state === 'mirroring' && verify?.clean === true)
    },
    async verify(unit) {
      await bench.moves.act(unit, 'verify', OPERATOR)
      return bench.until(unit, ({ verify }) => verify?.running === false)
    },
    async until(unit, condition) {
      let last = ''
      let changedMs = performance.now()
      for (;;) {
        const state = await bench.moves.unit(unit)
        if (condition(state)) return state
        const text = JSON.stringify(state, null, 1)
        if (text !== last) changedMs = performance.now()
        last = text
        if (performance.now() - changedMs > PATIENCE_MS) throw new Error(`it did not come to that: ${text}`)
        await sleep(20)
      }
    },
    async cutOver(unit) {
      await bench.until(unit, ({ actions }) => !awaitsCopy(actions))
      return bench.moves.act(unit, 'cutover', OPERATOR)
    },
    async restart({ withoutPostgres } = {}) {
      await bench.moves.stop()
      await bench.storage.close()
      Object.assign(bench, await start(withoutPostgres))
    },
    async restartMoves() {
      await bench.moves.stop()
      bench.moves = openMoves(bench.storage)
      await bench.moves.start()
    },
    async contents(unit) {
      const read = async (db: AppDb) => {
        const tables: unknown[] = []
        for (const shape of await bench.shapes(unit)) tables.push(await rowsOf(db, shape))
        return tables
      }
      return { sqlite: await read(bench.db('sqlite')), postgres: await read(bench.db('postgres')) }
    },
    async close() {
      await bench.moves.stop()
      await bench.storage.close()
      await proxy?.close()
      await database.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return bench
}

/** Every row of a table as the product reads it, in an order that both engines have. */
async function rowsOf(db: AppDb, shape: TableShape): Promise<unknown> {
  const columns = shape.columns.map(({ name }) => quoteName(name)).join(', ')
  const rows = await db.query(`SELECT ${columns} FROM ${quoteName(shape.table)}`)
  const keyed = rows.map((row) => [JSON.stringify(shape.key.map((name) => row[name])), row] as const)
  keyed.sort(([a], [b]) => (a < b ? -1 : 1))
  return { table: shape.table, rows: keyed.map(([, row]) => row) }
}
